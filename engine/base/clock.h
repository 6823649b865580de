// Time, handed in and never reached for, so that a simulation can own it.
//
// Two kinds, never mixed: wall time (absl::Time) for what is written down (deadlines of a message,
// history, log lines), and monotonic time (MonoTime) for waiting. A step of the wall clock must not
// shorten or lengthen a wait.
#ifndef SLUICE_ENGINE_BASE_CLOCK_H_
#define SLUICE_ENGINE_BASE_CLOCK_H_

#include <atomic>
#include <compare>
#include <cstdint>

#include "absl/time/time.h"

namespace sluice {

// A point on a clock that only goes forward; the zero point is arbitrary. Saturates at Never().
class MonoTime {
 public:
  constexpr MonoTime() = default;
  static constexpr MonoTime FromNanos(int64_t ns) { return MonoTime(ns); }
  static constexpr MonoTime Never() { return MonoTime(INT64_MAX); }

  constexpr int64_t nanos() const { return ns_; }
  constexpr auto operator<=>(const MonoTime&) const = default;

  friend MonoTime operator+(MonoTime time, absl::Duration wait) {
    const int64_t wait_ns = absl::ToInt64Nanoseconds(wait);  // saturates
    int64_t sum_ns = 0;
    return __builtin_add_overflow(time.ns_, wait_ns, &sum_ns) ? Never() : MonoTime(sum_ns);
  }
  friend absl::Duration operator-(MonoTime a, MonoTime b) {
    return absl::Nanoseconds(a.ns_) - absl::Nanoseconds(b.ns_);
  }

 private:
  explicit constexpr MonoTime(int64_t ns) : ns_(ns) {}
  int64_t ns_ = 0;
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time WallNow() const = 0;
  virtual MonoTime MonoNow() const = 0;
};

// The machine's clocks (CLOCK_REALTIME, CLOCK_MONOTONIC). Never destroyed.
const Clock& SystemClock();

// A clock that stands still until it is moved: for tests.
class ManualClock : public Clock {
 public:
  explicit ManualClock(absl::Time wall = absl::FromUnixSeconds(1'700'000'000)) : start_(wall) {}
  absl::Time WallNow() const override {
    return start_ + absl::Nanoseconds(stepped_ns_.load() + elapsed_ns_.load());
  }
  MonoTime MonoNow() const override { return MonoTime::FromNanos(elapsed_ns_.load()); }
  void Advance(absl::Duration by) { elapsed_ns_ += absl::ToInt64Nanoseconds(by); }
  // Sets the wall clock alone, as an administrator or NTP does.
  void StepWall(absl::Duration by) { stepped_ns_ += absl::ToInt64Nanoseconds(by); }

 private:
  const absl::Time start_;
  std::atomic<int64_t> elapsed_ns_{0};
  std::atomic<int64_t> stepped_ns_{0};
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_CLOCK_H_
