#include "engine/admin/tcp_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sluice::admin {
namespace {

bool Switch(int fd, int level, int option) {
  const int on = 1;
  return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

bool Prepare(int fd, const io::SocketAddress& address) {
  return Switch(fd, SOL_SOCKET, SO_REUSEADDR) &&
         (!address.is_ipv6() || Switch(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
         Switch(fd, IPPROTO_TCP, TCP_NODELAY) && bind(fd, address.get(), address.size()) == 0 &&
         listen(fd, SOMAXCONN) == 0;
}

}  // namespace

absl::StatusOr<TcpSocket> ListenOnTcp(const io::SocketAddress& address) {
  const std::string attempted =
      absl::StrCat("--admin_listen: cannot listen on ", address.ToString());
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, attempted);
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  if (!Prepare(fd, address) || getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    const int error = errno;
    close(fd);
    return absl::ErrnoToStatus(error, attempted);
  }
  return TcpSocket{
      fd, io::SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&bound), size)};
}

bool IsLoopback(const io::SocketAddress& address) {
  const absl::string_view ip = address.ip_bytes();
  return ip.size() == 4 ? ip[0] == 127 : address.ip() == "::1";
}

}  // namespace sluice::admin
