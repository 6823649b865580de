#include "engine/io/machine.h"
#include "engine/io/uring_core.h"

namespace sluice::io {
namespace {

class ThisMachine final : public Machine {
 public:
  const Clock& clock() const override { return SystemClock(); }

  std::unique_ptr<Executor> NewExecutor(const std::string& name, int threads) override {
    return NewThreadExecutor(name, threads);
  }

  absl::StatusOr<std::unique_ptr<Engine>> StartEngine(const EngineOptions& options) override {
    return StartUringEngine(options, SystemClock());
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
