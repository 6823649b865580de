#include "engine/relay/overflow.h"

#include <queue>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::relay {
namespace {

constexpr size_t kRoom = 10'000;

struct Played {
  absl::Duration took;
  uint64_t looks;  // at the queue
};

// So many messages that are due at once, and a lane with room for kRoom that sends `per_second`.
Played Play(size_t messages, double per_second) {
  MonoTime now = MonoTime::FromNanos(1'000'000'000);
  const MonoTime begun = now;
  Overflow overflow(now);
  std::priority_queue<MonoTime, std::vector<MonoTime>, std::greater<>> due;
  for (size_t i = 0; i < messages; ++i) due.push(now);
  size_t backlog = 0;
  uint64_t looks = 0;
  double may_send = 0;
  constexpr absl::Duration kTick = absl::Milliseconds(5);
  while (!due.empty() || backlog > 0) {
    // The scheduler takes so many at a time.
    for (int i = 0; i < 256 && !due.empty() && due.top() <= now; ++i) {
      due.pop();
      ++looks;
      if (backlog < kRoom) {
        ++backlog;
      } else {
        due.push(overflow.NextRoom(now, backlog));
      }
    }
    may_send += per_second * absl::ToDoubleSeconds(kTick);
    for (; may_send >= 1; --may_send) {
      if (backlog == 0) continue;
      --backlog;
      overflow.Left();
    }
    now = now + kTick;
  }
  return {now - begun, looks};
}

TEST(OverflowTest, ALongBacklogLeavesAtTheLanesPaceAndIsLookedAtAboutTwice) {
  for (const double per_second : {300.0, 3'000.0, 15'000.0}) {
    constexpr size_t kMessages = 200'000;
    const Played played = Play(kMessages, per_second);
    const double at_best_s = static_cast<double>(kMessages) / per_second;
    EXPECT_LT(absl::ToDoubleSeconds(played.took), 1.15 * at_best_s + 2) << per_second;
    EXPECT_LT(played.looks, 4 * kMessages) << per_second;
  }
}

TEST(OverflowTest, WhatFindsNoRoomNowAndThenComesSoon) {
  MonoTime now = MonoTime::FromNanos(1'000'000'000);
  Overflow overflow(now);
  for (int second = 0; second < 5; ++second) {
    for (int i = 0; i < 1000; ++i) overflow.Left();
    now = now + absl::Seconds(1);
    overflow.NextRoom(now, 10);
  }
  EXPECT_LT(overflow.NextRoom(now + absl::Minutes(1), 10) - (now + absl::Minutes(1)),
            absl::Seconds(2));
}

TEST(OverflowTest, WhatFindsNoRoomInAPauseComesBehindItAtThePaceOfBefore) {
  const MonoTime now = MonoTime::FromNanos(1'000'000'000);
  const MonoTime end = now + absl::Minutes(10);
  Overflow overflow(now);
  overflow.Left(1000);
  overflow.NextRoom(now + absl::Milliseconds(200), 0);  // some thousands a second
  MonoTime last = end;
  for (int i = 0; i < 100'000; ++i) {
    const MonoTime next = overflow.NextRoomAfterPause(end, kRoom);
    EXPECT_GE(next, last);
    last = next;
  }
  EXPECT_GT(last - end, absl::Seconds(8));
  EXPECT_LT(last - end, absl::Seconds(16));
  EXPECT_LT(overflow.NextRoom(end + absl::Seconds(1), kRoom) - end, absl::Seconds(16));
}

TEST(OverflowTest, WhereThePauseIsEndedEarlyNothingWaitsForItsEnd) {
  MonoTime now = MonoTime::FromNanos(1'000'000'000);
  Overflow overflow(now);
  for (int i = 0; i < 100'000; ++i) overflow.NextRoomAfterPause(now + absl::Minutes(10), kRoom);
  now = now + absl::Minutes(1);
  overflow.PauseEnded(now);
  EXPECT_LT(overflow.NextRoom(now, kRoom) - now, absl::Seconds(2));
}

// What was to come a second apart has taken all room up to the longest wait.
TEST(OverflowTest, ALaneThatBecomesQuickIsNotLeftIdle) {
  MonoTime now = MonoTime::FromNanos(1'000'000'000);
  Overflow overflow(now);
  for (int i = 0; i < 100'000; ++i) {
    if (i % 100 == 0) now = now + absl::Seconds(1);
    overflow.NextRoom(now, kRoom);
  }
  ASSERT_GT(overflow.NextRoom(now, kRoom) - now, absl::Minutes(9));
  overflow.Left(8000);
  now = now + absl::Seconds(1);
  EXPECT_LT(overflow.NextRoom(now, kRoom) - now, absl::Seconds(3));
}

TEST(OverflowTest, ALaneThatSendsNothingIsLookedAtAgainAllTheSame) {
  MonoTime now = MonoTime::FromNanos(1'000'000'000);
  Overflow overflow(now);
  for (int i = 0; i < 100'000; ++i) {
    const MonoTime next = overflow.NextRoom(now, kRoom);
    EXPECT_GT(next, now);
    EXPECT_LE(next - now, Overflow::kLongest);
    if (i % 100 == 0) now = now + absl::Seconds(1);
  }
}

}  // namespace
}  // namespace sluice::relay
