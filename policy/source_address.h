// The addresses that this gateway's connections to a next hop come from, as text: at most one IPv4
// and one IPv6 address, as the enforced-TLS list, routes and --source_address have them.
//
//   ParseSourceAddresses("192.0.2.7 2001:DB8::7")   {"192.0.2.7", "2001:db8::7"}
//
// What cannot be connected from is refused: wildcards (0.0.0.0, ::), multicast, IPv4-mapped ones,
// and link-local ones, which would need an interface. Whether this machine has an address is not
// asked here. Pure.
#ifndef SLUICE_POLICY_SOURCE_ADDRESS_H_
#define SLUICE_POLICY_SOURCE_ADDRESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::policy {

// Canonical texts, IPv4 first, of addresses between blanks or commas. InvalidArgument says what is
// wrong.
absl::StatusOr<std::vector<std::string>> ParseSourceAddresses(absl::string_view text);

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_SOURCE_ADDRESS_H_
