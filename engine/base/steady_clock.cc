#include "engine/base/steady_clock.h"

#include <algorithm>

namespace sluice {
namespace {

// The two clocks are read one after the other. Where the thread was stopped in between (a busy
// machine, a paused one) the difference says nothing.
constexpr absl::Duration kLongestReading = absl::Milliseconds(500);

}  // namespace

SteadyClock::SteadyClock(const Clock& machine)
    : machine_(machine),
      zero_ns_(absl::ToUnixNanos(machine.WallNow()) - machine.MonoNow().nanos()) {}

absl::Duration SteadyClock::GoOnFrom(const Reading& last) {
  const absl::Time wall = machine_.WallNow();
  const absl::Duration passed = std::max(wall - last.wall, absl::ZeroDuration());
  const absl::Time now = last.steady + passed;
  zero_ns_.store(absl::ToUnixNanos(now) - machine_.MonoNow().nanos());
  // Exactly what it was where nothing was stepped: what is shown does not waver from run to run.
  const absl::Duration set_back = std::max(last.wall - wall, absl::ZeroDuration());
  ahead_ns_.store(absl::ToInt64Nanoseconds(last.wall - last.steady - set_back));
  return set_back;
}

absl::Time SteadyClock::WallNow() const {
  return absl::FromUnixNanos(zero_ns_.load() + machine_.MonoNow().nanos());
}

std::optional<absl::Duration> SteadyClock::NoticeStep() {
  const absl::Time before = WallNow();
  const absl::Time wall = machine_.WallNow();
  const absl::Time after = WallNow();
  if (after - before > kLongestReading) return std::nullopt;
  const absl::Duration step = wall - after - ahead();
  if (absl::AbsDuration(step) < kLeastStep) return std::nullopt;
  ahead_ns_.store(absl::ToInt64Nanoseconds(wall - after));
  return step;
}

SteadyClock::Reading SteadyClock::Read() const {
  const absl::Time now = WallNow();
  return {.steady = now, .wall = ToWall(now)};
}

}  // namespace sluice
