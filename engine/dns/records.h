// From the records of a DNS response to the answers of resolver.h: the rules of mail (RFC 5321
// §5.1, RFC 7505) without any network. Everything in a response comes from strangers and is checked
// here.
//
// Thread-safe; pure functions of their arguments.
#ifndef SLUICE_ENGINE_DNS_RECORDS_H_
#define SLUICE_ENGINE_DNS_RECORDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/random.h"
#include "engine/dns/resolver.h"

namespace sluice::dns {

enum class RecordType : uint16_t {
  kA = 1,
  kCname = 5,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kTlsa = 52
};
absl::string_view RecordTypeName(RecordType type);

// One response, as a validating resolver hands it on.
struct Response {
  int rcode = 0;            // RFC 6895; 0: no error
  bool name_exists = true;  // false: NXDOMAIN
  bool secure = false;
  std::string canonical;             // the name, its aliases followed; empty: it has none
  std::string bogus;                 // why validation failed; empty: it did not
  std::vector<std::string> records;  // RDATA in wire format, uncompressed; aliases followed
};

// The name as it is asked for: lower case, no trailing dot. InvalidArgument for what is no domain
// name, or has other characters than letters, digits, '-' and '_'.
absl::StatusOr<std::string> QueryName(absl::string_view name);

// NotFound or Unavailable when the response is an error; OK with or without records. NXDOMAIN is
// NotFound.
absl::Status CheckResponse(absl::string_view name, RecordType type, const Response& response);

absl::StatusOr<MxAnswer> ReadMx(absl::string_view domain, const Response& response, Random& random);

// `a` and `aaaa`: the two responses, or why there is none.
absl::StatusOr<AddressAnswer> ReadAddresses(absl::string_view host,
                                            const absl::StatusOr<Response>& a,
                                            const absl::StatusOr<Response>& aaaa, Random& random);

// `name`: "_25._tcp.mx.example.com". A record too short to have its fields is left out; when none
// is left, what is answered is NotFound.
absl::StatusOr<TlsaAnswer> ReadTlsa(absl::string_view name, const Response& response);

// The name of the TLSA records of a service on TCP (RFC 6698 §3).
std::string TlsaName(absl::string_view host, uint16_t port);

absl::StatusOr<Security> ReadAlias(absl::string_view host, const Response& response);

absl::StatusOr<TxtAnswer> ReadTxt(absl::string_view name, const Response& response);

}  // namespace sluice::dns

#endif  // SLUICE_ENGINE_DNS_RECORDS_H_
