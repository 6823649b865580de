// What people do to the queue: hold, let go on, remove by domain, take in order to give back; and the
// summary, which follows all of it.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "queue/queue_view.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class OrdersTest : public ::testing::Test {
 protected:
  // A message that was tried in vain and waits for another hour.
  Envelope Waiting(const std::string& domain) {
    const NewMessage message = world_.Compose({domain});
    EXPECT_TRUE(world_.Accept(message).ok());
    Envelope envelope = message.envelopes[0];
    envelope.last_failure = AttemptFailure{.at = world_.Now(),
                                           .tls = true,
                                           .stage = "starttls",
                                           .reason = "not_offered",
                                           .mx = "",
                                           .address = "",
                                           .text = "no"};
    EXPECT_TRUE(world_.Defer(envelope, world_.Now() + absl::Hours(1)).ok());
    return envelope;
  }
  static Selection To(const std::string& domain) {
    return {.message_id = std::nullopt, .destination = domain};
  }
  static Selection Only(const Envelope& envelope) {
    return {.message_id = envelope.id, .destination = ""};
  }
  ItemState StateOf(const Envelope& envelope) {
    const std::vector<QueueItem> items = world_.spool().Find(envelope.id).value();
    EXPECT_THAT(items, SizeIs(1));
    return items.at(0).state();
  }

  SpoolWorld world_;
  const Reason reason_ = {.by = "alice", .why = "they move"};
};

TEST_F(OrdersTest, WhatIsHeldIsNotTriedUntilItIsReleased) {
  const Envelope held = Waiting("a.example");
  const Envelope other = Waiting("b.example");
  EXPECT_EQ(world_.Hold(To("a.example"), reason_).value(), 1u);
  EXPECT_EQ(world_.Hold(To("a.example"), reason_).value(), 0u);  // it is
  EXPECT_EQ(StateOf(held), ItemState::kHeld);
  EXPECT_EQ(world_.spool().Find(held.id).value()[0].envelope.held, "by alice: they move");

  world_.clock().Advance(absl::Hours(100));
  const TakenWork due = world_.TakeDue().value();
  ASSERT_THAT(due.items, SizeIs(1));
  EXPECT_EQ(due.items[0].destination, "b.example");
  EXPECT_EQ(world_.RetryNow({}).value(), 0u);
  EXPECT_EQ(world_.RetryNow(Only(held)).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());

  EXPECT_EQ(world_.EndHold({}).value(), 1u);
  const TakenWork released = world_.TakeDue().value();
  ASSERT_THAT(released.items, SizeIs(1));
  EXPECT_EQ(released.items[0].held, std::nullopt);
  EXPECT_EQ(world_.EndHold({}).value(), 0u);
}

TEST_F(OrdersTest, AHoldSurvivesACrashAndEndsWithTheDeadline) {
  const Envelope held = Waiting("a.example");
  ASSERT_EQ(world_.Hold(Only(held), reason_).value(), 1u);
  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(StateOf(held), ItemState::kHeld);
  world_.clock().Advance(held.deadline - world_.Now() - absl::Seconds(1));
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  EXPECT_THAT(world_.TakeExpired()->items, IsEmpty());
  world_.clock().Advance(absl::Seconds(2));
  const TakenWork expired = world_.TakeExpired().value();
  ASSERT_THAT(expired.items, SizeIs(1));
  EXPECT_EQ(expired.items[0].id, held.id);
}

TEST_F(OrdersTest, HoldingAgainAndAgainLeavesOneRow) {
  const Envelope message = Waiting("a.example");
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(world_.Hold(Only(message), reason_).value(), 1u);
    ASSERT_EQ(world_.EndHold(Only(message)).value(), 1u);
  }
  EXPECT_EQ(world_.CountRows()["due"], 1u);
  const TakenWork due = world_.TakeDue().value();
  ASSERT_THAT(due.items, SizeIs(1));
  ASSERT_TRUE(world_.Deliver(due.items[0]).ok());
  EXPECT_TRUE(world_.Empty());
}

TEST_F(OrdersTest, WhatIsBeingSentIsLeftAlone) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  const Envelope& active = message.envelopes[0];
  for (const absl::Status& status :
       {world_.Hold(Only(active), reason_).status(), world_.EndHold(Only(active)).status(),
        world_.Remove(Only(active), reason_).status(),
        world_.TakeSelected(Only(active), "", 10).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  }
  EXPECT_EQ(world_.Hold({}, reason_).value(), 0u);
  EXPECT_EQ(world_.Remove({}, reason_).value(), 0u);
  EXPECT_THAT(world_.TakeSelected({}, "", 10)->items, IsEmpty());
  EXPECT_EQ(StateOf(active), ItemState::kActive);
}

TEST_F(OrdersTest, WhatIsGivenBackIsToldOfOnceAnOrderFindsIt) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  const Envelope& active = message.envelopes[0];
  for (const absl::Time not_before : {world_.Now() + absl::Minutes(2), absl::InfinitePast()}) {
    int told = 0;
    world_.spool().Release(active.id, active.destination, not_before, [&told] { ++told; });
    while (told == 0) {
      EXPECT_EQ(StateOf(active), ItemState::kActive);
      world_.store().Step();
    }
    EXPECT_EQ(StateOf(active), ItemState::kWaiting);
    world_.store().RunAll();
    EXPECT_EQ(told, 1);
    EXPECT_THAT(world_.TakeSelected(Only(active), "", 10)->items, SizeIs(1));
  }
  ASSERT_TRUE(world_.Deliver(active).ok());
  int told = 0;  // though nobody has it
  world_.spool().Release(active.id, active.destination, world_.Now(), [&told] { ++told; });
  world_.store().RunAll();
  EXPECT_EQ(told, 1);
}

