#include "queue/retry_timetable.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::queue {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(RetryTimetableTest, Parses) {
  EXPECT_THAT(RetryTimetable::Parse("5m, 10m,1h30m").value().waits(),
              ElementsAre(absl::Minutes(5), absl::Minutes(10), absl::Minutes(90)));
  EXPECT_THAT(RetryTimetable::Parse("1s").value().waits(), ElementsAre(absl::Seconds(1)));
  EXPECT_THAT(RetryTimetable::Parse("168h").value().waits(), ElementsAre(absl::Hours(168)));
}

TEST(RetryTimetableTest, RefusalNamesTheWait) {
  for (const char* schedule :
       {"", "5m,", "5m,,10m", "5", "-5m", "0s", "999ms", "169h", "inf", "5m;10m", "soon"}) {
    const absl::Status status = RetryTimetable::Parse(schedule).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << schedule;
    EXPECT_THAT(std::string(status.message()), HasSubstr("--retry_schedule")) << schedule;
  }
  EXPECT_THAT(std::string(RetryTimetable::Parse("5m,x\x01y").status().message()),
              HasSubstr("'x\\x01y'"));
  std::string many = "1s";
  for (int i = 0; i < 64; ++i) many += ",1s";
  EXPECT_FALSE(RetryTimetable::Parse(many).ok());
}

TEST(RetryTimetableTest, RepeatsTheLastWaitAndVariesEach) {
  const RetryTimetable timetable = RetryTimetable::Parse("10m,1h").value();
  Random random(1);
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  const absl::Time deadline = now + absl::Hours(168);
  for (const auto& [attempts_before, wait] :
       {std::pair(0, absl::Minutes(10)), std::pair(1, absl::Hours(1)),
        std::pair(50, absl::Hours(1))}) {
    absl::Duration shortest = absl::InfiniteDuration();
    absl::Duration longest = absl::ZeroDuration();
    for (int i = 0; i < 2000; ++i) {
      const absl::Duration drawn =
          timetable.NextAttempt(attempts_before, now, deadline, random) - now;
      shortest = std::min(shortest, drawn);
      longest = std::max(longest, drawn);
    }
    EXPECT_GE(shortest, wait * 0.85);
    EXPECT_LT(shortest, wait * 0.86);
    EXPECT_LE(longest, wait * 1.15);
    EXPECT_GT(longest, wait * 1.14);
  }
}

TEST(RetryTimetableTest, NeverBeyondTheDeadline) {
  const RetryTimetable timetable = RetryTimetable::Parse("3h").value();
  Random random(1);
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(timetable.NextAttempt(60, now, now + absl::Hours(2), random), now + absl::Hours(2));
  EXPECT_EQ(timetable.NextAttempt(60, now, now - absl::Hours(2), random), now - absl::Hours(2));
}

}  // namespace
}  // namespace sluice::queue
