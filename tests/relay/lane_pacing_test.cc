// When a lane connects and sends, and when it waits.
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/lane_fixture.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Heard = TestHop::Heard;
using Outcome = smtp::RecipientResult::Outcome;
using Said = TestHop::Said;

class LanePacingTest : public LaneTest {
 protected:
  // Since the start of the test, to the second: timers have a grain.
  absl::Duration When(size_t i) {
    return absl::Trunc(concluded_.at(i).at - MonoTime(), absl::Seconds(1));
  }
  bool Delivered(size_t i) {
    return concluded_.at(i).report.sent.has_value() && OutcomeOf(i) == Outcome::kDelivered;
  }
  // All but the first.
  void ExpectOthersDeliveredAt(absl::Duration at) {
    for (size_t i = 1; i < concluded_.size(); ++i) {
      EXPECT_TRUE(Delivered(i));
      EXPECT_EQ(When(i), at);
    }
  }
  static queue::Selection To(const std::string& domain) {
    return {.message_id = std::nullopt, .destination = domain};
  }
  // The first `connections` are turned away with `reply`.
  void TurnAway(int connections, const std::string& reply = "421 4.7.0 too many connections") {
    hop_.answer = [connections, reply](const Heard& heard) {
      const bool away = heard.connection < connections && heard.line == "<banner>";
      return Said{away ? reply : TestHop::Good(heard.line)};
    };
  }
};

// ---- Age

TEST_F(LanePacingTest, AConnectionOfTheMaximumAgeIsEndedBehindTheMessageAtHand) {
  settings_.connection_max_age = absl::Minutes(5);
  settings_.lane_connections = 1;
  hop_.answer = [](const Heard& heard) {
    return Said{TestHop::Good(heard.line),
                heard.line == "<body>" ? absl::Minutes(2) : absl::ZeroDuration()};
  };
  const auto lane = NewLane();
  Deliver(*lane, 5);
  ASSERT_THAT(concluded_, SizeIs(5));
  for (size_t i = 0; i < 5; ++i) EXPECT_TRUE(Delivered(i));
  // The third was begun at four minutes and ended at six.
  EXPECT_EQ(hop_.connections(), 2);
  EXPECT_EQ(hop_.Count("QUIT"), 2);
}

TEST_F(LanePacingTest, AnIdleConnectionIsNotKeptPastItsAge) {
  settings_.connection_max_age = absl::Seconds(10);
  settings_.connection_idle_timeout = absl::Minutes(2);
  const auto lane = NewLane();
  At(absl::Seconds(11), [this] { EXPECT_EQ(hop_.Count("QUIT"), 1); });
  Deliver(*lane);
  EXPECT_EQ(hop_.Count("QUIT"), 1);
}

// ---- Rates

TEST_F(LanePacingTest, MessagesLeaveAtTheirRateAndHoldNoConnectionMeanwhile) {
  limits_.messages = *Rate::Parse("10/1m");
  const auto lane = NewLane();
  At(absl::Seconds(3), [this] {
    EXPECT_THAT(concluded_, SizeIs(1));
    EXPECT_EQ(hop_.connections(), 1);
    EXPECT_EQ(hop_.Count("QUIT"), 1);
    EXPECT_EQ(counters_.lanes_rate_limited.value(), 1u);
  });
  Deliver(*lane, 9);
  ASSERT_THAT(concluded_, SizeIs(9));
  for (size_t i = 0; i < 9; ++i) {
    EXPECT_TRUE(Delivered(i));
    EXPECT_EQ(When(i), absl::Seconds(6 * i));
  }
  EXPECT_EQ(hop_.connections(), 9);
  EXPECT_EQ(counters_.lanes_rate_limited.value(), 0u);
  EXPECT_EQ(counters_.lane_pauses.value(), 0u);
}

TEST_F(LanePacingTest, AConnectionIsKeptForAMessageThatMaySoonBeSent) {
  limits_.messages = *Rate::Parse("20/1m");
  settings_.lane_connections = 1;
  const auto lane = NewLane();
  Deliver(*lane, 9);
  ASSERT_THAT(concluded_, SizeIs(9));
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(When(i), absl::Seconds(3 * i));
  EXPECT_EQ(hop_.connections(), 1);
}

