// A listening TCP socket for the API: --admin_listen. Thread-safe (functions of their arguments).
#ifndef SLUICE_ENGINE_ADMIN_TCP_SOCKET_H_
#define SLUICE_ENGINE_ADMIN_TCP_SOCKET_H_

#include "absl/status/statusor.h"
#include "engine/io/socket_address.h"

namespace sluice::admin {

struct TcpSocket {
  int fd = -1;                // the caller's to close
  io::SocketAddress address;  // with the port that the kernel picked where port 0 was asked for
};

// IPv6 addresses take IPv6 only: who wants both names both. The error names the flag and the
// address.
absl::StatusOr<TcpSocket> ListenOnTcp(const io::SocketAddress& address);

// 127.0.0.0/8 and ::1: only this machine can reach it.
bool IsLoopback(const io::SocketAddress& address);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_TCP_SOCKET_H_
