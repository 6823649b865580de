#include "engine/relay/source_addresses.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::relay {

SourceAddresses SourceAddresses::Of(absl::Span<const std::string> addresses) {
  SourceAddresses result;
  for (const std::string& text : addresses) {
    const absl::StatusOr<io::SocketAddress> address = io::SocketAddress::FromIp(text, 0);
    SLUICE_CHECK(address.ok());
    (address->is_ipv6() ? result.v6 : result.v4) = *address;
  }
  return result;
}

std::vector<io::SocketAddress> SourceAddresses::All() const {
  std::vector<io::SocketAddress> all;
  if (v4.has_value()) all.push_back(*v4);
  if (v6.has_value()) all.push_back(*v6);
  return all;
}

std::string SourceAddresses::ToString() const {
  std::string text;
  for (const io::SocketAddress& address : All()) {
    absl::StrAppend(&text, text.empty() ? "" : " ", address.ip());
  }
  return text;
}

}  // namespace sluice::relay
