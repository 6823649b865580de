#include "engine/relay/lane_pace.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::relay {
namespace {

using Kind = smtp::Failure::Kind;
using Outcome = smtp::RecipientResult::Outcome;
using Round = LanePace::Round;
using smtp::Stage;

smtp::Failure Failed(Stage stage, std::optional<smtp::Reply> reply = std::nullopt) {
  smtp::Failure failure;
  failure.stage = stage;
  failure.reply = std::move(reply);
  return failure;
}

smtp::Reply Said(int code, std::optional<smtp::EnhancedStatus> status = std::nullopt) {
  return smtp::Reply{code, status, "no"};
}

smtp::SendResult Result(Stage stage, smtp::Reply reply) {
  smtp::SendResult result;
  result.recipients.push_back({Outcome::kDeferred, stage, std::move(reply)});
  return result;
}

class LanePaceTest : public testing::Test {
 protected:
  // A connection that nobody gets: begun now, failed a second later.
  Round Fail(Trouble trouble) {
    const MonoTime begun = now_;
    now_ = now_ + absl::Seconds(1);
    return pace_.RoundFailed(trouble, begun, now_);
  }
  void Refuse(size_t in_use, size_t standing) {
    const MonoTime begun = now_ + absl::Seconds(1);
    now_ = begun + absl::Seconds(1);
    pace_.Refused(begun, now_, in_use, standing);
  }
  void Carry(int messages) {
    for (int i = 0; i < messages; ++i) pace_.Carried();
  }
  absl::Duration Pause() const { return pace_.NextConnection(now_) - now_; }

