// Mail addresses as they stand in MAIL FROM and RCPT TO (RFC 5321 §4.1.2, RFC 6531 §3.3).
//
//   absl::string_view rest = "<user@example.com> SIZE=1000";
//   absl::StatusOr<Address> address = ParsePath(rest);     // rest: " SIZE=1000"
//
// A source route ("<@relay:user@host>") is taken and forgotten, as §4.1.1.3 asks. A domain is kept
// as it was written; policy/ brings it into the form in which names are compared. An address
// literal holds an IPv4 address, or "IPv6:" and an IPv6 address (§4.1.3); no other kind has ever
// been registered.
#ifndef SLUICE_ENGINE_SMTP_ADDRESS_H_
#define SLUICE_ENGINE_SMTP_ADDRESS_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::smtp {

inline constexpr size_t kMaxLocalPartOctets = 64;  // RFC 5321 §4.5.3.1.1
inline constexpr size_t kMaxDomainOctets = 255;    // §4.5.3.1.2
// §4.5.3.1.3: 256 for a path, of which the angle brackets are two.
inline constexpr size_t kMaxMailboxOctets = 254;

struct Address {
  std::string text;    // "user@example.com"; empty: the null sender
  std::string domain;  // "example.com", "[192.0.2.1]"; empty for the null sender and "postmaster"
  bool utf8 = false;   // written with octets outside ASCII, which are well-formed UTF-8

  bool null() const { return text.empty(); }
};

// A path at the front of `rest`, which is moved behind it. InvalidArgument says what is wrong.
// "<Postmaster>", without a domain, is an address of its own (§4.1.1.3).
absl::StatusOr<Address> ParsePath(absl::string_view& rest);

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_ADDRESS_H_
