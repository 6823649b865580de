// The Unix socket on which the API is served: who may reach it is who may open the file.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<ControlSocket> socket,
//                           ControlSocket::Listen({.path = "var/sluice.sock"}));
//   … serve on socket->TakeFd() …
//
// The socket is made under a name of its own, given its owner and mode, and only then moved to
// `path`: at no moment can somebody reach it who may not. A file that a daemon left behind is
// replaced; where one still answers, nothing is touched. The file goes with the object, unless
// another socket has taken its place. One thread.
#ifndef SLUICE_ENGINE_ADMIN_CONTROL_SOCKET_H_
#define SLUICE_ENGINE_ADMIN_CONTROL_SOCKET_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace sluice::admin {

struct ControlSocketOptions {
  std::string path;  // --control_socket; its directory must be there
  mode_t mode = 0660;
  std::string group;  // that owns the file; empty: the process's own
};

class ControlSocket {
 public:
  // AlreadyExists: a daemon answers there. FailedPrecondition: the path holds something that is no
  // socket, is too long, or its directory is missing. NotFound: there is no such group.
  static absl::StatusOr<std::unique_ptr<ControlSocket>> Listen(const ControlSocketOptions& options);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // The listening socket, which is the caller's to close from then on. Once.
  int TakeFd();

 private:
  ControlSocket(int fd, std::string path, dev_t device, ino_t inode);

  int fd_;
  const std::string path_;
  const dev_t device_;
  const ino_t inode_;
};

// The user at the other end of a connection, by name, or "uid 1234" where it has none.
std::string PeerName(int connection_fd);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_CONTROL_SOCKET_H_
