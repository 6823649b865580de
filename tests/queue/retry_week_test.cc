// A week in the life of mail that cannot be sent, in a moment.
#include <map>
#include <vector>

#include "engine/base/log.h"
#include "gtest/gtest.h"
#include "queue/retry_timetable.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

constexpr char kSchedule[] = "5m,10m,20m,40m,80m,160m,3h";

// Attempts in a week if every wait were as short (or as long) as it can be.
int AttemptsInAWeek(const RetryTimetable& timetable, double factor) {
  absl::Duration elapsed;
  int attempts = 0;
  for (; elapsed < absl::Hours(168); ++attempts) {
    const size_t step =
        std::min<size_t>(static_cast<size_t>(attempts), timetable.waits().size() - 1);
    elapsed += timetable.waits()[step] * factor;
  }
  return attempts;
}

class RetryWeekTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  // Sleeps as the gateway's scheduler does: until there is something to do.
  void SleepUntil(absl::Time time) {
    if (time > world_.Now()) world_.clock().Advance(time - world_.Now());
  }

  SpoolWorld world_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Seeds, RetryWeekTest, ::testing::Values(uint64_t{1}));

TEST_P(RetryWeekTest, IsTriedByTheTimetableAndExpiresOnTime) {
  log::Configure(log::Level::kError, log::Format::kText);  // of steps there are many
  const RetryTimetable timetable = RetryTimetable::Parse(kSchedule).value();
  constexpr int kMessages = 5;
  struct Life {
    absl::Time deadline;
    std::vector<absl::Time> attempts;
    absl::Time expired = absl::InfinitePast();
  };
  std::map<MessageId, Life> lives;
  size_t expired = 0;

  const auto fail = [&](const Envelope& envelope) {
    Life& life = lives[envelope.id];
    EXPECT_EQ(static_cast<size_t>(envelope.attempts), life.attempts.size());
    life.attempts.push_back(world_.Now());
    const absl::Time next =
        timetable.NextAttempt(envelope.attempts, world_.Now(), envelope.deadline, world_.random());
    EXPECT_EQ(world_.Defer(envelope, next).value(), Afterwards::kDeferred);
  };
  for (int i = 0; i < kMessages; ++i) {
    const NewMessage message = world_.Compose({"a.example"});
    lives[message.id].deadline = message.envelopes[0].deadline;
    ASSERT_TRUE(world_.Accept(message).ok());
    fail(message.envelopes[0]);
    world_.clock().Advance(absl::Seconds(7));
  }
  for (int wakes = 0; expired < kMessages; ++wakes) {
    ASSERT_LT(wakes, 100'000);
    const TakenWork late = world_.TakeExpired().value();
    for (const Envelope& envelope : late.items) {
      lives[envelope.id].expired = world_.Now();
      ++expired;
      Envelope gone = envelope;
      gone.recipients[0].state = RecipientState::kFailed;
      EXPECT_EQ(world_.Finish({.envelope = gone}).value(), Afterwards::kGone);
    }
    const TakenWork due = world_.TakeDue().value();
    for (const Envelope& envelope : due.items) fail(envelope);
    if (wakes % 120 == 119) {  // restarts change nothing
      world_.Close();
      ASSERT_TRUE(world_.Open().ok());
    }
    if (wakes % 100 == 99) {  // nor does it when the machine's clock is set, by up to ten days
      world_.clock().StepWall(absl::Hours(240) * (2 * world_.random().Unit() - 1));
    }
    world_.KeepTime();
    SleepUntil(std::min(late.next, world_.spool().NextDue()));
  }

  for (const auto& [id, life] : lives) {
    EXPECT_EQ(life.expired, life.deadline);
    // One attempt at once, then those of the timetable.
    const int attempts = static_cast<int>(life.attempts.size()) - 1;
    EXPECT_GE(attempts, AttemptsInAWeek(timetable, 1 + RetryTimetable::kJitter) - 1);
    EXPECT_LE(attempts, AttemptsInAWeek(timetable, 1 - RetryTimetable::kJitter));
    for (size_t i = 1; i < life.attempts.size(); ++i) {
      const absl::Duration wait = timetable.waits()[std::min(i - 1, timetable.waits().size() - 1)];
      const absl::Duration waited = life.attempts[i] - life.attempts[i - 1];
      EXPECT_GE(waited, wait * (1 - RetryTimetable::kJitter));
      EXPECT_LE(waited, wait * (1 + RetryTimetable::kJitter) + absl::Nanoseconds(1));
    }
  }
  EXPECT_TRUE(world_.Empty());
}

}  // namespace
}  // namespace sluice::queue