  MonoTime now_ = MonoTime::FromNanos(1'000'000'000);
  LanePace pace_{LanePace::Limits{.connections = 20}};
};

TEST_F(LanePaceTest, TellsTheServersTroubleFromAllOther) {
  EXPECT_EQ(TroubleOf(Failed(Stage::kBanner, Said(421))), Trouble::kTurnedAway);
  EXPECT_EQ(TroubleOf(Failed(Stage::kEhlo, Said(450))), Trouble::kTurnedAway);
  EXPECT_EQ(TroubleOf(Failed(Stage::kMail, Said(421))), Trouble::kTurnedAway);
  EXPECT_EQ(TroubleOf(Failed(Stage::kConnect)), Trouble::kUnreachable);
  EXPECT_EQ(TroubleOf(Failed(Stage::kBanner, Said(554))), Trouble::kUnreachable);

  EXPECT_EQ(TroubleOf(Failed(Stage::kDns)), Trouble::kNone);
  smtp::Failure tls = Failed(Stage::kStarttls, Said(454));
  tls.tls_reason = tls::Reason::kRefused;
  EXPECT_EQ(TroubleOf(tls), Trouble::kNone);
  smtp::Failure final = Failed(Stage::kEhlo, Said(550));
  final.kind = Kind::kPermanent;
  EXPECT_EQ(TroubleOf(final), Trouble::kNone);
}

TEST_F(LanePaceTest, TellsWhatIsSaidOfTheServerFromWhatIsSaidOfTheMessage) {
  EXPECT_EQ(VerdictOf(Result(Stage::kMail, Said(452, smtp::EnhancedStatus{4, 3, 1}))),
            Verdict::kRefused);
  EXPECT_EQ(VerdictOf(Result(Stage::kMail, Said(451))), Verdict::kRefused);
  smtp::SendResult closing = Result(Stage::kRcpt, Said(421));
  closing.failure = Failed(Stage::kRcpt, Said(421));
  EXPECT_EQ(VerdictOf(closing), Verdict::kRefused);

  EXPECT_EQ(VerdictOf(Result(Stage::kMail, Said(450, smtp::EnhancedStatus{4, 1, 8}))),
            Verdict::kCarried);  // the sender's domain cannot be found
  EXPECT_EQ(VerdictOf(Result(Stage::kRcpt, Said(450))), Verdict::kCarried);  // greylisted
  EXPECT_EQ(VerdictOf(Result(Stage::kFinal, Said(451))), Verdict::kCarried);
  EXPECT_EQ(VerdictOf(Result(Stage::kMail, Said(550))), Verdict::kCarried);
  smtp::SendResult local = Result(Stage::kMail, Said(451));
  local.recipients[0].local = true;
  EXPECT_EQ(VerdictOf(local), Verdict::kCarried);
  smtp::SendResult broken = Result(Stage::kMail, Said(451));
  broken.failure = Failed(Stage::kMail);
  EXPECT_EQ(VerdictOf(broken), Verdict::kNothing);
}

TEST_F(LanePaceTest, ARefusalHalvesTheConnectionsAndWhatIsCarriedAddsOneAgain) {
  Refuse(20, 0);
  EXPECT_EQ(pace_.connections(), 10u);
  Refuse(10, 0);
  EXPECT_EQ(pace_.connections(), 5u);
  Refuse(3, 0);  // of those in use
  EXPECT_EQ(pace_.connections(), 1u);
  Refuse(1, 0);
  EXPECT_EQ(pace_.connections(), 1u);
  Carry(9);
  EXPECT_EQ(pace_.connections(), 1u);
  Carry(1);
  EXPECT_EQ(pace_.connections(), 2u);
  Carry(19);
  EXPECT_EQ(pace_.connections(), 2u);
  Carry(1);
  EXPECT_EQ(pace_.connections(), 3u);
  Carry(2000);
  EXPECT_EQ(pace_.connections(), 20u);
}

TEST_F(LanePaceTest, WhatStandsGoesOnStanding) {
  Refuse(20, 12);
  EXPECT_EQ(pace_.connections(), 12u);
  Refuse(12, 12);
  EXPECT_EQ(pace_.connections(), 12u);
}

TEST_F(LanePaceTest, ManyRefusalsAtOnceAreOne) {
  const MonoTime begun = now_;
  for (int i = 0; i < 15; ++i) {
    now_ = now_ + absl::Milliseconds(10);
    pace_.Refused(begun, now_, 20, 0);
  }
  EXPECT_EQ(pace_.connections(), 10u);
}

TEST_F(LanePaceTest, AServerThatTurnsUsAwayIsLeftAloneLongerEachTime) {
  EXPECT_EQ(Pause(), absl::ZeroDuration());
  EXPECT_EQ(Fail(Trouble::kTurnedAway), Round::kSparedPause);
  EXPECT_EQ(Pause(), absl::Seconds(30));
  EXPECT_TRUE(pace_.paused(now_));
  EXPECT_EQ(pace_.connections(), 1u);
  for (const int seconds : {60, 120, 240, 480, 600, 600}) {
    now_ = pace_.paused_until();
    EXPECT_FALSE(pace_.paused(now_));
    EXPECT_EQ(Fail(Trouble::kTurnedAway), Round::kFailedPause);
    EXPECT_EQ(Pause(), absl::Seconds(seconds));
  }
  now_ = pace_.paused_until();
  Carry(1);
  EXPECT_EQ(Fail(Trouble::kTurnedAway), Round::kSparedPause);
  EXPECT_EQ(Pause(), absl::Seconds(30));
}

TEST_F(LanePaceTest, AServerThatCannotBeReachedIsLeftAloneFromTheSecondTimeOn) {
  EXPECT_EQ(Fail(Trouble::kUnreachable), Round::kFailed);
  EXPECT_EQ(Pause(), absl::ZeroDuration());
  EXPECT_EQ(pace_.connections(), 20u);
  EXPECT_EQ(Fail(Trouble::kUnreachable), Round::kFailedPause);
  EXPECT_EQ(Pause(), absl::Seconds(30));
  now_ = pace_.paused_until();
  EXPECT_EQ(Fail(Trouble::kUnreachable), Round::kFailedPause);
  EXPECT_EQ(Pause(), absl::Minutes(1));
}

TEST_F(LanePaceTest, WhatIsNoTroubleOfTheServersPausesNothing) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Fail(Trouble::kNone), Round::kFailed);
  EXPECT_EQ(Pause(), absl::ZeroDuration());
  EXPECT_EQ(pace_.connections(), 20u);
}