TEST_F(LanePacingTest, AnotherLaneIsNotHeldUpByIt) {
  limits_.messages = *Rate::Parse("10/1m");
  const auto slow = NewLane();
  limits_.messages.reset();
  resolver_.SetMx("other.test", {{10, "mx.example.net"}});
  const auto quick = NewLane("other.test");
  At(absl::Seconds(7), [this, &quick] {
    for (int i = 0; i < 30; ++i) {
      Attempt attempt = MessageFrom(absl::StrCat("quick", i, "@sender.example"));
      attempt.envelope.destination = "other.test";
      EXPECT_TRUE(quick->Offer(attempt));
    }
  });
  Deliver(*slow, 9);
  int quick_ones = 0;
  for (size_t i = 0; i < concluded_.size(); ++i) {
    EXPECT_TRUE(Delivered(i));
    if (!absl::StartsWith(concluded_[i].sender, "quick")) continue;
    ++quick_ones;
    EXPECT_EQ(When(i), absl::Seconds(7));
  }
  EXPECT_EQ(quick_ones, 30);
  EXPECT_THAT(concluded_, SizeIs(39));
}

TEST_F(LanePacingTest, WhatTheRateLeavesNoRoomForComesAgainAtItsPace) {
  limits_.messages = *Rate::Parse("2/1m");
  const auto lane = NewLane();
  At(absl::ZeroDuration(), [this, &lane] {
    MonoTime last = core_.Now();
    for (int i = 0; i < 3; ++i) {
      Attempt late = MessageFrom("late@sender.example");
      EXPECT_FALSE(lane->Offer(late));
      const MonoTime room = lane->NextRoom();
      EXPECT_GE(room - last, absl::Seconds(20));
      last = room;
    }
    // For who looks how full it is before it offers.
    EXPECT_EQ(lane->Load(), settings_.lane_backlog);
  });
  Deliver(*lane, 2);
  EXPECT_THAT(concluded_, SizeIs(2));
}

TEST_F(LanePacingTest, ConnectionsAreBegunAtTheirRate) {
  limits_.connection_rate = *Rate::Parse("6/1m");
  settings_.connection_messages = 1;
  const auto lane = NewLane();
  Deliver(*lane, 5);
  ASSERT_THAT(concluded_, SizeIs(5));
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(When(i), absl::Seconds(10 * i));
}

// ---- What the server says of itself

TEST_F(LanePacingTest, TurnedAwayTheOthersWaitAndAreNotTried) {
  TurnAway(1);
  const auto lane = NewLane();
  At(absl::Seconds(29), [this, &lane] {
    EXPECT_EQ(hop_.connections(), 1);
    EXPECT_EQ(lane->backlog(), 2u);
    EXPECT_EQ(counters_.lanes_paused.value(), 1u);
  });
  Deliver(*lane, 3);
  ASSERT_THAT(concluded_, SizeIs(3));
  EXPECT_EQ(When(0), absl::ZeroDuration());
  EXPECT_EQ(concluded_[0].report.failure.value().stage, smtp::Stage::kBanner);
  EXPECT_EQ(concluded_[0].report.failure->reply->code, 421);
  ExpectOthersDeliveredAt(absl::Seconds(30));
  EXPECT_EQ(hop_.connections(), 2);
  EXPECT_EQ(counters_.lane_pauses.value(), 1u);
  EXPECT_EQ(counters_.lanes_paused.value(), 0u);
}

TEST_F(LanePacingTest, TurnedAwayAgainAllThatWaitsHasFailedByIt) {
  TurnAway(1000, "450 4.3.2 system overloaded");
  const auto lane = NewLane();
  At(absl::Seconds(40), [this, &lane] { core_.Spawn(OfferTo(*lane, 2)); });
  Deliver(*lane, 3);
  ASSERT_THAT(concluded_, SizeIs(5));
  EXPECT_EQ(When(0), absl::ZeroDuration());
  EXPECT_EQ(When(1), absl::Seconds(30));
  EXPECT_EQ(When(2), absl::Seconds(30));
  EXPECT_EQ(When(3), absl::Seconds(90));
  EXPECT_EQ(When(4), absl::Seconds(90));
  EXPECT_EQ(hop_.connections(), 3);
  EXPECT_EQ(counters_.lane_pauses.value(), 3u);
}

