#include "tls/signer/child.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::signer {
namespace {

constexpr int kSocketOfChild = 3;  // the first behind the standard streams

// What a signer process says with its exit status (tools/signer/sluice_signer.cc).
std::string_view Meaning(int exit_status) {
  switch (exit_status) {
    case 0:
      return ": its connection was closed";
    case 2:
      return ": it was not started as it has to be; is it of the same version as sluiced?";
    case 3:
      return ": it was sent what is no request";
    case 127:
      return ": it could not be loaded; 'ldd' shows which library is missing";
    default:
      return "";
  }
}

// With one end of a socket pair, no other descriptor, and no signal blocked. 0, or an errno.
int Spawn(const std::string& program, int threads, int socket, pid_t& pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SLUICE_CHECK(posix_spawn_file_actions_init(&files) == 0);
  SLUICE_CHECK(posix_spawnattr_init(&attributes) == 0);
  sigset_t none;
  sigemptyset(&none);
  SLUICE_CHECK(posix_spawn_file_actions_adddup2(&files, socket, kSocketOfChild) == 0);
  SLUICE_CHECK(posix_spawn_file_actions_addclosefrom_np(&files, kSocketOfChild + 1) == 0);
  SLUICE_CHECK(posix_spawnattr_setsigmask(&attributes, &none) == 0);
  SLUICE_CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK) == 0);
  std::string name = program;
  std::string version = absl::StrCat("--protocol=", kProtocolVersion);
  std::string with_threads = absl::StrCat("--threads=", threads);
  char* const arguments[] = {name.data(), version.data(), with_threads.data(), nullptr};
  const int error = posix_spawn(&pid, program.c_str(), &files, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Child>> Child::Start(const std::string& program, int threads) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return absl::UnavailableError(absl::StrCat("socketpair: ", std::strerror(errno)));
  }
  pid_t pid = 0;
  const int error = Spawn(program, threads, sockets[1], pid);
  close(sockets[1]);
  if (error != 0) {
    close(sockets[0]);
    return absl::UnavailableError(
        absl::StrCat(program, " cannot be started: ", std::strerror(error)));
  }
  return std::unique_ptr<Child>(new Child(sockets[0], pid));
}

Child::~Child() {
  if (!ended_) End();
  close(socket_);
}

bool Child::Send(std::string_view frames) {
  while (!frames.empty()) {
    const ssize_t sent = send(socket_, frames.data(), frames.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    frames.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool Child::Receive(std::vector<Response>& responses) {
  const size_t before = responses.size();
  while (true) {
    while (const std::optional<std::string_view> body = reader_.Next()) {
      std::optional<Response> response = DecodeResponse(*body);
      if (!response.has_value()) return GiveUp("it sent what is no response");
      responses.push_back(*std::move(response));
    }
    if (reader_.broken()) return GiveUp("it sent what is no response");
    if (responses.size() > before) return true;
    char bytes[64 * 1024];
    const ssize_t received = recv(socket_, bytes, sizeof(bytes), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return GiveUp("it did not answer in time");
    if (received <= 0) return false;
    reader_.Append({bytes, static_cast<size_t>(received)});
  }
}

bool Child::GiveUp(const char* complaint) {
  complaint_ = complaint;
  return false;
}

void Child::SetPatience(absl::Duration patience) {
  const timeval limit = absl::ToTimeval(patience);
  SLUICE_CHECK(setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
}

void Child::Shutdown() { shutdown(socket_, SHUT_RDWR); }

std::string Child::End() {
  SLUICE_CHECK(!std::exchange(ended_, true));
  Shutdown();
  // One that is already ending keeps its own exit status.
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return absl::StrCat("waitpid: ", std::strerror(errno));
  }
  if (!complaint_.empty()) return absl::StrCat(complaint_, ", and was killed");
  if (WIFSIGNALED(status)) return absl::StrCat("killed by signal ", WTERMSIG(status));
  const int code = WEXITSTATUS(status);
  const std::string_view meaning = Meaning(code);
  return absl::StrCat("exit status ", code, absl::string_view(meaning.data(), meaning.size()));
}

}  // namespace sluice::signer
