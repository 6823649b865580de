// A hierarchical timer wheel (Varghese and Lauck, 1987): start and stop in constant time, whatever
// the number of timers; 1 ms a tick, 6 levels of 64 slots, which is two years. A timer fires at or
// up to 1 ms after its time, never before. One thread.
#ifndef SLUICE_ENGINE_IO_TIMER_WHEEL_H_
#define SLUICE_ENGINE_IO_TIMER_WHEEL_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/base/clock.h"

namespace sluice::io {

// An entry of the wheel, embedded in what waits. Stops itself when destroyed.
class Timer {
 public:
  using Callback = void (*)(void* argument);
  Timer() = default;
  ~Timer() { Stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool active() const { return next_ != nullptr; }
  void Stop();

 private:
  friend class TimerWheel;
  Timer* next_ = nullptr;
  Timer* prev_ = nullptr;
  int64_t tick_ = 0;
  size_t* count_ = nullptr;
  Callback callback_ = nullptr;
  void* argument_ = nullptr;
};

class TimerWheel {
 public:
  explicit TimerWheel(MonoTime now);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Calls callback(argument) once, from Advance(), when `at` has come. MonoTime::Never() never
  // fires. A running timer is started anew.
  void Start(Timer& timer, MonoTime at, Timer::Callback callback, void* argument);

  // Fires what is due at `now`, in order of ticks. Callbacks may start and stop any timer.
  void Advance(MonoTime now);

  // No timer fires before this time; Never() when there is none. A lower bound: the caller sleeps
  // until then, advances and asks again.
  MonoTime NextWakeUp();

  size_t size() const { return size_; }

 private:
  static constexpr int kLevels = 6;
  static constexpr int kSlotBits = 6;
  static constexpr int kSlots = 1 << kSlotBits;

  // The slot that comes first, and the tick at which it starts.
  struct Expiration {
    int level;
    int slot;
    int64_t tick;
  };
  bool NextExpiration(Expiration& next);
  void Insert(Timer& timer);
  void Process(const Expiration& due);

  // Each slot is the head of a circular list; a bit in occupied_ says that it may not be empty
  // (Stop() leaves it set).
  std::array<std::array<Timer, kSlots>, kLevels> slots_;
  std::array<uint64_t, kLevels> occupied_{};
  int64_t current_tick_;
  size_t size_ = 0;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TIMER_WHEEL_H_