TEST_F(LanePaceTest, WhatWasBegunBeforeAFailureAddsNothingToIt) {
  const MonoTime begun = now_;
  EXPECT_EQ(Fail(Trouble::kTurnedAway), Round::kSparedPause);
  now_ = now_ + absl::Seconds(1);
  EXPECT_EQ(pace_.RoundFailed(Trouble::kTurnedAway, begun, now_), Round::kKnown);
  EXPECT_EQ(Pause(), absl::Seconds(29));
}

TEST_F(LanePaceTest, WhoWantsItTriedNowEndsThePauseAndNotItsGrowth) {
  Fail(Trouble::kTurnedAway);
  pace_.Resume(now_);
  EXPECT_EQ(Pause(), absl::ZeroDuration());
  Fail(Trouble::kTurnedAway);
  EXPECT_EQ(Pause(), absl::Minutes(1));
}

TEST_F(LanePaceTest, NoPauseIsLongerThanTheFirstWaitOfTheTimetable) {
  Settings settings;
  const auto pauses = [&settings](const char* schedule) {
    settings.retries =
        std::make_shared<const queue::RetryTimetable>(*queue::RetryTimetable::Parse(schedule));
    const LanePace::Limits limits = LanePace::LimitsOf(settings, 1);
    return std::pair(limits.first_pause, limits.longest_pause);
  };
  EXPECT_EQ(pauses("5m,10m,3h"), std::pair(absl::Seconds(30), absl::Minutes(5)));
  EXPECT_EQ(pauses("1s,1h"), std::pair(absl::Seconds(1), absl::Seconds(1)));
  EXPECT_EQ(pauses("1h"), std::pair(absl::Seconds(30), absl::Minutes(10)));
}

TEST_F(LanePaceTest, ARateLimitsWhatIsKeptInMemoryToAMinute) {
  EXPECT_EQ(pace_.Room(10'000), 10'000u);
  EXPECT_FALSE(pace_.per_second().has_value());
  const auto room = [](const char* rate, size_t share) {
    return LanePace({.messages = *Rate::Parse(rate), .share = share}).Room(10'000);
  };
  EXPECT_EQ(room("100/1m", 1), 100u);
  EXPECT_EQ(room("100/1m", 2), 50u);
  EXPECT_EQ(room("1/1h", 1), 1u);
  EXPECT_EQ(room("1000/1s", 1), 10'000u);
}

TEST_F(LanePaceTest, ConnectionsAndMessagesHaveRatesOfTheirOwn) {
  pace_.TakeConnection(now_);
  LanePace limited(
      {.messages = Rate{60, absl::Minutes(1)}, .connection_rate = Rate{6, absl::Minutes(1)}});
  limited.TakeConnection(now_);
  limited.TakeMessage(now_);
  EXPECT_EQ(limited.NextConnection(now_) - now_, absl::Seconds(10));
  EXPECT_EQ(limited.NextMessage(now_) - now_, absl::Seconds(1));
  EXPECT_EQ(pace_.NextConnection(now_), now_);
}

TEST_F(LanePaceTest, IsKeptAsLongAsItRemembersSomething) {
  EXPECT_TRUE(pace_.Forgettable(now_));
  Fail(Trouble::kUnreachable);
  EXPECT_FALSE(pace_.Forgettable(now_));
  Carry(1);
  EXPECT_TRUE(pace_.Forgettable(now_));
  Refuse(20, 0);
  EXPECT_FALSE(pace_.Forgettable(now_));
  Carry(2000);
  EXPECT_TRUE(pace_.Forgettable(now_));
  Fail(Trouble::kTurnedAway);
  EXPECT_FALSE(pace_.Forgettable(pace_.paused_until()));
  EXPECT_TRUE(pace_.Forgettable(pace_.paused_until() + absl::Minutes(30)));
}

}  // namespace
}  // namespace sluice::relay