TEST_F(OrdersTest, EachIsMetOnceThoughItIsTriedAndPutOffMeanwhile) {
  std::vector<Envelope> waiting;
  for (int i = 0; i < 1000; ++i) waiting.push_back(Waiting("a.example"));
  std::optional<absl::StatusOr<uint64_t>> retried;
  world_.spool().RetryNow({}, [&](absl::StatusOr<uint64_t> count) { retried = std::move(count); });
  // What has become due finds no room, and is put off until after what the order has yet to meet.
  size_t put_off = 0;
  while (!retried.has_value()) {
    const TakenWork due = world_.TakeDue(100).value();
    for (const Envelope& envelope : due.items) {
      world_.Release(envelope, world_.Now() + absl::Hours(2));
      ++put_off;
    }
    world_.store().Step();
  }
  EXPECT_GT(put_off, 0u);
  EXPECT_EQ(retried->value(), 1000u);
}

TEST_F(OrdersTest, ADomainIsRemovedHoweverManyThereAre) {
  for (int i = 0; i < 600; ++i) Waiting("a.example");  // several steps
  const Envelope other = Waiting("b.example");
  ASSERT_EQ(world_.Hold(Only(other), reason_).value(), 1u);
  EXPECT_EQ(world_.Remove(To("a.example"), reason_).value(), 600u);
  EXPECT_EQ(world_.spool().Count(10)->items, 1u);
  HistoryQuery query;
  query.limit = 1000;
  EXPECT_THAT(world_.spool().QueryHistory(query)->entries, SizeIs(600));
  EXPECT_EQ(world_.Remove({}, reason_).value(), 1u);
  EXPECT_TRUE(world_.Empty());
}

TEST_F(OrdersTest, WhatIsSelectedIsTakenOnceWhateverItsState) {
  for (int i = 0; i < 5; ++i) Waiting("a.example");
  const Envelope other = Waiting("b.example");
  const Envelope held = Waiting("a.example");
  ASSERT_EQ(world_.Hold(Only(held), reason_).value(), 1u);
  std::vector<Envelope> taken;
  std::string position;
  do {
    SelectedWork work = world_.TakeSelected(To("a.example"), position, 2).value();
    for (Envelope& envelope : work.items) taken.push_back(std::move(envelope));
    position = work.next;
  } while (!position.empty());
  ASSERT_THAT(taken, SizeIs(6));
  for (Envelope& envelope : taken) {
    EXPECT_EQ(envelope.destination, "a.example");
    ASSERT_TRUE(world_.Deliver(envelope).ok());
  }
  EXPECT_EQ(world_.spool().Count(0)->items, 1u);
  EXPECT_EQ(StateOf(other), ItemState::kWaiting);
}

TEST_F(OrdersTest, AMessageByItselfIsTakenWholeOrNotAtAll) {
  const NewMessage message = world_.Compose({"a.example", "b.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  const Selection whole = {.message_id = message.id, .destination = ""};
  ASSERT_TRUE(world_.Defer(message.envelopes[0], world_.Now() + absl::Hours(1)).ok());
  EXPECT_EQ(world_.TakeSelected(whole, "", 1).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(world_.Defer(message.envelopes[1], world_.Now() + absl::Hours(1)).ok());
  const SelectedWork work = world_.TakeSelected(whole, "", 1).value();
  EXPECT_THAT(work.items, SizeIs(2));
  EXPECT_EQ(work.next, "");
  for (const Envelope& envelope : work.items) ASSERT_TRUE(world_.Deliver(envelope).ok());
  EXPECT_EQ(world_.TakeSelected(whole, "", 1).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(OrdersTest, TheSummaryTellsAgesAndReasons) {
  Waiting("a.example");
  world_.clock().Advance(absl::Minutes(30));
  Waiting("a.example");
  const Envelope b = Waiting("b.example");
  ASSERT_EQ(world_.Hold(Only(b), reason_).value(), 1u);
  ASSERT_TRUE(world_.Accept(world_.Compose({"c.example"})).ok());

  const QueueSummary summary = world_.spool().Summarize("", 2).value();
  EXPECT_EQ(summary.all.items, 4u);
  EXPECT_EQ(summary.all.held, 1u);
  EXPECT_EQ(summary.all.tls, 3u);
  EXPECT_EQ(summary.all.by_reason, (std::map<std::string, uint64_t>{{"", 1}, {"not_offered", 3}}));
  EXPECT_EQ(summary.destinations_total, 3u);
  ASSERT_THAT(summary.destinations, SizeIs(2));
  const DestinationSummary& a = summary.destinations[0];
  EXPECT_EQ(a.destination, "a.example");
  EXPECT_EQ(a.by_age[0], 1u);  // within 5 minutes
  EXPECT_EQ(a.by_age[3], 1u);  // within 40, not 20
  EXPECT_EQ(summary.destinations[1].destination, "b.example");

  const QueueSummary one = world_.spool().Summarize("c.example", 10).value();
  EXPECT_EQ(one.all.items, 1u);
  world_.clock().Advance(absl::Hours(100));
  EXPECT_EQ(world_.spool().Summarize("a.example", 10)->all.by_age[9], 2u);
}

}  // namespace
}  // namespace sluice::queue
