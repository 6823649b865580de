#include "engine/io/core.h"

#include "engine/base/check.h"

namespace sluice::io {
namespace {

thread_local Core* current_core = nullptr;

// In each tick, for work that takes long: three or four handshakes. More would make others wait,
// and less would leave handshakes too small a share where ticks are filled with mail.
constexpr absl::Duration kTurnTime = absl::Microseconds(400);

class FunctionLetter : public Letter {
 public:
  explicit FunctionLetter(absl::AnyInvocable<void() &&> function)
      : function_(std::move(function)) {}
  void Deliver() override {
    std::move(function_)();
    delete this;
  }

 private:
  absl::AnyInvocable<void() &&> function_;
};

}  // namespace

// A coroutine that owns itself: runs at once and frees its frame at its end.
struct Core::Detached {
  struct promise_type {
    static void* operator new(size_t size) { return FramePool::Allocate(size); }
    static void operator delete(void* frame, size_t size) { FramePool::Free(frame, size); }
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

Core::Core(int index, const Clock& clock, Random random)
    : index_(index), clock_(clock), random_(random), now_(clock.MonoNow()), timers_(now_) {}

Core::~Core() = default;

Core* Core::Current() { return current_core; }
void Core::SetCurrent(Core* core) { current_core = core; }

Core::Detached Core::RunDetached(Core& core, Task<void> task) {
  ++core.live_tasks_;
  co_await SleepAwaiter(core, MonoTime());  // start from the loop, not from inside the caller
  co_await task;
  --core.live_tasks_;
}

void Core::Spawn(Task<void> task) { RunDetached(*this, std::move(task)); }

void ReadyList::Push(Ready& ready) {
  ready.next = nullptr;
  (tail_ == nullptr ? head_ : tail_->next) = &ready;
  tail_ = &ready;
}

Ready& ReadyList::Pop() {
  Ready& first = *head_;
  head_ = first.next;
  if (head_ == nullptr) tail_ = nullptr;
  return first;
}

void Core::Post(Letter& letter) {
  if (mailbox_.Push(letter)) Wake();
}

void Core::Run(absl::AnyInvocable<void() &&> function) {
  Post(*new FunctionLetter(std::move(function)));
}

void Core::RunReady() {
  while (Letter* letter = mailbox_.Pop()) letter->Deliver();
  timers_.Advance(now_);
  // Resuming destroys the Ready, and may add others.
  for (ReadyList now = std::exchange(ready_, ReadyList()); !now.empty();) {
    now.Pop().waiter.resume();
  }
  if (turns_.empty()) return;
  const MonoTime end = clock_.MonoNow() + kTurnTime;
  do {
    turns_.Pop().waiter.resume();
  } while (!turns_.empty() && clock_.MonoNow() < end);
}

void Core::SleepAwaiter::await_suspend(std::coroutine_handle<> waiter) {
  ready_.waiter = waiter;
  if (at_ <= core_.Now()) {
    core_.MakeReady(ready_);
    return;
  }
  core_.timers().Start(
      timer_, at_,
      [](void* self) {
        auto* awaiter = static_cast<SleepAwaiter*>(self);
        awaiter->core_.MakeReady(awaiter->ready_);
      },
      this);
}

Event::~Event() { SLUICE_CHECK(first_ == nullptr); }

void Event::Awaiter::await_suspend(std::coroutine_handle<> waiter) {
  ready_.waiter = waiter;
  prev_ = event_.last_;
  (event_.last_ == nullptr ? event_.first_ : event_.last_->next_) = this;
  event_.last_ = this;
  event_.core_.timers().Start(
      timer_, deadline_,
      [](void* self) {
        auto* awaiter = static_cast<Awaiter*>(self);
        awaiter->Unlink();
        awaiter->event_.core_.MakeReady(awaiter->ready_);
      },
      this);
}

void Event::Awaiter::Unlink() {
  (prev_ == nullptr ? event_.first_ : prev_->next_) = next_;
  (next_ == nullptr ? event_.last_ : next_->prev_) = prev_;
  next_ = prev_ = nullptr;
}

void Event::NotifyOne() {
  if (first_ == nullptr) return;
  Awaiter& awaiter = *first_;
  awaiter.Unlink();
  awaiter.timer_.Stop();
  awaiter.notified_ = true;
  core_.MakeReady(awaiter.ready_);
}

void Event::NotifyAll() {
  while (first_ != nullptr) NotifyOne();
}

}  // namespace sluice::io
