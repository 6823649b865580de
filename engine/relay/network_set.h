// Networks by prefix: who may relay (--relay_networks).
//
//   SLUICE_ASSIGN_OR_RETURN(NetworkSet set, NetworkSet::Parse("127.0.0.0/8,::1,10.0.0.0/8"));
//   set.Contains(connection.remote())
//
// A value; thread-compatible. An IPv4-mapped IPv6 address counts as the IPv4 address.
#ifndef SLUICE_ENGINE_RELAY_NETWORK_SET_H_
#define SLUICE_ENGINE_RELAY_NETWORK_SET_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/io/socket_address.h"

namespace sluice::relay {

class NetworkSet {
 public:
  // Comma-separated addresses, each with an optional /prefix length. InvalidArgument names the item
  // and what is accepted; bits set beyond the prefix are a fault too ("10.1.2.3/8").
  static absl::StatusOr<NetworkSet> Parse(absl::string_view list);

  bool Contains(const io::SocketAddress& address) const;
  bool empty() const { return networks_.empty(); }

 private:
  struct Network {
    std::string bytes;  // 4 or 16
    int prefix_bits;
  };
  std::vector<Network> networks_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_NETWORK_SET_H_
