// What is demanded of the connection that takes mail to a domain: the one place where the
// enforced-TLS list meets TLS on the way out.
//
//   OutboundPolicy policy = OutboundPolicyOf(*list, "example.com", settings.default_tls_level);
//   tls::PeerDemand demand = policy.DemandOf("mx1.example.com");
//
// The recipient's domain decides, never the name of the MX host: a listed domain stays listed
// whoever takes its mail.
//
// A value; thread-compatible.
#ifndef SLUICE_ENGINE_RELAY_OUTBOUND_POLICY_H_
#define SLUICE_ENGINE_RELAY_OUTBOUND_POLICY_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/relay/settings.h"
#include "engine/relay/source_addresses.h"
#include "policy/demand.h"
#include "policy/snapshot.h"
#include "tls/peer_demand.h"

namespace sluice::relay {

struct OutboundPolicy {
  enum class Force : uint8_t {
    kMay,      // on no entry: TLS where it is offered, else in clear
    kMonitor,  // as kMay, but what kMust would have refused is counted
    kMust,     // TLS as demanded, or nothing
  };

  Force force = Force::kMay;
  policy::OutboundDemand demand;  // kMonitor and kMust
  std::string domain;             // the recipient's, as compared
  std::string pattern;            // of the deciding entry; empty: the default level
  uint64_t generation = 0;        // of the deciding entry

  // What the entry has this gateway show of itself (identity.h), rather than demand.
  SourceAddresses source;
  std::string client_certificate;

  // What the sender asks for (sender_wish.h).
  bool require_tls = false;   // the server offers REQUIRETLS; force and demand are what that takes
  bool tls_optional = false;  // what the domain publishes (DANE, MTA-STS) does not count

  // What the certificate of `host` (the MX host, or a route's) has to show.
  tls::PeerDemand DemandOf(absl::string_view host) const;

  // The same digest: mail may share a connection. Holds the force, the demand, what is shown of
  // this gateway, what the sender asks for and, where the certificate must carry the recipient's
  // domain, that domain.
  std::string Digest() const;
};

// As if `entry` decided for the domain.
OutboundPolicy OutboundPolicyOf(const policy::Entry& entry, absl::string_view domain);
OutboundPolicy OutboundPolicyOf(const policy::Snapshot& list, absl::string_view domain,
                                DefaultLevel default_level);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_OUTBOUND_POLICY_H_
