#include "queue/spool.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Each test runs with its jobs in order, and in three other orders.
class SpoolTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  SpoolWorld world_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Orders, SpoolTest, ::testing::Values(0, 1, 2, 3));

std::vector<std::string> DestinationsOf(const TakenWork& work) {
  std::vector<std::string> destinations;
  for (const Envelope& envelope : work.items) destinations.push_back(envelope.destination);
  return destinations;
}

TEST_P(SpoolTest, WhatWasAcceptedIsThereAfterACrash) {
  const NewMessage message = world_.Compose({"a.example", "b.example"}, "the body\r\n");
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());

  // The lease: the acceptor might still be sending it, had only the spool died.
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  world_.clock().Advance(absl::Seconds(60));
  const TakenWork work = world_.TakeDue().value();
  EXPECT_THAT(DestinationsOf(work), UnorderedElementsAre("a.example", "b.example"));
  for (const Envelope& envelope : work.items) {
    EXPECT_EQ(envelope.id, message.id);
    EXPECT_EQ(envelope.attempts, 0);
    EXPECT_EQ(envelope.body_bytes, 10u);
    EXPECT_EQ(world_.LoadBody(envelope)->Flatten(), "the body\r\n");
  }
}

TEST_P(SpoolTest, FreshMailIsInFlightForAsLongAsItTakes) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.clock().Advance(absl::Hours(1));  // a slow server; the lease is long over
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  world_.Release(message.envelopes[0]);
  EXPECT_THAT(world_.TakeDue()->items, SizeIs(1));
}