TEST_F(LanePacingTest, AGoodbyeToTheFirstMailIsTurningAway) {
  hop_.answer = [](const Heard& heard) {
    const bool away = heard.connection == 0 && absl::StartsWith(heard.line, "MAIL");
    return Said{away ? "421 4.3.2 overloaded" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane, 3);
  ASSERT_THAT(concluded_, SizeIs(3));
  EXPECT_EQ(OutcomeOf(0), Outcome::kDeferred);
  ExpectOthersDeliveredAt(absl::Seconds(30));
  EXPECT_EQ(hop_.connections(), 2);
}

TEST_F(LanePacingTest, AGoodbyeLaterMeansFewerConnectionsAndNoPause) {
  hop_.answer = [this](const Heard& heard) {
    const bool away = absl::StartsWith(heard.line, "RCPT") && hop_.Count("RCPT") == 2;
    return Said{away ? "421 4.7.0 enough for now" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane, 4);
  ASSERT_THAT(concluded_, SizeIs(4));
  EXPECT_EQ(OutcomeOf(1), Outcome::kDeferred);
  for (const size_t i : {0u, 2u, 3u}) EXPECT_TRUE(Delivered(i));
  EXPECT_EQ(When(3), absl::ZeroDuration());
  EXPECT_EQ(counters_.lane_pauses.value(), 0u);
  EXPECT_EQ(hop_.connections(), 2);
  EXPECT_EQ(pace_->connections(), 1u);
}

TEST_F(LanePacingTest, AServerThatTakesThreeConnectionsIsLeftAtThree) {
  int open = 0;
  hop_.answer = [&open](const Heard& heard) {
    if (heard.line == "<banner>" && open >= 3) return Said{"421 4.7.0 too many connections"};
    if (heard.line == "<banner>") ++open;
    if (heard.line == "QUIT") --open;
    return Said{TestHop::Good(heard.line),
                heard.line == "<body>" ? absl::Seconds(5) : absl::Milliseconds(20)};
  };
  const auto lane = NewLane();
  Deliver(*lane, 200);
  ASSERT_THAT(concluded_, SizeIs(200));
  for (size_t i = 0; i < 200; ++i) EXPECT_TRUE(Delivered(i));
  EXPECT_EQ(counters_.lane_pauses.value(), 0u);
  // Now and then one more is tried.
  EXPECT_LT(counters_.outbound_failed.value(), 40u);
}

TEST_F(LanePacingTest, WhatIsSaidOfARecipientOrAMessageSlowsNothing) {
  hop_.answer = [](const Heard& heard) {
    if (heard.line == "MAIL FROM:<a3@sender.example>") return Said{"450 4.1.8 no such domain"};
    if (heard.line == "<body>") return Said{"451 4.7.1 scanner busy"};
    return Said{absl::StartsWith(heard.line, "RCPT") && heard.connection % 2 == 0
                    ? "450 4.2.0 greylisted"
                    : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane, 50);
  ASSERT_THAT(concluded_, SizeIs(50));
  for (size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(OutcomeOf(i), Outcome::kDeferred);
    EXPECT_EQ(When(i), absl::ZeroDuration());
  }
  EXPECT_EQ(counters_.lane_pauses.value(), 0u);
  EXPECT_EQ(pace_->connections(), 20u);
}

TEST_F(LanePacingTest, WhatCannotBeReachedTwiceIsLeftAlone) {
  TurnAway(2, "");  // it hangs up
  const auto lane = NewLane();
  At(absl::Seconds(5), [this, &lane] { core_.Spawn(OfferTo(*lane, 1)); });
  At(absl::Seconds(10), [this, &lane] { core_.Spawn(OfferTo(*lane, 1)); });
  Deliver(*lane, 2);
  ASSERT_THAT(concluded_, SizeIs(4));
  EXPECT_EQ(When(1), absl::ZeroDuration());  // both by the first connection
  EXPECT_EQ(When(2), absl::Seconds(5));
  EXPECT_TRUE(Delivered(3));
  EXPECT_EQ(When(3), absl::Seconds(35));
  EXPECT_EQ(hop_.connections(), 3);
}

TEST_F(LanePacingTest, FailuresOfTlsAreNotItsMatter) {
  Enforce();
  hop_.answer = [](const Heard& heard) {
    return Said{heard.line == "STARTTLS" ? "454 4.7.0 not now" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  for (int i = 0; i < 4; ++i) Deliver(*lane, 3);
  ASSERT_THAT(concluded_, SizeIs(12));
  EXPECT_EQ(When(11), absl::ZeroDuration());
  EXPECT_EQ(counters_.lane_pauses.value(), 0u);
}

// ---- Whom the pause does not hold up

TEST_F(LanePacingTest, AnAdministratorsRetryEndsThePause) {
  TurnAway(1);
  const auto lane = NewLane();
  At(absl::Seconds(5), [this, &lane] {
    Attempt wanted = MessageFrom("wanted@sender.example");
    wanted.envelope.past_breaker = true;
    EXPECT_TRUE(lane->Offer(wanted));
  });
  Deliver(*lane, 2);
  ASSERT_THAT(concluded_, SizeIs(3));
  ExpectOthersDeliveredAt(absl::Seconds(5));
}

TEST_F(LanePacingTest, OneThatFindsNoRoomEndsThePauseAllTheSame) {
  settings_.lane_backlog = 2;
  TurnAway(1);
  const auto lane = NewLane();
  At(absl::Seconds(1), [this, &lane] { core_.Spawn(OfferTo(*lane, 1)); });
  At(absl::Seconds(5), [this, &lane] {
    Attempt wanted = MessageFrom("wanted@sender.example");
    EXPECT_FALSE(lane->Offer(wanted));
    wanted.envelope.past_breaker = true;
    EXPECT_FALSE(lane->Offer(wanted));
    EXPECT_LT(lane->NextRoom() - core_.Now(), absl::Seconds(5));
  });
  Deliver(*lane, 2);
  ASSERT_THAT(concluded_, SizeIs(3));
  ExpectOthersDeliveredAt(absl::Seconds(5));
}

TEST_F(LanePacingTest, WhatWaitsInThePauseAndIsWantedEndsIt) {
  TurnAway(1);
  const auto lane = NewLane();
  const queue::Selection none = {.message_id = queue::MessageId::Of(1, 1), .destination = ""};
  EXPECT_EQ(lane->TryNow({}), 0u);
  At(absl::Seconds(5), [&] {
    EXPECT_EQ(lane->TryNow(To("other.test")), 0u);
    EXPECT_EQ(lane->TryNow(none), 0u);
    EXPECT_TRUE(pace_->paused(core_.Now()));
    EXPECT_EQ(lane->TryNow(To("example.com")), 2u);
    EXPECT_FALSE(pace_->paused(core_.Now()));
  });
  Deliver(*lane, 3);
  ASSERT_THAT(concluded_, SizeIs(3));
  ExpectOthersDeliveredAt(absl::Seconds(5));
}

TEST_F(LanePacingTest, WhatIsWithdrawnInAPauseIsNotWaitedFor) {
  TurnAway(1);
  const auto lane = NewLane();
  At(absl::Seconds(5), [&] {
    EXPECT_THAT(lane->Withdraw(To("other.test")), IsEmpty());
    const std::vector<Attempt> withdrawn = lane->Withdraw(To("example.com"));
    ASSERT_THAT(withdrawn, SizeIs(2));
    EXPECT_EQ(withdrawn[0].envelope.sender, "a1@sender.example");
    EXPECT_EQ(withdrawn[1].envelope.sender, "a2@sender.example");
    EXPECT_EQ(lane->backlog(), 0u);
  });
  Deliver(*lane, 3);
  EXPECT_THAT(concluded_, SizeIs(1));  // the one that was turned away
  EXPECT_THAT(put_back_, IsEmpty());
  EXPECT_LT(core_.elapsed(), absl::Seconds(6));
  EXPECT_EQ(counters_.lanes_paused.value(), 0u);
}

TEST_F(LanePacingTest, ADrainPutsBackWhatWaitsForTheEndOfAPause) {
  TurnAway(1);
  const auto lane = NewLane();
  At(absl::Seconds(5), [&lane] { lane->Drain(); });
  Deliver(*lane, 3);
  EXPECT_THAT(put_back_, ElementsAre("a1@sender.example", "a2@sender.example"));
  EXPECT_THAT(concluded_, SizeIs(1));
  EXPECT_LT(core_.elapsed(), absl::Seconds(6));
  EXPECT_EQ(counters_.lanes_paused.value(), 0u);
  EXPECT_TRUE(lane->idle());
}

TEST_F(LanePacingTest, AnEntryThatIsAddedDuringAPauseHolds) {
  TurnAway(1);
  const auto lane = NewLane();
  At(absl::Seconds(5), [this] { Enforce(); });
  Deliver(*lane, 3);
  EXPECT_THAT(redirected_, ElementsAre("a1@sender.example", "a2@sender.example"));
  EXPECT_EQ(hop_.Count("MAIL"), 0);
}

}  // namespace
}  // namespace sluice::relay
