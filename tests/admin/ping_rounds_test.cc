// Pings of the whole list: what is due, and what was asked for.
#include "engine/admin/ping_rounds.h"

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "engine/base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/fake_control.h"

namespace sluice::admin {
namespace {

using ::testing::Contains;
using ::testing::Not;

class PingRoundsTest : public ::testing::Test {
 protected:
  PingRoundsTest() {
    const absl::Time now = absl::Now();
    control_.AddEntry("a.example", {}, now);
    control_.AddEntry("*.b.example", {"level=encrypt"}, now);
    control_.AddEntry("off.example", {"mode=off"}, now);
    control_.AddEntry("in.example", {"direction=inbound"}, now);
    control_.AddEntry("*", {"direction=outbound"}, now);
    control_.ping.verdict = relay::PingVerdict::kValid;
  }
  // A round that ended with so many.
  static void AwaitEnd(const PingRounds& rounds, uint64_t total) {
    while (true) {
      const PingRounds::Progress progress = rounds.progress();
      if (!progress.running && progress.total == total && progress.done == total) return;
      absl::SleepFor(absl::Milliseconds(1));
    }
  }
  static PingRoundsOptions Fast(absl::Duration interval) {
    return {.interval = interval,
            .per_minute = 60'000,
            .at_once = 2,
            .look = absl::Milliseconds(1),
            .ping_limit = absl::Seconds(1)};
  }

  FakeControl control_;
};

TEST_F(PingRoundsTest, PingsWhatIsDueAndWhereThereIsSomethingToPing) {
  PingRounds rounds(control_, SystemClock(), Fast(absl::Hours(24)));
  rounds.Start();
  AwaitEnd(rounds, 2);
  rounds.Stop();
  EXPECT_GE(rounds.progress().valid, 2u);
  EXPECT_THAT(control_.Calls(), Contains("ping entry a.example at a.example"));
  EXPECT_THAT(control_.Calls(), Contains("ping entry *.b.example at b.example"));
  for (const std::string& call : control_.Calls()) {
    EXPECT_THAT(call, Not(testing::HasSubstr("off.example")));
    EXPECT_THAT(call, Not(testing::HasSubstr("in.example")));
  }
}

TEST_F(PingRoundsTest, WithoutAnIntervalOnlyWhenAskedTo) {
  PingRounds rounds(control_, SystemClock(), Fast(absl::ZeroDuration()));
  rounds.Start();
  EXPECT_FALSE(rounds.progress().running);
  control_.ping.verdict = relay::PingVerdict::kInvalid;
  rounds.PingAllNow();
  EXPECT_TRUE(rounds.progress().running || rounds.progress().done > 0);
  AwaitEnd(rounds, 2);
  EXPECT_EQ(rounds.progress().invalid, 2u);
  rounds.Stop();
  int pings = 0;
  for (const std::string& call : control_.Calls()) pings += call.rfind("ping entry", 0) == 0;
  EXPECT_EQ(pings, 2);
}

}  // namespace
}  // namespace sluice::admin
