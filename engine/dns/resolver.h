// What a relay asks of DNS: where mail for a domain goes, at which addresses a host is found, and
// which certificates it announces for itself; and what a domain announces in texts.
//
//   absl::StatusOr<dns::MxAnswer> mx = co_await resolver.LookupMx(core, domain, deadline);
//   if (mx.ok() && mx->null_mx) …                      // takes no mail (RFC 7505): 5.1.10
//   for (const dns::MxHost& host : mx->hosts) {        // in the order to try them
//     absl::StatusOr<dns::AddressAnswer> found =
//         co_await resolver.LookupAddresses(core, host.name, deadline);
//
// Errors, the same for all:
//   NotFound         the name does not exist, or exists without any such record: asking again soon
//                    gives the same. (For LookupMx only the former: a domain that exists without MX
//                    records is its own mail host.)
//   Unavailable      no answer can be had now, or none that can be trusted: no server answered in
//                    time, SERVFAIL, REFUSED, DNSSEC validation failed (bogus), no record is
//                    usable. Mail waits.
//   InvalidArgument  what was asked for is no domain name.
//   Cancelled        the resolver has stopped.
//
// An interface, so that a simulation can answer from a table of its own. Implementations: any core
// may call at any time; `core` is the one that the caller runs on.
#ifndef SLUICE_ENGINE_DNS_RESOLVER_H_
#define SLUICE_ENGINE_DNS_RESOLVER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/clock.h"
#include "engine/io/core.h"
#include "engine/io/socket_address.h"
#include "engine/io/task.h"

namespace sluice::dns {

// Whether an answer was validated with DNSSEC. A bogus answer is an error and never seen here.
enum class Security : uint8_t { kInsecure, kSecure };

// What is kept of one answer; a domain that publishes more does not make a message try more.
inline constexpr size_t kMaxMxHosts = 32;
inline constexpr size_t kMaxAddresses = 32;
inline constexpr size_t kMaxTlsaRecords = 32;
inline constexpr size_t kMaxTexts = 64;

struct MxHost {
  uint16_t preference;
  std::string name;  // lower case, no trailing dot; letters, digits, '-' and '_' in its labels
};

struct MxAnswer {
  // In the order to try them: by preference, those of equal preference shuffled (RFC 5321 §5.1).
  std::vector<MxHost> hosts;
  bool null_mx = false;   // "0 ." alone: the domain takes no mail; `hosts` is empty
  bool implicit = false;  // no MX records: `hosts` is the domain itself, preference 0
  // Of all that led here, aliases (CNAME) included.
  Security security = Security::kInsecure;
  std::string canonical;  // the domain, its aliases followed
};

struct AddressAnswer {
  // IPv6 and IPv4 in turn, IPv6 first, each family shuffled; port 0. At least one.
  std::vector<io::SocketAddress> addresses;
  Security security = Security::kInsecure;  // secure when every address was validated, and aliases
  std::string canonical;                    // the host, its aliases followed
};

// RFC 6698 §2.1, the fields as they came.
struct TlsaRecord {
  uint8_t usage = 0;
  uint8_t selector = 0;
  uint8_t matching_type = 0;
  std::string data;  // octets
};

struct TlsaAnswer {
  std::vector<TlsaRecord> records;  // at least one
  Security security = Security::kInsecure;
};

struct TxtAnswer {
  std::vector<std::string> texts;  // one for each record, its strings joined; any octets
  Security security = Security::kInsecure;
};

class Resolver {
 public:
  virtual ~Resolver() = default;

  // `domain`: A-labels; a trailing dot and upper case are taken.
  virtual io::Task<absl::StatusOr<MxAnswer>> LookupMx(io::Core& core, std::string domain,
                                                      MonoTime deadline) = 0;

  // A and AAAA records, asked for together. When one of the two fails and the other has addresses,
  // those are the answer.
  virtual io::Task<absl::StatusOr<AddressAnswer>> LookupAddresses(io::Core& core, std::string host,
                                                                  MonoTime deadline) = 0;

  // TLSA records of the SMTP service at `host` and `port`. NotFound: it has none.
  virtual io::Task<absl::StatusOr<TlsaAnswer>> LookupTlsa(io::Core& core, std::string host,
                                                          uint16_t port, MonoTime deadline) = 0;

  // Whether the alias (CNAME) that `host` is was validated, wherever that alias leads: it may stand
  // in a signed zone and name a host in one that is not. NotFound: it is none.
  virtual io::Task<absl::StatusOr<Security>> LookupAlias(io::Core& core, std::string host,
                                                         MonoTime deadline) = 0;

  // TXT records, aliases followed. At least one text.
  virtual io::Task<absl::StatusOr<TxtAnswer>> LookupTxt(io::Core& core, std::string name,
                                                        MonoTime deadline) = 0;
};

}  // namespace sluice::dns

#endif  // SLUICE_ENGINE_DNS_RESOLVER_H_
