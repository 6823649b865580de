#include "engine/base/steady_clock.h"

#include <memory>
#include <optional>

#include "gtest/gtest.h"

namespace sluice {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

TEST(SteadyClock, IsWallTimeWhileNothingIsStepped) {
  ManualClock machine;
  SteadyClock clock(machine);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(clock.WallNow(), machine.WallNow());
    EXPECT_EQ(clock.MonoNow(), machine.MonoNow());
    EXPECT_EQ(clock.ToWall(clock.WallNow()), machine.WallNow());
    EXPECT_EQ(clock.NoticeStep(), std::nullopt);
    machine.Advance(3 * kDay);
  }
}

TEST(SteadyClock, AStepMovesNeitherWhatWasWrittenDownNorWhatIs) {
  for (const absl::Duration step : {8 * kDay, -8 * kDay, 20'000 * kDay, -absl::Seconds(2)}) {
    ManualClock machine;
    SteadyClock clock(machine);
    const absl::Time deadline = clock.WallNow() + 7 * kDay;
    machine.StepWall(step);
    EXPECT_EQ(deadline - clock.WallNow(), 7 * kDay);
    EXPECT_EQ(clock.NoticeStep(), step);
    EXPECT_EQ(clock.NoticeStep(), std::nullopt) << "once";
    EXPECT_EQ(deadline - clock.WallNow(), 7 * kDay);
    EXPECT_EQ(clock.ahead(), step);
    // It is shown where the wall clock will stand when it comes.
    EXPECT_EQ(clock.ToWall(deadline), machine.WallNow() + 7 * kDay);
    machine.Advance(7 * kDay);
    EXPECT_EQ(clock.WallNow(), deadline);
    EXPECT_EQ(clock.ToWall(deadline), machine.WallNow());
  }
}

TEST(SteadyClock, AStepThatIsTakenBackLeavesNothingBehind) {
  ManualClock machine;
  SteadyClock clock(machine);
  machine.StepWall(8 * kDay);
  EXPECT_EQ(clock.NoticeStep(), 8 * kDay);
  machine.Advance(absl::Hours(1));
  machine.StepWall(-8 * kDay);
  EXPECT_EQ(clock.NoticeStep(), -8 * kDay);
  EXPECT_EQ(clock.ahead(), absl::ZeroDuration());
  EXPECT_EQ(clock.WallNow(), machine.WallNow());
}

TEST(SteadyClock, SmallStepsAreNoticedOnceTheyAddUp) {
  ManualClock machine;
  SteadyClock clock(machine);
  machine.StepWall(absl::Milliseconds(1500));
  EXPECT_EQ(clock.NoticeStep(), std::nullopt);
  machine.StepWall(absl::Milliseconds(1500));
  EXPECT_EQ(clock.NoticeStep(), absl::Seconds(3));
}

// A machine whose thread is stopped between one reading and the next.
class StoppedBetweenReadings : public Clock {
 public:
  explicit StoppedBetweenReadings(ManualClock& clock) : clock_(clock) {}
  absl::Time WallNow() const override {
    const absl::Time now = clock_.WallNow();
    clock_.Advance(stop);
    return now;
  }
  MonoTime MonoNow() const override { return clock_.MonoNow(); }
  absl::Duration stop;

 private:
  ManualClock& clock_;
};

TEST(SteadyClock, APauseBetweenTwoReadingsIsNoStep) {
  ManualClock manual;
  StoppedBetweenReadings machine(manual);
  SteadyClock clock(machine);
  machine.stop = absl::Minutes(1);
  EXPECT_EQ(clock.NoticeStep(), std::nullopt);
  machine.stop = absl::ZeroDuration();
  EXPECT_EQ(clock.NoticeStep(), std::nullopt);
}

// Runs of a program, one after the other, on one machine.
class Runs {
 public:
  explicit Runs(ManualClock& machine) : machine_(machine), clock_(new SteadyClock(machine)) {}
  SteadyClock& clock() { return *clock_; }
  // Gives back what the new run says of the time in between.
  absl::Duration RestartAfter(absl::Duration passed, absl::Duration step = {}) {
    const SteadyClock::Reading kept = clock_->Read();
    machine_.Advance(passed);
    machine_.StepWall(step);
    clock_ = std::make_unique<SteadyClock>(machine_);
    return clock_->GoOnFrom(kept);
  }

 private:
  ManualClock& machine_;
  std::unique_ptr<SteadyClock> clock_;
};

TEST(SteadyClock, TimeBetweenRunsHasPassed) {
  ManualClock machine;
  Runs runs(machine);
  const absl::Time before = runs.clock().WallNow();
  EXPECT_EQ(runs.RestartAfter(2 * kDay), absl::ZeroDuration());
  EXPECT_EQ(runs.clock().WallNow(), before + 2 * kDay);
  EXPECT_EQ(runs.clock().ahead(), absl::ZeroDuration());
  EXPECT_EQ(runs.clock().NoticeStep(), std::nullopt);
}

// A machine that booted two months in the past and took mail before NTP put it right: the mail has
// its seven days, over a restart too.
TEST(SteadyClock, ACorrectionOutlivesARestart) {
  ManualClock machine;
  Runs runs(machine);
  const absl::Time deadline = runs.clock().WallNow() + 7 * kDay;
  machine.StepWall(60 * kDay);
  EXPECT_EQ(runs.clock().NoticeStep(), 60 * kDay);
  EXPECT_EQ(runs.RestartAfter(absl::Minutes(1)), absl::ZeroDuration());
  EXPECT_EQ(deadline - runs.clock().WallNow(), 7 * kDay - absl::Minutes(1));
  EXPECT_EQ(runs.clock().ToWall(deadline), machine.WallNow() + 7 * kDay - absl::Minutes(1));
  EXPECT_EQ(runs.clock().NoticeStep(), std::nullopt);
}

// A fault that is mended while the program does not run: mail does not lie for eight days.
TEST(SteadyClock, NeverGoesBackBetweenRuns) {
  ManualClock machine;
  Runs runs(machine);
  const absl::Time due = runs.clock().WallNow() + absl::Minutes(5);
  machine.StepWall(8 * kDay);
  EXPECT_EQ(runs.clock().NoticeStep(), 8 * kDay);
  EXPECT_EQ(runs.RestartAfter(absl::Minutes(1), -8 * kDay), 8 * kDay - absl::Minutes(1));
  EXPECT_EQ(due - runs.clock().WallNow(), absl::Minutes(5)) << "the minute in between is not known";
  EXPECT_EQ(runs.clock().NoticeStep(), std::nullopt) << "it was told already";
  machine.Advance(absl::Minutes(5));
  EXPECT_EQ(runs.clock().WallNow(), due);
  EXPECT_EQ(runs.clock().ToWall(due), machine.WallNow());
}

}  // namespace
}  // namespace sluice
