// Mail that waits for its destination: it is parked, found again by its destination alone, and
// stays subject to its deadline and to whatever people do to it.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "queue/key_codec.h"
#include "queue/queue_view.h"
#include "queue/spool.h"
#include "queue/store_check.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class ParkingTest : public ::testing::Test {
 protected:
  // A message whose attempt failed, and which is parked now.
  Envelope Parked(const std::string& domain) {
    const NewMessage message = world_.Compose({domain});
    EXPECT_TRUE(world_.Accept(message).ok());
    Envelope envelope = message.envelopes[0];
    EXPECT_EQ(Park(envelope), Afterwards::kDeferred);
    return envelope;
  }
  Afterwards Park(Envelope envelope, bool attempted = true) {
    envelope.last_failure = AttemptFailure{.at = world_.Now(),
                                           .tls = true,
                                           .stage = "ehlo",
                                           .reason = "not_offered",
                                           .mx = "mx.example",
                                           .address = "192.0.2.1:25",
                                           .text = "no"};
    return world_.Finish({.envelope = std::move(envelope), .park = true, .attempted = attempted})
        .value();
  }
  static Selection Only(const Envelope& envelope) {
    return {.message_id = envelope.id, .destination = ""};
  }
  static Selection To(const std::string& domain) {
    return {.message_id = std::nullopt, .destination = domain};
  }
  QueueItem Find(const Envelope& envelope) {
    const std::vector<QueueItem> items = world_.spool().Find(envelope.id).value();
    EXPECT_THAT(items, SizeIs(1));
    return items.at(0);
  }
  uint64_t RowsOfParked() { return world_.CountRows().at("parked"); }

  SpoolWorld world_;
  const Reason reason_ = {.by = "alice", .why = "they move"};
};

TEST_F(ParkingTest, WhatIsParkedIsNotDueButFoundByItsDestination) {
  const Envelope first = Parked("a.example");
  const Envelope second = Parked("a.example");
  const Envelope other = Parked("ab.example");
  EXPECT_EQ(Find(first).state(), ItemState::kParked);
  EXPECT_EQ(Find(first).envelope.attempts, 1);
  EXPECT_EQ(world_.spool().Parked("a.example"), 2u);
  EXPECT_EQ(world_.spool().Count(0)->parked, 3u);
  EXPECT_EQ(world_.spool().Summarize("a.example", 10)->all.parked, 2u);

  world_.clock().Advance(absl::Hours(100));
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());

  const SelectedWork taken = world_.TakeParked("a.example", "", 10).value();
  ASSERT_THAT(taken.items, SizeIs(2));
  EXPECT_EQ(taken.items[0].id, first.id);
  EXPECT_EQ(taken.items[1].id, second.id);
  EXPECT_THAT(taken.next, IsEmpty());
  EXPECT_THAT(world_.TakeParked("a.example", "", 10)->items, IsEmpty());  // in flight
  EXPECT_EQ(world_.Deliver(taken.items[0]).value(), Afterwards::kGone);
  EXPECT_EQ(world_.Defer(taken.items[1], world_.Now() + absl::Hours(1)).value(),
            Afterwards::kDeferred);
  EXPECT_EQ(Find(second).state(), ItemState::kWaiting);
  EXPECT_EQ(world_.spool().Parked("a.example"), 0u);
  EXPECT_EQ(world_.spool().Parked("ab.example"), 1u);
  EXPECT_EQ(RowsOfParked(), 1u);
}

TEST_F(ParkingTest, WhatIsParkedUntriedHasNoAttemptCounted) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  EXPECT_EQ(Park(message.envelopes[0], /*attempted=*/false), Afterwards::kDeferred);
  EXPECT_EQ(Find(message.envelopes[0]).envelope.attempts, 0);
}

TEST_F(ParkingTest, IsHandedOutOnceMoreWhereThatIsAskedFor) {
  Envelope envelope = Parked("a.example");
  world_.TakeParked("a.example", "", 10).value();
  const absl::Time look_again = world_.Now() + absl::Hours(4);
  ASSERT_TRUE(world_
                  .Finish({.envelope = std::move(envelope),
                           .park = true,
                           .look_again = look_again,
                           .attempted = false})
                  .ok());
  world_.clock().Advance(absl::Hours(4) - absl::Seconds(1));
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  world_.clock().Advance(absl::Seconds(1));
  const TakenWork taken = world_.TakeDue().value();
  ASSERT_THAT(taken.items, SizeIs(1));
  EXPECT_TRUE(taken.items[0].parked);
  EXPECT_EQ(Park(taken.items[0], /*attempted=*/false), Afterwards::kDeferred);
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  EXPECT_EQ(RowsOfParked(), 1u);
  EXPECT_EQ(world_.spool().Parked("a.example"), 1u);
}

TEST_F(ParkingTest, IsReleasedInSteps) {
  constexpr int kMessages = 25;
  for (int i = 0; i < kMessages; ++i) Parked("a.example");
  std::string position;
  int steps = 0;
  int released = 0;
  do {
    SelectedWork work = world_.TakeParked("a.example", std::move(position), 10).value();
    EXPECT_LE(work.items.size(), 10u);
    released += static_cast<int>(work.items.size());
    for (Envelope& envelope : work.items) ASSERT_TRUE(world_.Deliver(std::move(envelope)).ok());
    position = std::move(work.next);
    ++steps;
  } while (!position.empty());
  EXPECT_EQ(released, kMessages);
  EXPECT_EQ(steps, 3);
  EXPECT_TRUE(world_.Empty());
  EXPECT_EQ(RowsOfParked(), 0u);
}

