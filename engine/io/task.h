// Task<T>: a lazily started coroutine that is awaited once, by one other coroutine.
//
//   Task<absl::Status> Greet(Connection& connection, MonoTime deadline) {
//     absl::Status sent = co_await connection.Send({"220 ready\r\n"}, deadline);
//     co_return sent;
//   }
//   absl::Status status = co_await Greet(connection, deadline);
//   core.Spawn(Serve(std::move(connection)));   // a Task<void> that nobody awaits
//
// Rules, so that a frame never outlives what it points to (DESIGN.md §4 says why):
//   - parameters by value, or references to what outlives the await;
//   - named locals in front of co_await: no aggregate or lambda temporaries inside the expression;
//   - no capturing lambda is a coroutine;
//   - a frame that is suspended in an operation is never destroyed: cancel, and let it finish.
//
// One thread: a coroutine runs on the core that started it. Frames come from a pool of that thread.
#ifndef SLUICE_ENGINE_IO_TASK_H_
#define SLUICE_ENGINE_IO_TASK_H_

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/frame_pool.h"

namespace sluice::io {

template <typename T>
class Task;

namespace task_internal {

struct PromiseBase {
  // Hands control straight to the awaiting coroutine, without growing the stack.
  struct Final {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      return self.promise().continuation;
    }
    void await_resume() const noexcept {}
  };

  static void* operator new(size_t size) { return FramePool::Allocate(size); }
  static void operator delete(void* frame, size_t size) { FramePool::Free(frame, size); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { std::terminate(); }

  std::coroutine_handle<> continuation;
};

template <typename T>
struct Promise : PromiseBase {
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& u) {
    value.emplace(std::forward<U>(u));
  }
  std::optional<T> value;
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
};

}  // namespace task_internal

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
      handle.promise().continuation = awaiting;
      return handle;
    }
    T await_resume() {
      if constexpr (!std::is_void_v<T>) {
        SLUICE_CHECK(handle.promise().value.has_value());
        return *std::move(handle.promise().value);
      }
    }
    Handle handle;
  };
  // The Task object must live until the await is over; a temporary in the co_await expression does.
  Awaiter operator co_await() const noexcept { return Awaiter{handle_}; }

 private:
  Handle handle_ = nullptr;
};

namespace task_internal {

template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace task_internal
}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TASK_H_
