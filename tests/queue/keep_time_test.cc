// The machine's clock is set by days while mail waits.
#include "gtest/gtest.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

class KeepTimeTest : public ::testing::Test {
 protected:
  // A message whose first attempt failed: due in five minutes, gone in seven days.
  void DeferOne() {
    const NewMessage message = world_.Compose({"a.example"});
    ASSERT_TRUE(world_.Accept(message).ok());
    ASSERT_EQ(world_.Defer(message.envelopes[0], world_.Now() + absl::Minutes(5)).value(),
              Afterwards::kDeferred);
    world_.KeepTime();
  }
  void Step(absl::Duration by) {
    world_.clock().StepWall(by);
    world_.KeepTime();
  }
  size_t Due() {
    const TakenWork work = world_.TakeDue().value();
    for (const Envelope& envelope : work.items) world_.Release(envelope);
    return work.items.size();
  }
  size_t Expired() {
    const TakenWork work = world_.TakeExpired().value();
    for (const Envelope& envelope : work.items) world_.Release(envelope);
    return work.items.size();
  }
  // It has its wait and its lifetime, counted from now.
  void ExpectUndisturbed() {
    EXPECT_EQ(Due(), 0u);
    EXPECT_EQ(Expired(), 0u);
    world_.clock().Advance(absl::Minutes(5));
    EXPECT_EQ(Due(), 1u);
    world_.clock().Advance(7 * kDay - absl::Minutes(5) - absl::Seconds(1));
    EXPECT_EQ(Expired(), 0u);
    world_.clock().Advance(absl::Seconds(1));
    EXPECT_EQ(Expired(), 1u);
  }

  SpoolWorld world_;
};

TEST_F(KeepTimeTest, AStepForwardNeitherExpiresNorFloods) {
  DeferOne();
  Step(8 * kDay);
  EXPECT_EQ(world_.spool().WallAhead(), 8 * kDay);
  ExpectUndisturbed();
}

TEST_F(KeepTimeTest, AStepBackPutsNothingOff) {
  DeferOne();
  Step(-8 * kDay);
  EXPECT_EQ(world_.spool().WallAhead(), -8 * kDay);
  ExpectUndisturbed();
}

TEST_F(KeepTimeTest, AnAttemptThatSpansAStepIsDeferredNotExpired) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  Step(8 * kDay);
  EXPECT_EQ(world_.Defer(message.envelopes[0], world_.Now() + absl::Minutes(5)).value(),
            Afterwards::kDeferred);
  ExpectUndisturbed();
}

TEST_F(KeepTimeTest, AStepIsRememberedOverARestart) {
  DeferOne();
  Step(60 * kDay);
  world_.Close();
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(world_.spool().WallAhead(), 60 * kDay);
  ExpectUndisturbed();
}

TEST_F(KeepTimeTest, AStepIsRememberedOverALossOfPower) {
  DeferOne();
  Step(60 * kDay);
  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(world_.spool().WallAhead(), 60 * kDay);
  ExpectUndisturbed();
}

TEST_F(KeepTimeTest, AStepThatTheDiskDidNotTakeIsKeptAsSoonAsItDoes) {
  DeferOne();
  world_.disk().SetFault(LossyDisk::Fault::kFull);
  Step(60 * kDay);
  world_.disk().SetFault(LossyDisk::Fault::kNone);
  world_.clock().Advance(absl::Seconds(2));  // for the store to mend
  world_.KeepTime();
  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(world_.spool().WallAhead(), 60 * kDay);
}

TEST_F(KeepTimeTest, AClockPutBackBetweenRunsPutsNothingOff) {
  DeferOne();
  Step(8 * kDay);
  world_.Close();
  world_.clock().StepWall(-8 * kDay);
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(world_.spool().WallAhead(), absl::ZeroDuration());
  ExpectUndisturbed();
}

TEST_F(KeepTimeTest, TimeBetweenRunsCounts) {
  DeferOne();
  world_.Close();
  world_.clock().Advance(3 * kDay);
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(world_.spool().WallAhead(), absl::ZeroDuration());
  EXPECT_EQ(Due(), 1u);
  EXPECT_EQ(Expired(), 0u);
  world_.clock().Advance(4 * kDay);
  EXPECT_EQ(Expired(), 1u);
}

// What is kept is a minute old at most when it is needed, and the wall clock has the rest.
TEST_F(KeepTimeTest, ACrashLosesNoTime) {
  DeferOne();
  world_.clock().Advance(absl::Seconds(50));
  world_.KeepTime();
  const absl::Time before = world_.Now();
  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(world_.Now(), before);
}

}  // namespace
}  // namespace sluice::queue
