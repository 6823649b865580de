// An IPv4 or IPv6 address with a port.
#ifndef SLUICE_ENGINE_IO_SOCKET_ADDRESS_H_
#define SLUICE_ENGINE_IO_SOCKET_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::io {

class SocketAddress {
 public:
  SocketAddress();  // 0.0.0.0:0
  // "192.0.2.1:25", "[2001:db8::1]:25". No names: those are the resolver's.
  static absl::StatusOr<SocketAddress> Parse(absl::string_view text);
  // "192.0.2.1", "2001:db8::1" (brackets accepted).
  static absl::StatusOr<SocketAddress> FromIp(absl::string_view ip, uint16_t port);
  // `size` bytes of a sockaddr of family AF_INET or AF_INET6.
  static SocketAddress FromSockaddr(const sockaddr* address, socklen_t size);
  // 4 or 16 bytes in network order, as in an A or AAAA record.
  static SocketAddress FromBytes(absl::string_view bytes, uint16_t port);

  bool is_ipv6() const { return family() == AF_INET6; }
  sa_family_t family() const { return storage_.v4.sin_family; }
  uint16_t port() const;
  void set_port(uint16_t port);
  std::string ip() const;  // "192.0.2.1", "2001:db8::1"
  // As in Received: and EHLO (RFC 5321 §4.1.3): "[192.0.2.1]", "[IPv6:2001:db8::1]".
  std::string literal() const;
  std::string ToString() const;        // "192.0.2.1:25", "[2001:db8::1]:25"
  absl::string_view ip_bytes() const;  // 4 or 16, network order; an IPv4-mapped one gives 4

  const sockaddr* get() const { return &storage_.any; }
  socklen_t size() const { return is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }

  friend bool operator==(const SocketAddress& a, const SocketAddress& b) {
    return a.port() == b.port() && a.ip_bytes() == b.ip_bytes();
  }

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } storage_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SOCKET_ADDRESS_H_