TEST_P(SpoolTest, DeliveredMailLeavesNothingBehind) {
  for (int i = 0; i < 3; ++i) {
    const NewMessage message = world_.Compose({"a.example"}, std::string(200'000, 'x'));
    ASSERT_TRUE(world_.Accept(message).ok());
    EXPECT_EQ(world_.Deliver(message.envelopes[0]).value(), Afterwards::kGone);
  }
  EXPECT_EQ(world_.spool().Count(10)->items, 0u);
  EXPECT_TRUE(world_.Empty());
}

TEST_P(SpoolTest, TheBodyStaysUntilTheLastDestinationIsDone) {
  const NewMessage message = world_.Compose({"a.example", "b.example", "c.example"}, "body\r\n");
  ASSERT_TRUE(world_.Accept(message).ok());
  EXPECT_EQ(world_.Deliver(message.envelopes[1]).value(), Afterwards::kGone);
  EXPECT_EQ(world_.LoadBody(message.envelopes[0])->Flatten(), "body\r\n");

  // The last two in one group: neither sees the other's row go.
  int gone = 0;
  for (const size_t i : {size_t{0}, size_t{2}}) {
    Envelope envelope = message.envelopes[i];
    envelope.recipients[0].state = RecipientState::kDelivered;
    world_.spool().Finish({.envelope = std::move(envelope)}, [&](absl::StatusOr<Afterwards> a) {
      gone += a.ok() && *a == Afterwards::kGone;
    });
  }
  world_.store().RunAll();
  EXPECT_EQ(gone, 2);
  EXPECT_EQ(world_.CountRows()["body"], 0u);
  EXPECT_EQ(world_.CountRows()["envelope"], 0u);
}

TEST_P(SpoolTest, DeferredMailComesBackWhenItIsDue) {
  NewMessage message = world_.Compose({"a.example"});
  message.envelopes[0].recipients.push_back({.address = "carol@a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  Envelope envelope = message.envelopes[0];
  envelope.recipients[0].state = RecipientState::kDelivered;
  envelope.recipients[1].last_reply = "451 4.3.0 later";
  envelope.last_failure = {.at = world_.Now(), .stage = "rcpt", .text = "451 4.3.0 later"};
  envelope.policy_digest = "d";
  const absl::Time next = world_.Now() + absl::Minutes(5);
  EXPECT_EQ(world_.Defer(envelope, next).value(), Afterwards::kDeferred);
  EXPECT_LE(world_.spool().NextDue(), next);

  world_.clock().Advance(absl::Minutes(5) - absl::Nanoseconds(1));
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  EXPECT_EQ(world_.spool().NextDue(), next);
  world_.clock().Advance(absl::Nanoseconds(1));
  const TakenWork work = world_.TakeDue().value();
  ASSERT_THAT(work.items, SizeIs(1));
  EXPECT_EQ(work.items[0].attempts, 1);
  EXPECT_EQ(work.items[0].recipients[0].state, RecipientState::kDelivered);
  EXPECT_EQ(work.items[0].recipients[1].last_reply, "451 4.3.0 later");
  EXPECT_EQ(work.items[0].last_failure->stage, "rcpt");
  EXPECT_EQ(work.items[0].policy_digest, "d");
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());  // in flight
  EXPECT_EQ(world_.Deliver(work.items[0]).value(), Afterwards::kGone);
  EXPECT_EQ(world_.CountRows()["due"], 0u);
}

TEST_P(SpoolTest, AnEarlierRetryIsFoundThoughTheScanHasPassed) {
  const NewMessage late = world_.Compose({"late.example"});
  const NewMessage early = world_.Compose({"early.example"});
  ASSERT_TRUE(world_.Accept(late).ok());
  ASSERT_TRUE(world_.Accept(early).ok());
  ASSERT_TRUE(world_.Defer(late.envelopes[0], world_.Now() + absl::Seconds(20)).ok());
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  ASSERT_TRUE(world_.Defer(early.envelopes[0], world_.Now() + absl::Seconds(1)).ok());
  EXPECT_EQ(world_.spool().NextDue(), world_.Now() + absl::Seconds(1));
  world_.clock().Advance(absl::Seconds(1));
  EXPECT_THAT(DestinationsOf(*world_.TakeDue()), ElementsAre("early.example"));
}

TEST_P(SpoolTest, FinishIsForWhatIsInFlight) {
  const NewMessage message = world_.Compose({"a.example"});
  EXPECT_EQ(world_.Deliver(message.envelopes[0]).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(world_.Accept(message).ok());
  // Twice at once: one of them counts.
  std::vector<absl::StatusCode> answers;
  for (int i = 0; i < 2; ++i) {
    Envelope envelope = message.envelopes[0];
    envelope.recipients[0].state = RecipientState::kDelivered;
    world_.spool().Finish({.envelope = envelope}, [&](absl::StatusOr<Afterwards> a) {
      answers.push_back(a.status().code());
    });
  }
  world_.store().RunAll();
  EXPECT_THAT(answers,
              UnorderedElementsAre(absl::StatusCode::kOk, absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(world_.spool().Count(1)->items, 0u);
}

TEST_P(SpoolTest, ReleasedForLaterIsDueLaterAndNoAttempt) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.Release(message.envelopes[0], world_.Now() + absl::Minutes(2));
  world_.clock().Advance(absl::Minutes(1));
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  world_.clock().Advance(absl::Minutes(1));
  const TakenWork work = world_.TakeDue().value();
  ASSERT_THAT(work.items, SizeIs(1));
  EXPECT_EQ(work.items[0].attempts, 0);
  // And again, never beyond the deadline.
  world_.Release(work.items[0], world_.Now() + absl::Hours(1000));
  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());
  world_.clock().Advance(absl::Hours(168));
  EXPECT_THAT(world_.TakeExpired()->items, SizeIs(1));
}

TEST_P(SpoolTest, ExpiryTakesWhatIsWaiting) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  ASSERT_TRUE(world_.Defer(message.envelopes[0], world_.Now() + absl::Hours(1000)).ok());
  world_.clock().Advance(absl::Hours(168) - absl::Seconds(1));
  TakenWork work = world_.TakeExpired().value();
  EXPECT_THAT(work.items, IsEmpty());
  EXPECT_EQ(work.next, message.envelopes[0].deadline);
  world_.clock().Advance(absl::Seconds(1));
  work = world_.TakeExpired().value();
  ASSERT_THAT(work.items, SizeIs(1));
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());  // in flight
  work.items[0].recipients[0].state = RecipientState::kFailed;
  EXPECT_EQ(world_.Finish({.envelope = work.items[0]}).value(), Afterwards::kGone);
  EXPECT_TRUE(world_.Empty());
}

TEST_P(SpoolTest, ExpiryOfWhatIsInFlightIsToldAtItsEnd) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.clock().Advance(absl::Hours(168));
  EXPECT_THAT(world_.TakeExpired()->items, IsEmpty());  // it is being sent
  EXPECT_EQ(world_.Defer(message.envelopes[0], world_.Now() + absl::Hours(3)).value(),
            Afterwards::kExpired);
  EXPECT_THAT(world_.TakeExpired()->items, IsEmpty());  // still in the caller's hands
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  world_.Release(message.envelopes[0]);  // which lets it go
  EXPECT_THAT(world_.TakeExpired()->items, SizeIs(1));
}

TEST_P(SpoolTest, ExpiryIsNotMissedWhenTheScanCameWhileItWasInFlight) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.clock().Advance(absl::Hours(168) - absl::Seconds(10));
  EXPECT_THAT(world_.TakeExpired()->items, IsEmpty());  // looks ahead, past the row
  EXPECT_EQ(world_.Defer(message.envelopes[0], world_.Now() + absl::Hours(3)).value(),
            Afterwards::kDeferred);
  world_.clock().Advance(absl::Seconds(10));
  EXPECT_THAT(world_.TakeExpired()->items, SizeIs(1));
}