TEST_F(ParkingTest, ParkedAgainItIsFoundAgain) {
  Parked("a.example");
  for (int i = 0; i < 3; ++i) {
    SelectedWork work = world_.TakeParked("a.example", "", 10).value();
    ASSERT_THAT(work.items, SizeIs(1));
    EXPECT_EQ(Park(work.items[0]), Afterwards::kDeferred);
  }
  EXPECT_EQ(world_.spool().Parked("a.example"), 1u);
  EXPECT_EQ(RowsOfParked(), 1u);
}

TEST_F(ParkingTest, ACrashLosesNeitherWhatIsParkedNorWhatIsBeingReleased) {
  const Envelope first = Parked("a.example");
  const Envelope second = Parked("b.example");
  ASSERT_THAT(world_.TakeParked("a.example", "", 10)->items, SizeIs(1));
  // What comes after it is synced, and all that was written before with it.
  ASSERT_TRUE(world_.Accept(world_.Compose({"c.example"})).ok());
  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(Find(first).state(), ItemState::kParked);
  EXPECT_EQ(world_.spool().Parked("a.example"), 1u);
  const std::vector<ParkedDestination> parked = world_.spool().ReadParked().value();
  ASSERT_THAT(parked, SizeIs(2));
  EXPECT_EQ(parked[0].destination, "a.example");
  ASSERT_TRUE(parked[0].last_failure.has_value());
  EXPECT_EQ(parked[0].last_failure->reason, "not_offered");
  EXPECT_EQ(parked[1].destination, "b.example");
  EXPECT_THAT(world_.TakeParked("b.example", "", 10)->items, SizeIs(1));
}

TEST_F(ParkingTest, TheDeadlineHolds) {
  const Envelope envelope = Parked("a.example");
  world_.clock().Advance(envelope.deadline - world_.Now() - absl::Seconds(1));
  EXPECT_THAT(world_.TakeExpired()->items, IsEmpty());
  world_.clock().Advance(absl::Seconds(2));
  TakenWork expired = world_.TakeExpired().value();
  ASSERT_THAT(expired.items, SizeIs(1));
  expired.items[0].recipients[0].state = RecipientState::kFailed;
  EXPECT_EQ(world_.Finish({.envelope = expired.items[0]}).value(), Afterwards::kGone);
  EXPECT_EQ(world_.spool().Parked("a.example"), 0u);
  EXPECT_TRUE(world_.Empty());
  EXPECT_EQ(RowsOfParked(), 0u);
}

TEST_F(ParkingTest, WhatReachesItsDeadlineWhileItIsTriedIsNotParked) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.clock().Advance(absl::Hours(169));
  EXPECT_EQ(Park(message.envelopes[0]), Afterwards::kExpired);
  EXPECT_EQ(world_.spool().Parked("a.example"), 0u);
}

TEST_F(ParkingTest, ARetryTakesItOutAndPastTheBreakerOnce) {
  const Envelope envelope = Parked("a.example");
  Parked("b.example");
  EXPECT_EQ(world_.RetryNow(Only(envelope)).value(), 1u);
  EXPECT_EQ(world_.spool().Parked("a.example"), 0u);
  TakenWork due = world_.TakeDue().value();
  ASSERT_THAT(due.items, SizeIs(1));
  EXPECT_TRUE(due.items[0].past_breaker);
  EXPECT_EQ(Park(due.items[0]), Afterwards::kDeferred);
  EXPECT_FALSE(Find(envelope).envelope.past_breaker);
  EXPECT_EQ(Find(envelope).state(), ItemState::kParked);
}

TEST_F(ParkingTest, HoldReleaseAndRemoveWorkOnWhatIsParked) {
  const Envelope held = Parked("a.example");
  const Envelope removed = Parked("b.example");
  EXPECT_EQ(world_.Hold(To("a.example"), reason_).value(), 1u);
  EXPECT_EQ(Find(held).state(), ItemState::kHeld);
  EXPECT_EQ(world_.spool().Parked("a.example"), 0u);
  EXPECT_EQ(world_.spool().Summarize("a.example", 10)->all.held, 1u);
  EXPECT_EQ(world_.spool().Summarize("a.example", 10)->all.parked, 0u);
  EXPECT_THAT(world_.TakeParked("a.example", "", 10)->items, IsEmpty());
  EXPECT_EQ(world_.EndHold({}).value(), 1u);
  EXPECT_THAT(world_.TakeDue()->items, SizeIs(1));

  EXPECT_EQ(world_.Remove(Only(removed), reason_).value(), 1u);
  EXPECT_EQ(world_.spool().Parked("b.example"), 0u);
  EXPECT_EQ(RowsOfParked(), 0u);
}

TEST_F(ParkingTest, GivenBackItIsParkedStill) {
  const Envelope envelope = Parked("a.example");
  for (const absl::Time not_before : {absl::InfinitePast(), world_.Now() + absl::Hours(1)}) {
    const SelectedWork work = world_.TakeParked("a.example", "", 10).value();
    ASSERT_THAT(work.items, SizeIs(1));
    world_.Release(work.items[0], not_before);
    EXPECT_EQ(Find(envelope).state(), ItemState::kParked);
  }
  world_.clock().Advance(absl::Hours(2));
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
}

TEST_F(ParkingTest, TheCheckOfAStoreSeesARowThatIsMissing) {
  const Envelope envelope = Parked("a.example");
  world_.Close();
  const auto check = [this] {
    return CheckStore({.directory = world_.options.data_dir, .env = world_.disk().env()}).value();
  };
  EXPECT_TRUE(check().whole());
  world_.PutRow("parked", ParkedKey("a.example", envelope.id), std::nullopt);
  EXPECT_EQ(check().damaged_messages, 1u);
}

}  // namespace
}  // namespace sluice::queue
