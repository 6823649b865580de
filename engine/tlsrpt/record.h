// The TXT record `_smtp._tls.<domain>` by which a domain asks for reports of TLS (RFC 8460 §3):
// "v=TLSRPTv1" with the fields of engine/dns/text_record.h, of which this one counts and the others
// are ignored:
//
//   field     = "rua=" uri *( *WSP "," *WSP uri )
//   uri       = "mailto:" address [ "?" … ]  /  "https://" host [ ":" port ] [ path ] [ "?" … ]
//
// Within a URI "," "!" and ";" stand percent-encoded (§3). A value that holds "=" is taken where it
// is rua's, since the query of a URI may. Everything in a record comes from strangers: it decides
// where this gateway connects to, and only that.
//
// Pure function; thread-safe.
#ifndef SLUICE_ENGINE_TLSRPT_RECORD_H_
#define SLUICE_ENGINE_TLSRPT_RECORD_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace sluice::tlsrpt {

struct MailEndpoint {
  std::string address;  // "reports@example.com", ASCII, decoded
};

struct WebEndpoint {
  std::string host;  // A-labels, lower case; no address
  uint16_t port = 443;
  std::string target;  // "/v1/tlsrpt?x=1", as published
};

struct Endpoint {
  std::string uri;  // as it is published: printable ASCII
  std::variant<MailEndpoint, WebEndpoint> where;
};

// More are passed over.
inline constexpr size_t kMostEndpoints = 8;

// Where the domain wants its reports, in its order; at least one.
//
// `texts` are all TXT records of the name. Those that are no TLSRPT records are passed over;
// NotFound: none is left. InvalidArgument: several are (§3 takes none of them then), or the one is
// not what the grammar says, or names no place that reports can be sent to. URIs of other kinds,
// and such as cannot be reached, are passed over.
absl::StatusOr<std::vector<Endpoint>> ReadEndpoints(const std::vector<std::string>& texts);

}  // namespace sluice::tlsrpt

#endif  // SLUICE_ENGINE_TLSRPT_RECORD_H_
