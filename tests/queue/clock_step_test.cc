// A wall clock that is set forward and back by days: the spool goes by what it is told, and loses
// sight of nothing.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kDay = absl::Hours(24);

class ClockStepTest : public ::testing::Test {
 protected:
  // Accepted, tried, and to be tried again after `wait`.
  Envelope Deferred(absl::Duration wait) {
    const NewMessage message = world_.Compose({"a.example"});
    EXPECT_TRUE(world_.Accept(message).ok());
    EXPECT_TRUE(world_.Defer(message.envelopes[0], world_.Now() + wait).ok());
    return message.envelopes[0];
  }

  SpoolWorld world_;
};

TEST_F(ClockStepTest, WhatWasTakenWhileTheClockWasAheadIsDueAsBefore) {
  const Envelope item = Deferred(absl::Hours(1));
  world_.clock().StepWall(3 * kDay);
  EXPECT_THAT(world_.TakeDue()->items, SizeIs(1));
  world_.clock().StepWall(-3 * kDay);
  world_.Release(item);
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  EXPECT_LE(world_.spool().NextDue(), world_.Now() + absl::Hours(1));
  world_.clock().Advance(absl::Hours(1));
  EXPECT_LE(world_.spool().NextDue(), world_.Now());
  EXPECT_THAT(world_.TakeDue()->items, SizeIs(1));
}

TEST_F(ClockStepTest, MailThatCameWhileTheClockWasAheadIsFoundThenOrWhenItIsAskedFor) {
  world_.clock().StepWall(3 * kDay);
  Deferred(absl::Minutes(5));
  Deferred(absl::Minutes(6));
  world_.clock().StepWall(-3 * kDay);
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  world_.clock().StepWall(3 * kDay);
  world_.clock().Advance(absl::Minutes(5));
  EXPECT_THAT(world_.TakeDue()->items, SizeIs(1));
  world_.clock().StepWall(-3 * kDay);
  EXPECT_EQ(world_.RetryNow({}).value(), 1u);
  EXPECT_LE(world_.spool().NextDue(), world_.Now());
  EXPECT_THAT(world_.TakeDue()->items, SizeIs(1));
}

TEST_F(ClockStepTest, FreshMailOfAClockThatWasAheadOutlivesACrash) {
  world_.clock().StepWall(3 * kDay);
  ASSERT_TRUE(world_.Accept(world_.Compose({"a.example"})).ok());
  world_.clock().StepWall(-3 * kDay);
  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  EXPECT_EQ(world_.RetryNow({}).value(), 1u);
  EXPECT_THAT(world_.TakeDue()->items, SizeIs(1));
}

TEST_F(ClockStepTest, MailThatComesAfterTheClockWasSetBackIsFound) {
  world_.clock().StepWall(30 * kDay);
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  EXPECT_THAT(world_.TakeExpired()->items, IsEmpty());
  world_.clock().StepWall(-30 * kDay);
  const TakenWork nothing = world_.TakeDue().value();
  EXPECT_LE(nothing.next, world_.Now() + absl::Minutes(1)) << "ask again soon";
  Deferred(absl::Minutes(5));
  EXPECT_LE(world_.spool().NextDue(), world_.Now() + absl::Minutes(5));
  world_.clock().Advance(absl::Minutes(5));
  const TakenWork due = world_.TakeDue().value();
  ASSERT_THAT(due.items, SizeIs(1));
  world_.Release(due.items[0]);
  world_.clock().Advance(7 * kDay);
  EXPECT_THAT(world_.TakeExpired()->items, SizeIs(1));
}

// Waits are not of the wall's time.
TEST_F(ClockStepTest, ADiskIsTriedAgainThoughTheClockWasSetBack) {
  world_.disk().SetFault(LossyDisk::Fault::kBroken);
  EXPECT_FALSE(world_.Accept(world_.Compose({"a.example"})).ok());
  world_.disk().SetFault(LossyDisk::Fault::kNone);
  world_.clock().StepWall(-3 * kDay);
  world_.clock().Advance(absl::Seconds(1));
  EXPECT_TRUE(world_.Accept(world_.Compose({"a.example"})).ok());
}

TEST_F(ClockStepTest, TheHistoryOfAMessageFromAheadIsFoundByItsId) {
  world_.clock().StepWall(3 * kDay);
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.clock().StepWall(-3 * kDay);
  Envelope envelope = message.envelopes[0];
  envelope.recipients[0].state = RecipientState::kDelivered;
  AttemptResult result = {.envelope = std::move(envelope)};
  result.history.push_back({.outcome = Outcome::kDelivered, .message_id = message.id});
  ASSERT_TRUE(world_.Finish(std::move(result)).ok());
  HistoryQuery query;
  query.message_id = message.id;
  const HistoryPage page = world_.spool().QueryHistory(query).value();
  ASSERT_THAT(page.entries, SizeIs(1));
  EXPECT_GE(page.entries[0].time, message.id.time());
}

// Against a model: what is due at a time is what was put off until then at the latest.
class ClockWalkTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  using ItemName = std::pair<MessageId, std::string>;

  void AcceptOne() {
    const NewMessage message = world_.Compose({"a.example"});
    ASSERT_TRUE(world_.Accept(message).ok());
    held_.push_back(message.envelopes[0]);
  }

  void FinishOne() {
    if (held_.empty()) return;
    const Envelope envelope = held_.back();
    held_.pop_back();
    const ItemName name = {envelope.id, envelope.destination};
    if (world_.random().Below(4) == 0) {
      ASSERT_EQ(world_.Deliver(envelope).value(), Afterwards::kGone);
      return;
    }
    const absl::Time next =
        world_.Now() + absl::Minutes(static_cast<int64_t>(world_.random().Below(10'000)));
    const Afterwards afterwards = world_.Defer(envelope, next).value();
    if (afterwards == Afterwards::kExpired) {
      held_.push_back(envelope);
    } else {
      waiting_[name] = std::min(next, envelope.deadline);
    }
  }

  void TakeDue() {
    std::set<ItemName> expected;
    for (const auto& [name, due] : waiting_) {
      if (due <= world_.Now()) expected.insert(name);
    }
    std::set<ItemName> taken;
    const TakenWork work = world_.TakeDue().value();
    for (const Envelope& envelope : work.items) {
      taken.emplace(envelope.id, envelope.destination);
      waiting_.erase({envelope.id, envelope.destination});
      held_.push_back(envelope);
    }
    EXPECT_EQ(taken, expected);
  }

  void CheckNextDue() {
    for (const auto& [name, due] : waiting_) EXPECT_LE(world_.spool().NextDue(), due);
  }

  SpoolWorld world_{GetParam()};
  std::vector<Envelope> held_;
  std::map<ItemName, absl::Time> waiting_;  // until when
};
INSTANTIATE_TEST_SUITE_P(Seeds, ClockWalkTest, ::testing::Range<uint64_t>(1, 6));

TEST_P(ClockWalkTest, FindsWhatIsDueByWhateverClock) {
  for (int step = 0; step < 400; ++step) {
    ASSERT_NO_FATAL_FAILURE(AcceptOne());
    if (world_.random().Below(3) != 0) ASSERT_NO_FATAL_FAILURE(FinishOne());
    if (world_.random().Below(10) == 0) {
      const auto days = static_cast<int64_t>(world_.random().Below(7)) - 3;
      world_.clock().StepWall(days * kDay);
    }
    world_.clock().Advance(absl::Minutes(static_cast<int64_t>(world_.random().Below(30))));
    if (world_.random().Below(3) == 0) TakeDue();
    CheckNextDue();
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
}

}  // namespace
}  // namespace sluice::queue
