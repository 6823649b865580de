#include "engine/io/socket_address.h"

#include <arpa/inet.h>

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::io {

SocketAddress::SocketAddress() : storage_{} { storage_.v4.sin_family = AF_INET; }

absl::StatusOr<SocketAddress> SocketAddress::Parse(absl::string_view text) {
  const size_t colon = text.rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port) ||
      port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not address:port, such as 192.0.2.1:25 or [2001:db8::1]:25"));
  }
  const absl::string_view ip = text.substr(0, colon);
  if (absl::StrContains(ip, ':') && !absl::StartsWith(ip, "[")) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "': an IPv6 address stands in brackets: [", ip, "]:", port));
  }
  return FromIp(ip, static_cast<uint16_t>(port));
}

absl::StatusOr<SocketAddress> SocketAddress::FromIp(absl::string_view ip, uint16_t port) {
  absl::string_view bare = ip;
  if (absl::StartsWith(bare, "[") && absl::EndsWith(bare, "]")) {
    bare = bare.substr(1, bare.size() - 2);
  }
  const std::string text(bare);
  SocketAddress address;
  if (inet_pton(AF_INET, text.c_str(), &address.storage_.v4.sin_addr) != 1) {
    address.storage_.v6 = sockaddr_in6{};
    address.storage_.v6.sin6_family = AF_INET6;
    if (inet_pton(AF_INET6, text.c_str(), &address.storage_.v6.sin6_addr) != 1) {
      return absl::InvalidArgumentError(absl::StrCat("'", ip, "' is not an IPv4 or IPv6 address"));
    }
  }
  address.set_port(port);
  return address;
}

SocketAddress SocketAddress::FromSockaddr(const sockaddr* address, socklen_t size) {
  SocketAddress result;
  if (address->sa_family == AF_INET6) {
    SLUICE_CHECK(size >= sizeof(sockaddr_in6));
    std::memcpy(&result.storage_.v6, address, sizeof(sockaddr_in6));
  } else {
    SLUICE_CHECK(address->sa_family == AF_INET && size >= sizeof(sockaddr_in));
    std::memcpy(&result.storage_.v4, address, sizeof(sockaddr_in));
  }
  return result;
}

SocketAddress SocketAddress::FromBytes(absl::string_view bytes, uint16_t port) {
  SLUICE_CHECK(bytes.size() == 4 || bytes.size() == 16);
  SocketAddress result;
  if (bytes.size() == 4) {
    std::memcpy(&result.storage_.v4.sin_addr, bytes.data(), 4);
  } else {
    result.storage_.v6 = sockaddr_in6{};
    result.storage_.v6.sin6_family = AF_INET6;
    std::memcpy(&result.storage_.v6.sin6_addr, bytes.data(), 16);
  }
  result.set_port(port);
  return result;
}

// sin_port and sin6_port stand at the same place.
uint16_t SocketAddress::port() const { return ntohs(storage_.v4.sin_port); }
void SocketAddress::set_port(uint16_t port) { storage_.v4.sin_port = htons(port); }

absl::string_view SocketAddress::ip_bytes() const {
  if (!is_ipv6()) return {reinterpret_cast<const char*>(&storage_.v4.sin_addr), 4};
  const auto* bytes = reinterpret_cast<const char*>(&storage_.v6.sin6_addr);
  if (IN6_IS_ADDR_V4MAPPED(&storage_.v6.sin6_addr)) return {bytes + 12, 4};
  return {bytes, 16};
}

std::string SocketAddress::ip() const {
  const absl::string_view bytes = ip_bytes();
  // By hand: inet_ntop goes through printf, and each message has several of these.
  if (bytes.size() == 4) {
    const auto octet = [bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    return absl::StrCat(octet(0), ".", octet(1), ".", octet(2), ".", octet(3));
  }
  char text[INET6_ADDRSTRLEN];
  SLUICE_CHECK(inet_ntop(AF_INET6, bytes.data(), text, sizeof(text)) != nullptr);
  return text;
}

std::string SocketAddress::literal() const {
  return absl::StrCat(ip_bytes().size() == 4 ? "[" : "[IPv6:", ip(), "]");
}

std::string SocketAddress::ToString() const {
  return ip_bytes().size() == 4 ? absl::StrCat(ip(), ":", port())
                                : absl::StrCat("[", ip(), "]:", port());
}

}  // namespace sluice::io
