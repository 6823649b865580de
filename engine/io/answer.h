// Answer<T>: how a coroutine on a core waits for what a service thread works out.
//
//   io::Answer<absl::Status> stored(core);
//   spool.Accept(std::move(message), stored.Sender());   // the service calls it once, anywhere
//   std::optional<absl::Status> answer = co_await stored.Wait(deadline);
//   if (!answer.has_value()) …                           // the deadline came first
//
// T is absl::Status or a StatusOr, so that a service can also say that it cannot; and what a service
// says is never mistaken for the deadline, since a StatusOr of a Status would take either for the
// other. Services take the sender as a plain AnyInvocable<void(T) &&>, so they know nothing of
// cores. A sender that is dropped uncalled answers Cancelled. After a deadline the late answer is
// discarded.
#ifndef SLUICE_ENGINE_IO_ANSWER_H_
#define SLUICE_ENGINE_IO_ANSWER_H_

#include <atomic>
#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "engine/base/check.h"
#include "engine/io/core.h"

namespace sluice::io {

template <typename T>
class Answer {
  static_assert(std::is_constructible_v<T, absl::Status>);

 private:
  struct State;
  class Handle;

 public:
  explicit Answer(Core& core) : state_(new State(core)) {}
  ~Answer() { state_->Unref(); }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  // Once.
  absl::AnyInvocable<void(T) &&> Sender() {
    SLUICE_CHECK(!state_->has_sender);
    state_->has_sender = true;
    return [handle = Handle(state_)](T value) mutable { handle.Set(std::move(value)); };
  }

  class Awaiter {
   public:
    Awaiter(State& state, MonoTime deadline) : state_(state), deadline_(deadline) {}
    bool await_ready() const noexcept { return state_.delivered; }
    void await_suspend(std::coroutine_handle<> waiter) {
      ready_.waiter = waiter;
      state_.ready = &ready_;
      state_.core.timers().Start(timer_, deadline_, &Awaiter::Expire, this);
    }
    std::optional<T> await_resume() {
      if (!state_.delivered) return std::nullopt;
      if (!state_.value.has_value()) return T(absl::CancelledError("the service has stopped"));
      return std::move(state_.value);
    }

   private:
    static void Expire(void* self) {
      auto* awaiter = static_cast<Awaiter*>(self);
      if (awaiter->state_.ready == nullptr) return;  // the answer came in this very tick
      awaiter->state_.ready = nullptr;
      awaiter->state_.core.MakeReady(awaiter->ready_);
    }

    State& state_;
    const MonoTime deadline_;
    Ready ready_;
    Timer timer_;
  };
  // Unset when the deadline came first. Once.
  Awaiter Wait(MonoTime deadline) { return Awaiter(*state_, deadline); }

 private:
  // Shared by the waiting side and the sender, which drop it in either order.
  struct State : Letter {
    explicit State(Core& c) : core(c) {}
    void Deliver() override {
      delivered = true;
      if (Ready* waiting = std::exchange(ready, nullptr)) core.MakeReady(*waiting);
      Unref();
    }
    void Unref() {
      if (refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    Core& core;
    std::atomic<int> refs{1};
    std::optional<T> value;  // written by the sender, before it posts the letter
    bool has_sender = false;
    // The core's alone:
    bool delivered = false;
    Ready* ready = nullptr;
  };

  // The sender's reference; posts the letter exactly once, with a value or without.
  class Handle {
   public:
    explicit Handle(State* state) : state_(state) {
      state->refs.fetch_add(1, std::memory_order_relaxed);
    }
    Handle(Handle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    Handle& operator=(Handle&&) = delete;
    ~Handle() {
      if (state_ != nullptr) state_->core.Post(*state_);
    }
    void Set(T value) {
      state_->value.emplace(std::move(value));
      State* const state = std::exchange(state_, nullptr);
      state->core.Post(*state);
    }

   private:
    State* state_;
  };

  State* state_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_ANSWER_H_
