#include "engine/base/clock.h"

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(MonoTime, SaturatesInsteadOfWrapping) {
  const MonoTime late = MonoTime::FromNanos(INT64_MAX - 10);
  EXPECT_EQ(late + absl::Seconds(1), MonoTime::Never());
  EXPECT_EQ(MonoTime() + absl::InfiniteDuration(), MonoTime::Never());
  EXPECT_EQ(MonoTime::FromNanos(5) + absl::Nanoseconds(7), MonoTime::FromNanos(12));
}

TEST(ManualClock, MovesBothClocksTogether) {
  ManualClock clock(absl::FromUnixSeconds(100));
  const MonoTime before = clock.MonoNow();
  clock.Advance(absl::Hours(168));
  EXPECT_EQ(clock.WallNow(), absl::FromUnixSeconds(100) + absl::Hours(168));
  EXPECT_EQ(clock.MonoNow() - before, absl::Hours(168));
}

}  // namespace
}  // namespace sluice
