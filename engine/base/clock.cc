#include "engine/base/clock.h"

#include <time.h>

#include "absl/time/clock.h"

namespace sluice {
namespace {

class MachineClock : public Clock {
 public:
  absl::Time WallNow() const override { return absl::Now(); }
  MonoTime MonoNow() const override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return MonoTime::FromNanos(int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
  }
};

}  // namespace

const Clock& SystemClock() {
  static const MachineClock* const clock = new MachineClock;
  return *clock;
}

}  // namespace sluice