TEST_P(SpoolTest, ANotificationIsAcceptedWithTheOutcomeThatCausedIt) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  AttemptResult result;
  result.envelope = message.envelopes[0];
  result.envelope.recipients[0].state = RecipientState::kFailed;
  result.notifications.push_back(world_.Compose({"sender.example"}, "it bounced\r\n"));
  const Envelope notification = result.notifications[0].envelopes[0];
  EXPECT_EQ(world_.Finish(result).value(), Afterwards::kGone);
  EXPECT_EQ(world_.LoadBody(notification)->Flatten(), "it bounced\r\n");  // in flight
  EXPECT_EQ(world_.spool().Count(1)->items, 1u);
  EXPECT_EQ(world_.Deliver(notification).value(), Afterwards::kGone);
}

TEST_P(SpoolTest, AWithdrawnMessageIsNotQueued) {
  absl::Status answer;
  AcceptTicket ticket =
      world_.spool().Accept(world_.Compose({"a.example"}), [&](absl::Status s) { answer = s; });
  EXPECT_TRUE(ticket.Withdraw());
  EXPECT_TRUE(ticket.Withdraw());
  world_.store().RunAll();
  EXPECT_EQ(answer.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(world_.spool().Count(1)->items, 0u);
  EXPECT_EQ(world_.CountRows()["body"], 0u);
}

TEST_P(SpoolTest, AStoredMessageCannotBeWithdrawn) {
  AcceptTicket ticket =
      world_.spool().Accept(world_.Compose({"a.example"}), [](const absl::Status&) {});
  world_.store().RunAll();
  EXPECT_FALSE(ticket.Withdraw());
  EXPECT_EQ(world_.spool().Count(1)->items, 1u);
}

TEST_P(SpoolTest, ManyAcceptsShareASync) {
  int stored = 0;
  const size_t before = world_.disk().syncs();
  for (int i = 0; i < 200; ++i) {
    world_.spool().Accept(world_.Compose({"a.example"}),
                          [&](const absl::Status& status) { stored += status.ok(); });
  }
  world_.store().RunAll();
  EXPECT_EQ(stored, 200);
  EXPECT_EQ(world_.disk().syncs() - before, 1u);
}

TEST_P(SpoolTest, TooMuchWaitingIsRefusedAtOnce) {
  world_.Close();
  world_.options.max_pending_bytes = 10'000;
  ASSERT_TRUE(world_.Open().ok());
  std::vector<absl::StatusCode> answers;
  const auto accept = [&](std::string body) {
    world_.spool().Accept(world_.Compose({"a.example"}, std::move(body)),
                          [&](const absl::Status& status) { answers.push_back(status.code()); });
  };
  accept(std::string(100'000, 'x'));  // larger than the bound, but nothing waits
  accept("small");
  EXPECT_THAT(answers, ElementsAre(absl::StatusCode::kResourceExhausted));
  world_.store().RunAll();
  accept("small");
  world_.store().RunAll();
  EXPECT_THAT(answers, ElementsAre(absl::StatusCode::kResourceExhausted, absl::StatusCode::kOk,
                                   absl::StatusCode::kOk));
}

TEST_P(SpoolTest, RefusesWhatCannotBeStored) {
  const auto code = [this](const NewMessage& message) { return world_.Accept(message).code(); };
  EXPECT_EQ(code(world_.Compose({})), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(world_.Compose({"A.example"})), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(world_.Compose({"a.example", "a.example"})), absl::StatusCode::kInvalidArgument);
  NewMessage message = world_.Compose({"a.example"});
  message.envelopes[0].recipients[0].state = RecipientState::kFailed;
  EXPECT_EQ(code(message), absl::StatusCode::kInvalidArgument);
  message = world_.Compose({"a.example"});
  message.id = MessageId::Of(1, 1);
  EXPECT_EQ(code(message), absl::StatusCode::kInvalidArgument);
}

TEST_P(SpoolTest, RetryNowMakesDue) {
  std::vector<NewMessage> messages;
  for (const char* domain : {"a.example", "b.example", "b.example"}) {
    messages.push_back(world_.Compose({domain}));
    ASSERT_TRUE(world_.Accept(messages.back()).ok());
    ASSERT_TRUE(world_.Defer(messages.back().envelopes[0], world_.Now() + absl::Hours(1)).ok());
  }
  EXPECT_THAT(world_.TakeDue()->items, IsEmpty());
  EXPECT_EQ(world_.RetryNow({.message_id = messages[1].id, .destination = ""}).value(), 1u);
  EXPECT_LE(world_.spool().NextDue(), world_.Now());
  EXPECT_THAT(DestinationsOf(*world_.TakeDue()), ElementsAre("b.example"));  // in flight from here
  EXPECT_EQ(world_.RetryNow({.message_id = messages[1].id, .destination = ""}).value(), 0u);
  EXPECT_EQ(world_.RetryNow({.message_id = {}, .destination = "b.example"}).value(), 1u);
  EXPECT_THAT(DestinationsOf(*world_.TakeDue()), ElementsAre("b.example"));
  EXPECT_EQ(world_.RetryNow({}).value(), 1u);
  EXPECT_EQ(world_.RetryNow({}).value(), 0u);  // due already
  EXPECT_THAT(DestinationsOf(*world_.TakeDue()), ElementsAre("a.example"));
  EXPECT_EQ(world_.RetryNow({.message_id = MessageId::Of(1, 1), .destination = ""}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_P(SpoolTest, RetryNowOfManyGoesInSteps) {
  for (int i = 0; i < 1000; ++i) {
    const NewMessage message = world_.Compose({"a.example"});
    ASSERT_TRUE(world_.Accept(message).ok());
    ASSERT_TRUE(world_.Defer(message.envelopes[0], world_.Now() + absl::Hours(1)).ok());
  }
  // Mail that comes while it goes on is not kept waiting until its end.
  std::optional<absl::StatusOr<uint64_t>> retried;
  bool accepted_first = false;
  world_.spool().RetryNow({}, [&](absl::StatusOr<uint64_t> a) { retried = std::move(a); });
  world_.spool().Accept(world_.Compose({"b.example"}), [&](const absl::Status& status) {
    accepted_first = status.ok() && !retried.has_value();
  });
  world_.store().RunAll();
  EXPECT_TRUE(accepted_first);
  EXPECT_EQ(retried->value(), 1000u);
  EXPECT_THAT(world_.TakeDue(2000)->items, SizeIs(1000));
  EXPECT_EQ(world_.CountRows()["due"], 1001u);
}

TEST_P(SpoolTest, RemoveErasesAndTellsHistory) {
  const NewMessage message = world_.Compose({"a.example", "b.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  const Selection all = {.message_id = message.id, .destination = ""};
  const Reason reason = {.by = "root", .why = "spam"};
  EXPECT_EQ(world_.Remove(all, reason).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(world_.Defer(message.envelopes[0], world_.Now() + absl::Hours(1)).ok());
  // One of the two is still being sent: nothing is removed.
  EXPECT_EQ(world_.Remove(all, reason).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(*world_.spool().Find(message.id), SizeIs(2));
  ASSERT_TRUE(world_.Defer(message.envelopes[1], world_.Now() + absl::Hours(1)).ok());

  Selection one = all;
  one.destination = "a.example";
  EXPECT_EQ(world_.Remove(one, reason).value(), 1u);
  EXPECT_EQ(world_.CountRows()["body"], 1u);
  EXPECT_EQ(world_.Remove(all, reason).value(), 1u);
  EXPECT_EQ(world_.Remove(all, reason).status().code(), absl::StatusCode::kNotFound);
  const HistoryPage history = world_.spool().QueryHistory({}).value();
  ASSERT_THAT(history.entries, SizeIs(2));
  EXPECT_EQ(history.entries[0].outcome, Outcome::kDeletedByAdmin);
  EXPECT_EQ(history.entries[0].detail, "by root: spam");
  EXPECT_THAT(history.entries[0].recipients, ElementsAre("bob@b.example"));
  EXPECT_TRUE(world_.Empty());
}

TEST_P(SpoolTest, PolicyRowsAreKept) {
  const auto write = [this](std::vector<PolicyWrite> writes, uint64_t generation) {
    absl::Status answer = absl::UnknownError("");
    world_.spool().WritePolicy({.entries = std::move(writes), .changes = {}, .pings = {},
                                .generation = generation},
                               [&](absl::Status status) { answer = status; });
    world_.store().RunAll();
    return answer;
  };
  EXPECT_EQ(world_.spool().ReadPolicy()->generation, 0u);
  ASSERT_TRUE(
      write({{"b.example", "2"}, {"*.a.example", std::string("\0x", 2)}, {"c", "3"}}, 1).ok());
  ASSERT_TRUE(write({{"c", std::nullopt}, {"b.example", "4"}}, 2).ok());
  EXPECT_EQ(write({{"", "x"}}, 3).code(), absl::StatusCode::kInvalidArgument);
  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());
  const PolicyRows rows = world_.spool().ReadPolicy().value();
  EXPECT_EQ(rows.generation, 2u);
  EXPECT_THAT(rows.rows, ElementsAre(std::pair("*.a.example", std::string("\0x", 2)),
                                     std::pair("b.example", "4")));
}

TEST_P(SpoolTest, CountsAreKeptAndRebuilt) {
  std::vector<NewMessage> messages;
  for (const char* domain : {"a.example", "b.example", "b.example"}) {
    messages.push_back(world_.Compose({domain}, "12345"));
    ASSERT_TRUE(world_.Accept(messages.back()).ok());
  }
  ASSERT_TRUE(world_.Defer(messages[2].envelopes[0], world_.Now() + absl::Hours(1)).ok());
  QueueTotals totals = world_.spool().Count(1).value();
  EXPECT_EQ(totals.in_flight, 2u);
  EXPECT_EQ(totals.oldest_accepted_at, messages[0].id.time());
  world_.Close();
  ASSERT_TRUE(world_.Open().ok());
  totals = world_.spool().Count(1).value();
  EXPECT_EQ(totals.items, 3u);
  EXPECT_EQ(totals.body_bytes, 15u);
  EXPECT_EQ(totals.in_flight, 0u);
  ASSERT_THAT(totals.destinations, SizeIs(1));
  EXPECT_EQ(totals.destinations[0].destination, "b.example");
  EXPECT_EQ(totals.destinations[0].items, 2u);
}

TEST_P(SpoolTest, AfterCloseEverythingIsCancelled) {
  const NewMessage message = world_.Compose({"a.example"});
  // What was asked for before is still done.
  absl::Status accepted = absl::UnknownError("");
  absl::Status closed = absl::UnknownError("");
  world_.spool().Accept(message, [&](absl::Status s) { accepted = s; });
  world_.spool().Close([&](absl::Status s) { closed = s; });
  absl::Status late;
  world_.spool().Accept(world_.Compose({"b.example"}), [&](absl::Status s) { late = s; });
  world_.store().RunAll();
  EXPECT_TRUE(accepted.ok()) << accepted;
  EXPECT_TRUE(closed.ok()) << closed;
  EXPECT_EQ(late.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(world_.TakeDue().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(world_.spool().List({}).status().code(), absl::StatusCode::kCancelled);
  world_.Close();
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(world_.spool().Count(1)->items, 1u);
}

TEST_P(SpoolTest, WhoeverDropsTheSpoolStillGetsAnswers) {
  absl::Status accepted = absl::UnknownError("");
  SteppedExecutor store(GetParam());
  {
    SpoolOptions options = world_.options;
    options.data_dir = "/other";
    options.store = &store;
    const std::unique_ptr<Spool> spool = Spool::Open(options).value();
    spool->Accept(world_.Compose({"a.example"}), [&](absl::Status s) { accepted = s; });
  }
  store.RunAll();
  EXPECT_TRUE(accepted.ok()) << accepted;
}

TEST(SpoolOpenTest, TwoCannotShareADirectory) {
  SpoolWorld world;
  const absl::Status second = Spool::Open(world.options).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.message()), HasSubstr("/var/lib/sluice is in use"));
}

TEST(SpoolOpenTest, OptionsAreChecked) {
  SpoolWorld world;
  SpoolOptions options = world.options;
  options.data_dir = "";
  EXPECT_THAT(std::string(Spool::Open(options).status().message()), HasSubstr("--data_dir"));
  options = world.options;
  options.memory_bytes = 1000;
  EXPECT_THAT(std::string(Spool::Open(options).status().message()), HasSubstr("--store_memory"));
}

}  // namespace
}  // namespace sluice::queue
