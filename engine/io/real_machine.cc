#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "engine/io/machine.h"
#include "engine/io/uring_core.h"
#include "engine/io/uring_ring.h"

namespace sluice::io {
namespace {

class ThisMachine final : public Machine {
 public:
  const Clock& clock() const override { return SystemClock(); }

  std::unique_ptr<Executor> NewExecutor(const std::string& name, int threads,
                                        Urgency urgency) override {
    return NewThreadExecutor(name, threads, urgency);
  }

  absl::StatusOr<std::unique_ptr<Engine>> StartEngine(const EngineOptions& options) override {
    return StartUringEngine(options, SystemClock());
  }

  absl::Status CheckSource(const SocketAddress& address) override {
    const std::string attempted = absl::StrCat("connect from ", address.ip());
    const int fd = socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return ErrnoStatus(errno, attempted);
    SocketAddress any_port = address;
    any_port.set_port(0);
    const int error = bind(fd, any_port.get(), any_port.size()) == 0 ? 0 : errno;
    close(fd);
    if (error == EADDRNOTAVAIL) {
      return absl::InvalidArgumentError(
          absl::StrCat(address.ip(), " is no address of this machine ('ip address' lists them)"));
    }
    return error == 0 ? absl::OkStatus() : ErrnoStatus(error, attempted);
  }

  bool Await(absl::Mutex& mutex, const absl::Condition& condition, MonoTime deadline) override {
    // absl reckons by the wall clock: where that is set forward a wait ends early, and is begun
    // again.
    while (!mutex.AwaitWithTimeout(condition, deadline - SystemClock().MonoNow())) {
      if (SystemClock().MonoNow() >= deadline) return false;
    }
    return true;
  }
};

}  // namespace

Machine& RealMachine() {
  static auto* const machine = new ThisMachine;
  return *machine;
}

}  // namespace sluice::io
