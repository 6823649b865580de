// The addresses that connections to a next hop come from: at most one of each family. A connection
// to an address of a family for which there is none comes from whatever the system chooses.
//
//   to.source = source.For(to.remote);
//
// Plain data.
#ifndef SLUICE_ENGINE_RELAY_SOURCE_ADDRESSES_H_
#define SLUICE_ENGINE_RELAY_SOURCE_ADDRESSES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "engine/io/socket_address.h"

namespace sluice::relay {

struct SourceAddresses {
  std::optional<io::SocketAddress> v4;  // port 0, as is that of v6
  std::optional<io::SocketAddress> v6;

  // Of texts as policy::ParseSourceAddresses gives them (checked).
  static SourceAddresses Of(absl::Span<const std::string> addresses);

  bool empty() const { return !v4.has_value() && !v6.has_value(); }
  std::optional<io::SocketAddress> For(const io::SocketAddress& remote) const {
    return remote.is_ipv6() ? v6 : v4;
  }
  std::vector<io::SocketAddress> All() const;
  std::string ToString() const;  // "192.0.2.7 2001:db8::7"
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_SOURCE_ADDRESSES_H_
