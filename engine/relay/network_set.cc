#include "engine/relay/network_set.h"

#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sluice::relay {
namespace {

// True when the first `bits` of both are the same.
bool SamePrefix(absl::string_view a, absl::string_view b, int bits) {
  const auto whole = static_cast<size_t>(bits / 8);
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  const int rest = bits % 8;
  if (rest == 0) return true;
  const int mask = 0xff << (8 - rest) & 0xff;
  return ((a[whole] ^ b[whole]) & mask) == 0;
}

bool HasBitsBeyond(absl::string_view bytes, int bits) {
  for (int bit = bits; bit < static_cast<int>(bytes.size()) * 8; ++bit) {
    if ((bytes[static_cast<size_t>(bit / 8)] >> (7 - bit % 8)) & 1) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<NetworkSet> NetworkSet::Parse(absl::string_view list) {
  NetworkSet set;
  for (absl::string_view item : absl::StrSplit(list, ',')) {
    item = absl::StripAsciiWhitespace(item);
    if (item.empty()) continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(item, absl::MaxSplits('/', 1));
    const absl::StatusOr<io::SocketAddress> address = io::SocketAddress::FromIp(parts.first, 0);
    if (!address.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", item, "' is not a network such as 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32"));
    }
    const std::string bytes(address->ip_bytes().data(), address->ip_bytes().size());
    const int all_bits = static_cast<int>(bytes.size()) * 8;
    int bits = all_bits;
    if (parts.first.size() != item.size() &&
        (!absl::SimpleAtoi(parts.second, &bits) || bits < 0 || bits > all_bits)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", item, "': the prefix length is a number from 0 to ", all_bits));
    }
    if (HasBitsBeyond(bytes, bits)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", item, "' has bits set beyond its prefix of ", bits, "; write the network's own address"));
    }
    set.networks_.push_back({bytes, bits});
  }
  return set;
}

bool NetworkSet::Contains(const io::SocketAddress& address) const {
  const absl::string_view bytes = address.ip_bytes();
  for (const Network& network : networks_) {
    if (network.bytes.size() == bytes.size() &&
        SamePrefix(network.bytes, bytes, network.prefix_bits)) {
      return true;
    }
  }
  return false;
}

}  // namespace sluice::relay
