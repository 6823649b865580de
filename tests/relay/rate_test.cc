#include "engine/relay/rate.h"

#include <optional>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::relay {
namespace {

constexpr MonoTime kStart = MonoTime::FromNanos(1'000'000'000);

// How many get through in `time`, by somebody who looks every so often.
int DoneIn(RateLimit limit, absl::Duration time, absl::Duration look, MonoTime start = kStart) {
  int done = 0;
  for (MonoTime now = start; now < start + time; now = now + look) {
    while (limit.Next(now) <= now) {
      limit.Take(now);
      ++done;
    }
  }
  return done;
}

TEST(RateTest, IsANumberAndATime) {
  for (const auto& [text, count, per] :
       {std::tuple{"100/1m", 100, absl::Minutes(1)}, std::tuple{"5/s", 5, absl::Seconds(1)},
        std::tuple{"1/h", 1, absl::Hours(1)}, std::tuple{"20000/24h", 20000, absl::Hours(24)},
        std::tuple{"3 / 1m30s", 3, absl::Seconds(90)}}) {
    const absl::StatusOr<Rate> rate = Rate::Parse(text);
    ASSERT_TRUE(rate.ok()) << rate.status();
    EXPECT_EQ(rate->count, count);
    EXPECT_EQ(rate->per, per);
  }
  for (const char* const text : {"", "100", "/1m", "100/", "0/1m", "-1/1m", "1.5/1m", "100/1",
                                 "100/10ms", "100/25h", "1000001/1s", "100/1m/2", "x/1m", "9/d"}) {
    EXPECT_THAT(Rate::Parse(text).status().message(), testing::HasSubstr("such as 100/1m")) << text;
  }
}

TEST(RateTest, WithoutOneNothingWaits) {
  RateLimit limit(std::nullopt);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(limit.Next(kStart), kStart);
    limit.Take(kStart);
  }
  EXPECT_TRUE(limit.Full(kStart));
}

TEST(RateTest, WhatIsDoneIsSpreadOverThePeriod) {
  RateLimit limit(Rate{10, absl::Minutes(1)});
  MonoTime now = kStart;
  EXPECT_EQ(limit.Next(now), now);
  limit.Take(now);
  EXPECT_FALSE(limit.Full(now));
  EXPECT_EQ(limit.Next(now) - now, absl::Seconds(6));
  now = now + absl::Seconds(5);
  EXPECT_EQ(limit.Next(now) - now, absl::Seconds(1));
  // A long silence is no licence for a burst.
  now = now + absl::Hours(1);
  EXPECT_TRUE(limit.Full(now));
  EXPECT_EQ(DoneIn(limit, absl::Minutes(1), absl::Milliseconds(10), now), 10);
}

TEST(RateTest, NoPeriodHasMoreThanTheRateAndABucket) {
  const RateLimit limit(Rate{1000, absl::Seconds(1)});
  // Who looks rarely gets what the rate says all the same, as long as the bucket lasts.
  for (const int look_ms : {1, 10, 50}) {
    const int done = DoneIn(limit, absl::Seconds(1), absl::Milliseconds(look_ms));
    EXPECT_GE(done, 1000) << look_ms;
    EXPECT_LE(done, 1100) << look_ms;
  }
}

TEST(RateTest, CoresShareIt) {
  EXPECT_EQ(
      DoneIn(RateLimit(Rate{120, absl::Minutes(1)}, 4), absl::Minutes(1), absl::Milliseconds(10)),
      30);
}

}  // namespace
}  // namespace sluice::relay
