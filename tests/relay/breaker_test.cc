// When a breaker is open, and when its destination is probed.
#include "engine/relay/breaker.h"

#include <optional>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace sluice::relay {
namespace {

class BreakersTest : public ::testing::Test {
 protected:
  static Breaker Of(const std::string& reason) {
    Breaker breaker;
    breaker.failure.tls = true;
    breaker.failure.reason = reason;
    return breaker;
  }
  // To be probed after the wait that follows so many probes in vain.
  bool Open(const std::string& destination, Breaker breaker, int failed_probes = 0) {
    breaker.failed_probes = failed_probes;
    breaker.next_probe = now_ + breakers_.WaitAfter(failed_probes);
    return breakers_.Open(destination, std::move(breaker));
  }
  void OpenFor(const std::string& destination, absl::Duration wait) {
    Breaker breaker;
    breaker.next_probe = now_ + wait;
    breakers_.Open(destination, std::move(breaker));
  }
  // What `wait` may be after its jitter.
  static void ExpectNear(absl::Duration wait, absl::Duration about) {
    EXPECT_GE(wait, about * (1 - queue::RetryTimetable::kJitter));
    EXPECT_LE(wait, about * (1 + queue::RetryTimetable::kJitter));
  }

  queue::RetryTimetable waits_ = *queue::RetryTimetable::Parse("5m,10m,3h");
  Random random_{7};
  Breakers breakers_{waits_, absl::Minutes(30), random_};
  Moment now_ = {MonoTime::FromNanos(1'000'000'000), absl::FromUnixSeconds(1'700'000'000)};
};

TEST_F(BreakersTest, IsProbedAfterTheTimetablesWaitsUpToTheLongest) {
  EXPECT_TRUE(Open("a.example", Of("refused")));
  for (const absl::Duration about : {absl::Minutes(5), absl::Minutes(10)}) {
    const MonoTime next = breakers_.NextProbe();
    ExpectNear(next - now_.mono, about);
    EXPECT_EQ(breakers_.Find("a.example")->next_probe.queue - now_.queue, next - now_.mono);
    EXPECT_EQ(breakers_.TakeDue(next + -absl::Seconds(1)), std::nullopt);
    now_ = now_ + (next - now_.mono);
    EXPECT_EQ(breakers_.TakeDue(now_.mono), "a.example");
    EXPECT_EQ(breakers_.TakeDue(now_.mono), std::nullopt);  // it is under way
    EXPECT_EQ(breakers_.NextProbe(), MonoTime::Never());
    breakers_.ProbeFailed("a.example", std::nullopt, now_);
  }
  EXPECT_EQ(breakers_.NextProbe() - now_.mono, absl::Minutes(30));
  EXPECT_EQ(breakers_.Find("a.example")->failed_probes, 2);
}

TEST_F(BreakersTest, AnOpenOneKeepsItsTimeAndLearnsTheReason) {
  Open("a.example", Of("refused"));
  const MonoTime next = breakers_.NextProbe();
  EXPECT_FALSE(Open("a.example", Of("untrusted")));
  EXPECT_EQ(breakers_.NextProbe(), next);
  EXPECT_EQ(breakers_.Find("a.example")->failure.reason, "untrusted");
  EXPECT_EQ(breakers_.size(), 1u);
}

TEST_F(BreakersTest, AProbeThatSaysNothingOfTlsLeavesTheReason) {
  Open("a.example", Of("refused"));
  ASSERT_TRUE(breakers_.TakeDue(breakers_.NextProbe()).has_value());
  breakers_.ProbeFailed("a.example", std::nullopt, now_);
  EXPECT_EQ(breakers_.Find("a.example")->failure.reason, "refused");
  ASSERT_TRUE(breakers_.TakeDue(breakers_.NextProbe()).has_value());
  breakers_.ProbeFailed("a.example", Of("version").failure, now_);
  EXPECT_EQ(breakers_.Find("a.example")->failure.reason, "version");
}

TEST_F(BreakersTest, ClosedItIsNotProbedAndAProbeUnderWayChangesNothing) {
  Open("a.example", Of("refused"));
  ASSERT_TRUE(breakers_.TakeDue(breakers_.NextProbe()).has_value());
  EXPECT_TRUE(breakers_.Close("a.example"));
  EXPECT_FALSE(breakers_.Close("a.example"));
  breakers_.ProbeFailed("a.example", std::nullopt, now_);
  EXPECT_EQ(breakers_.Find("a.example"), nullptr);
  EXPECT_EQ(breakers_.NextProbe(), MonoTime::Never());
}

TEST_F(BreakersTest, OpenedAgainWhileAProbeIsUnderWayItHasOneTimeAlone) {
  Open("a.example", Of("refused"));
  ASSERT_TRUE(breakers_.TakeDue(breakers_.NextProbe()).has_value());
  breakers_.Close("a.example");
  Open("a.example", Of("refused"), 2);  // it goes on where it was
  EXPECT_EQ(breakers_.NextProbe() - now_.mono, absl::Minutes(30));
  breakers_.ProbeFailed("a.example", std::nullopt, now_);
  ASSERT_EQ(breakers_.TakeDue(now_.mono + absl::Hours(1)), "a.example");
  EXPECT_EQ(breakers_.TakeDue(now_.mono + absl::Hours(1)), std::nullopt);
}

TEST_F(BreakersTest, TheEarliestIsProbedFirst) {
  OpenFor("b.example", absl::Seconds(20));
  OpenFor("a.example", absl::Seconds(30));
  OpenFor("c.example", absl::Seconds(10));
  EXPECT_EQ(breakers_.TakeDue(now_.mono + absl::Minutes(1)), "c.example");
  EXPECT_EQ(breakers_.TakeDue(now_.mono + absl::Minutes(1)), "b.example");
  EXPECT_EQ(breakers_.TakeDue(now_.mono + absl::Minutes(1)), "a.example");
}

}  // namespace
}  // namespace sluice::relay
