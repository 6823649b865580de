#include "engine/admin/control_socket.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace sluice::admin {
namespace {

absl::Status Errno(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("--control_socket: ", what, " ", path));
}

// Closes and unlinks what has not been finished.
class Unfinished {
 public:
  explicit Unfinished(int fd) : fd_(fd) {}
  ~Unfinished() {
    if (fd_ >= 0) close(fd_);
    if (!path_.empty()) unlink(path_.c_str());
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  int fd() const { return fd_; }
  void OwnsFile(std::string path) { path_ = std::move(path); }
  int Release() {
    path_.clear();
    return std::exchange(fd_, -1);
  }

 private:
  int fd_;
  std::string path_;
};

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::FailedPreconditionError(
        absl::StrCat("--control_socket: '", path, "' has ", path.size(),
                     " octets; a Unix socket's path has 1 to ", sizeof(address.sun_path) - 1));
  }
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// OK when `path` is free, or holds a socket that nobody listens on.
absl::Status CheckNotInUse(const std::string& path) {
  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : Errno("cannot look at", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("--control_socket: ", path,
                     " is there and is no socket; move it away, or name another path"));
  }
  SLUICE_ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  const Unfinished probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.fd() < 0) return Errno("cannot make a socket to try", path);
  // Anything but a refusal (EAGAIN: its backlog is full) means that somebody may be there.
  if (connect(probe.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == ECONNREFUSED) return absl::OkStatus();
    if (errno != EAGAIN) return Errno("cannot tell whether a daemon answers on", path);
  }
  return absl::AlreadyExistsError(
      absl::StrCat("--control_socket: another daemon answers on ", path,
                   "; stop it, or name another path (and another --data_dir)"));
}

absl::StatusOr<std::optional<gid_t>> GroupId(const std::string& group) {
  if (group.empty()) return std::nullopt;
  std::vector<char> buffer(16384);
  struct group entry = {};
  struct group* found = nullptr;
  getgrnam_r(group.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("the control socket's group '", group,
                     "' does not exist; 'getent group' lists those that do"));
  }
  return found->gr_gid;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlSocket>> ControlSocket::Listen(
    const ControlSocketOptions& options) {
  const std::string fresh_path = absl::StrCat(options.path, ".", getpid());
  SLUICE_ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(fresh_path));
  SLUICE_ASSIGN_OR_RETURN(const std::optional<gid_t> group, GroupId(options.group));
  SLUICE_RETURN_IF_ERROR(CheckNotInUse(options.path));

  Unfinished fresh(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fresh.fd() < 0) return Errno("cannot make a socket for", options.path);
  // Linux gives the file the mode of the socket: nobody else's from the start, whatever the umask.
  if (fchmod(fresh.fd(), 0600) != 0) return Errno("cannot restrict", fresh_path);
  unlink(fresh_path.c_str());  // of a process that had our number and was killed right here
  if (bind(fresh.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == ENOENT) {
      return absl::FailedPreconditionError(
          absl::StrCat("--control_socket: the directory of ", options.path,
                       " is not there; make it, or name another path"));
    }
    return Errno("cannot make", options.path);
  }
  fresh.OwnsFile(fresh_path);
  if (group && chown(fresh_path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return Errno(absl::StrCat("cannot give to group ", options.group, " the file"), fresh_path);
  }
  if (chmod(fresh_path.c_str(), options.mode) != 0)
    return Errno("cannot set the mode of", fresh_path);
  // As many as the system allows: a client that does not wait (and sluicectl's library does not) is
  // turned away with EAGAIN when the backlog of a Unix socket is full, not made to wait as on TCP.
  if (listen(fresh.fd(), SOMAXCONN) != 0) return Errno("cannot listen on", fresh_path);
  struct stat info = {};
  if (lstat(fresh_path.c_str(), &info) != 0) return Errno("cannot look at", fresh_path);
  if (rename(fresh_path.c_str(), options.path.c_str()) != 0)
    return Errno("cannot make", options.path);
  return std::unique_ptr<ControlSocket>(
      new ControlSocket(fresh.Release(), options.path, info.st_dev, info.st_ino));
}

ControlSocket::ControlSocket(int fd, std::string path, dev_t device, ino_t inode)
    : fd_(fd), path_(std::move(path)), device_(device), inode_(inode) {}

ControlSocket::~ControlSocket() {
  if (fd_ >= 0) close(fd_);
  struct stat info = {};
  if (lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

int ControlSocket::TakeFd() {
  SLUICE_CHECK(fd_ >= 0);
  return std::exchange(fd_, -1);
}

std::string PeerName(int connection_fd) {
  struct ucred peer = {};
  socklen_t size = sizeof(peer);
  if (getsockopt(connection_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "unknown";
  std::vector<char> buffer(16384);
  struct passwd entry = {};
  struct passwd* found = nullptr;
  getpwuid_r(peer.uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : absl::StrCat("uid ", peer.uid);
}

}  // namespace sluice::admin
