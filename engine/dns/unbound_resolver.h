// The resolver on libunbound, which caches, and validates DNSSEC where it has a trust anchor.
//
//   UnboundOptions options;
//   options.config = absl::GetFlag(FLAGS_dns_config);
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<UnboundResolver> resolver,
//                           UnboundResolver::Start(options, SystemClock()));
//
// The grammar of --dns_config:
//
//   config    = [ "resolv:" path / "unbound:" path / forwarder *( "," forwarder ) ]
//   forwarder = address [ "@" port ]        ; "192.0.2.53", "127.0.0.1@5353", "2001:db8::53@53"
//
//   (empty)              as resolv:/etc/resolv.conf
//   resolv:PATH          forwards to the nameservers of a file like resolv.conf(5)
//   unbound:PATH         an unbound.conf(5): recursion from the root, stub zones, trust anchors, …
//   127.0.0.1@5353,…     forwards to these
//
// Without a trust anchor (UnboundOptions::trust_anchor, or unbound: trust-anchor-file) forwarders
// are trusted as they are, and every answer is insecure. With one, forwarders must hand DNSSEC's
// records on: behind one that does not, every answer is bogus.
//
// Threads. One service thread owns the unbound context: it hands questions to unbound's own thread
// and answers back to the cores. A core never waits for either: it leaves its question under a
// short lock and goes on. Questions under way are bounded, and each ends at its deadline whatever
// the servers do.
#ifndef SLUICE_ENGINE_DNS_UNBOUND_RESOLVER_H_
#define SLUICE_ENGINE_DNS_UNBOUND_RESOLVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/clock.h"
#include "engine/dns/records.h"
#include "engine/dns/resolver.h"

namespace sluice::dns {

struct UnboundOptions {
  std::string config;  // --dns_config
  // --dnssec_trust_anchor: a file of DS or DNSKEY records, such as Debian's dns-root-data has of
  // the root; empty: none.
  std::string trust_anchor;
  size_t max_pending = 10000;  // questions under way; one more is Unavailable at once
};

class UnboundResolver final : public Resolver {
 public:
  // InvalidArgument, naming --dns_config, the item and what is accepted; NotFound for a file that
  // cannot be read.
  static absl::Status CheckConfig(absl::string_view config);

  // The same for --dnssec_trust_anchor.
  static absl::Status CheckTrustAnchor(const std::string& path);

  static absl::StatusOr<std::unique_ptr<UnboundResolver>> Start(const UnboundOptions& options,
                                                                const Clock& clock);
  // Ends what is under way with Cancelled. The cores that asked must still run.
  ~UnboundResolver() override;

  io::Task<absl::StatusOr<MxAnswer>> LookupMx(io::Core& core, std::string domain,
                                              MonoTime deadline) override;
  io::Task<absl::StatusOr<AddressAnswer>> LookupAddresses(io::Core& core, std::string host,
                                                          MonoTime deadline) override;
  io::Task<absl::StatusOr<TlsaAnswer>> LookupTlsa(io::Core& core, std::string host, uint16_t port,
                                                  MonoTime deadline) override;
  io::Task<absl::StatusOr<Security>> LookupAlias(io::Core& core, std::string host,
                                                 MonoTime deadline) override;
  io::Task<absl::StatusOr<TxtAnswer>> LookupTxt(io::Core& core, std::string name,
                                                MonoTime deadline) override;

 private:
  class Service;
  class Lookup;
  explicit UnboundResolver(std::unique_ptr<Service> service);

  std::unique_ptr<Service> service_;
};

}  // namespace sluice::dns

#endif  // SLUICE_ENGINE_DNS_UNBOUND_RESOLVER_H_
