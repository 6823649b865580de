// A thread of a simulated process: blocking code with a stack of its own, which runs until it waits
// and is then left standing, for ever if the process is killed.
#ifndef SLUICE_ENGINE_IO_SIMULATION_FIBER_H_
#define SLUICE_ENGINE_IO_SIMULATION_FIBER_H_

#include <ucontext.h>

#include <cstddef>

#include <memory>

#include "absl/functional/any_invocable.h"

namespace sluice::io {

class Fiber {
 public:
  static constexpr size_t kStackBytes = size_t{1} << 20;

  explicit Fiber(absl::AnyInvocable<void() &&> body);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The one that runs now; null outside of any.
  static Fiber* Current();

  // Goes on with it until it yields or ends. From outside of any fiber.
  void Resume();
  // From inside: back to whoever resumed it.
  void Yield();
  bool ended() const { return ended_; }

 private:
  static void Enter(unsigned low, unsigned high);

  absl::AnyInvocable<void() &&> body_;
  const std::unique_ptr<char[]> stack_;
  ucontext_t inside_;
  ucontext_t outside_;
  // What AddressSanitizer is told of the two stacks.
  [[maybe_unused]] void* inside_fake_stack_ = nullptr;
  [[maybe_unused]] void* outside_fake_stack_ = nullptr;
  [[maybe_unused]] const void* outside_stack_ = nullptr;
  [[maybe_unused]] size_t outside_stack_bytes_ = 0;
  bool ended_ = false;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SIMULATION_FIBER_H_
