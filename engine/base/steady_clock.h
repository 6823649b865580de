// Wall time that no step of the machine's clock moves: the time that deadlines and retries are
// written down in.
//
//   SteadyClock clock(SystemClock());
//   clock.GoOnFrom(kept);                                  // of the run before; none at the first
//   absl::Time deadline = clock.WallNow() + absl::Hours(168);
//   if (const auto step = clock.NoticeStep()) log::Warning("clock_stepped", …);   // now and then
//   Show(clock.ToWall(deadline));
//
// Why
//   The machine's wall clock can be set, by days: NTP that was misled, a hand that slipped, a
//   machine that booted with a wrong time and is put right. Were the queue to follow, a step
//   forward would delete all mail at once for its age, or send all deferred mail at once, and a
//   step back would let it lie for as long as the step is.
//
// What it does
//   It begins as wall time. While the program runs it advances by monotonic time, and a step of the
//   wall clock does not touch it: from then on the two differ, by `ahead()`. While the program does
//   not run it advances by what the wall clock says has passed since the last Reading that was
//   kept, and never goes back. So a time that was written down as `WallNow() + wait` comes `wait`
//   later, whatever happens to the wall clock in between; it is neither early nor put off.
//
//   ToWall() says where the wall clock will stand then, if it is not stepped again: what people are
//   shown. After a correction that is the right time even of what was written down before it.
//
// What it cannot know
//   Whether the wall clock was set forward while the program did not run: that counts as time that
//   has passed. Nor, since monotonic time stands still then, that the machine was suspended: that
//   looks like a step forward, and what waits waits longer by it.
//
// Any thread; but GoOnFrom before the first use, and NoticeStep from one thread at a time.
#ifndef SLUICE_ENGINE_BASE_STEADY_CLOCK_H_
#define SLUICE_ENGINE_BASE_STEADY_CLOCK_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "engine/base/clock.h"

namespace sluice {

class SteadyClock final : public Clock {
 public:
  // Less is no step (a leap second, NTP at its daily work), until it adds up to one.
  static constexpr absl::Duration kLeastStep = absl::Seconds(2);

  // One moment on both clocks, to be kept for the next run.
  struct Reading {
    absl::Time steady;
    absl::Time wall;
  };

  // `machine` outlives it.
  explicit SteadyClock(const Clock& machine);

  // Gives back by how much the wall clock stands behind where the last run left it: it was set back
  // in between. Zero otherwise.
  absl::Duration GoOnFrom(const Reading& last);

  absl::Time WallNow() const override;
  MonoTime MonoNow() const override { return machine_.MonoNow(); }

  // By how much the wall clock was stepped since the last time one was noticed.
  std::optional<absl::Duration> NoticeStep();

  // How far the wall clock is ahead of this one, by all steps that were noticed.
  absl::Duration ahead() const { return absl::Nanoseconds(ahead_ns_.load()); }
  absl::Time ToWall(absl::Time steady) const { return steady + ahead(); }
  Reading Read() const;

 private:
  const Clock& machine_;
  std::atomic<int64_t> zero_ns_;  // this clock, since 1970, at MonoTime 0
  std::atomic<int64_t> ahead_ns_{0};
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_STEADY_CLOCK_H_
