#include "policy/source_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"

namespace sluice::policy {
namespace {

absl::Status Unfit(absl::string_view address, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", absl::CHexEscape(address.substr(0, 64)), "' ", why));
}

absl::StatusOr<std::string> CanonicalV4(absl::string_view text, const in_addr& address) {
  const uint32_t host = ntohl(address.s_addr);
  if (host >> 24 == 0 || host >> 28 >= 0xe) {
    return Unfit(text, "is no address that a connection can come from");
  }
  char canonical[INET_ADDRSTRLEN];
  return std::string(inet_ntop(AF_INET, &address, canonical, sizeof(canonical)));
}

absl::StatusOr<std::string> CanonicalV6(absl::string_view text, const in6_addr& address) {
  if (IN6_IS_ADDR_UNSPECIFIED(&address) || IN6_IS_ADDR_MULTICAST(&address)) {
    return Unfit(text, "is no address that a connection can come from");
  }
  if (IN6_IS_ADDR_V4MAPPED(&address)) return Unfit(text, "is an IPv4 address: write it as one");
  if (IN6_IS_ADDR_LINKLOCAL(&address)) {
    return Unfit(text, "is link-local: name a global address, or a unique local one");
  }
  char canonical[INET6_ADDRSTRLEN];
  return std::string(inet_ntop(AF_INET6, &address, canonical, sizeof(canonical)));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseSourceAddresses(absl::string_view text) {
  std::string v4;
  std::string v6;
  for (const absl::string_view item :
       absl::StrSplit(text, absl::ByAnyChar(" \t,"), absl::SkipEmpty())) {
    const std::string terminated(item);
    in_addr four{};
    in6_addr six{};
    const bool is_v4 = inet_pton(AF_INET, terminated.c_str(), &four) == 1;
    if (!is_v4 && inet_pton(AF_INET6, terminated.c_str(), &six) != 1) {
      return Unfit(item, "is neither an IPv4 address (192.0.2.7) nor an IPv6 one (2001:db8::7)");
    }
    SLUICE_ASSIGN_OR_RETURN(std::string canonical,
                            is_v4 ? CanonicalV4(item, four) : CanonicalV6(item, six));
    std::string& place = is_v4 ? v4 : v6;
    if (!place.empty()) {
      return Unfit(item, absl::StrCat("is a second ", is_v4 ? "IPv4" : "IPv6", " address, beside ",
                                      place, "; one of each family is accepted"));
    }
    place = std::move(canonical);
  }
  std::vector<std::string> addresses;
  for (std::string* address : {&v4, &v6}) {
    if (!address->empty()) addresses.push_back(std::move(*address));
  }
  return addresses;
}

}  // namespace sluice::policy
