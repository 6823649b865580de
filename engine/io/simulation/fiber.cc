#include "engine/io/simulation/fiber.h"

#include <cstdint>
#include <utility>

#include "engine/base/check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define SLUICE_TELL_SANITIZER
#endif
#endif

namespace sluice::io {
namespace {

Fiber* current = nullptr;

}  // namespace

Fiber* Fiber::Current() { return current; }

Fiber::Fiber(absl::AnyInvocable<void() &&> body)
    : body_(std::move(body)), stack_(std::make_unique_for_overwrite<char[]>(kStackBytes)) {
  SLUICE_CHECK(getcontext(&inside_) == 0);
  inside_.uc_stack.ss_sp = stack_.get();
  inside_.uc_stack.ss_size = kStackBytes;
  inside_.uc_link = nullptr;
  // makecontext(3) passes ints.
  const auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2,
              static_cast<unsigned>(self & 0xffffffffU), static_cast<unsigned>(self >> 32));
}

void Fiber::Enter(unsigned low, unsigned high) {
  auto* const self = reinterpret_cast<Fiber*>(uintptr_t{low} | (uintptr_t{high} << 32));
#ifdef SLUICE_TELL_SANITIZER
  __sanitizer_finish_switch_fiber(nullptr, &self->outside_stack_, &self->outside_stack_bytes_);
#endif
  std::move(self->body_)();
  self->body_ = nullptr;
  self->ended_ = true;
  self->Yield();
  SLUICE_CHECK(false);  // what has ended is not resumed
}

void Fiber::Resume() {
  SLUICE_CHECK(current == nullptr && !ended_);
  current = this;
#ifdef SLUICE_TELL_SANITIZER
  __sanitizer_start_switch_fiber(&outside_fake_stack_, stack_.get(), kStackBytes);
#endif
  SLUICE_CHECK(swapcontext(&outside_, &inside_) == 0);
#ifdef SLUICE_TELL_SANITIZER
  __sanitizer_finish_switch_fiber(outside_fake_stack_, nullptr, nullptr);
#endif
  current = nullptr;
}

void Fiber::Yield() {
  SLUICE_CHECK(current == this);
#ifdef SLUICE_TELL_SANITIZER
  // Null at the end: its fake stack may go.
  __sanitizer_start_switch_fiber(ended_ ? nullptr : &inside_fake_stack_, outside_stack_,
                                 outside_stack_bytes_);
#endif
  SLUICE_CHECK(swapcontext(&inside_, &outside_) == 0);
#ifdef SLUICE_TELL_SANITIZER
  __sanitizer_finish_switch_fiber(inside_fake_stack_, &outside_stack_, &outside_stack_bytes_);
#endif
}

}  // namespace sluice::io
