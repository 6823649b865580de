#include "engine/io/timer_wheel.h"

#include <deque>
#include <memory>
#include <vector>

#include "engine/base/random.h"
#include "gtest/gtest.h"

namespace sluice::io {
namespace {

MonoTime At(absl::Duration d) { return MonoTime() + d; }

struct Counting {
  Timer timer;
  int fired = 0;
  static void Fire(void* self) { ++static_cast<Counting*>(self)->fired; }
};

TEST(TimerWheel, FiresNeverBeforeItsTime) {
  TimerWheel wheel{MonoTime()};
  Counting c;
  wheel.Start(c.timer, At(absl::Microseconds(5300)), &Counting::Fire, &c);
  wheel.Advance(At(absl::Microseconds(5999)));
  EXPECT_EQ(c.fired, 0);
  EXPECT_EQ(wheel.NextWakeUp(), At(absl::Milliseconds(6)));
  wheel.Advance(At(absl::Milliseconds(6)));
  EXPECT_EQ(c.fired, 1);
  EXPECT_FALSE(c.timer.active());
  EXPECT_EQ(wheel.NextWakeUp(), MonoTime::Never());
}

TEST(TimerWheel, StoppedOrDestroyedTimersDoNotFire) {
  TimerWheel wheel{MonoTime()};
  Counting stopped;
  wheel.Start(stopped.timer, At(absl::Seconds(1)), &Counting::Fire, &stopped);
  stopped.timer.Stop();
  auto destroyed = std::make_unique<Counting>();
  wheel.Start(destroyed->timer, At(absl::Seconds(1)), &Counting::Fire, destroyed.get());
  destroyed.reset();
  EXPECT_EQ(wheel.size(), 0u);
  wheel.Advance(At(absl::Seconds(2)));
  EXPECT_EQ(stopped.fired, 0);
}

TEST(TimerWheel, NeverNeverFires) {
  TimerWheel wheel{MonoTime()};
  Counting c;
  wheel.Start(c.timer, MonoTime::Never(), &Counting::Fire, &c);
  EXPECT_FALSE(c.timer.active());
  EXPECT_EQ(wheel.NextWakeUp(), MonoTime::Never());
}

TEST(TimerWheel, BeyondItsSpanItStillFiresOnTime) {
  TimerWheel wheel{MonoTime()};
  Counting c;
  const absl::Duration ten_years = absl::Hours(24 * 3650);
  wheel.Start(c.timer, At(ten_years), &Counting::Fire, &c);
  wheel.Advance(At(ten_years - absl::Milliseconds(1)));
  EXPECT_EQ(c.fired, 0);
  wheel.Advance(At(ten_years));
  EXPECT_EQ(c.fired, 1);
}

TEST(TimerWheel, ACallbackMayStartItsOwnTimerAnew) {
  struct Periodic {
    TimerWheel& wheel;
    Timer timer;
    int fired = 0;
    void Start() {
      wheel.Start(
          timer, At(absl::Milliseconds(10 * (fired + 1))),
          [](void* self) {
            auto* periodic = static_cast<Periodic*>(self);
            ++periodic->fired;
            periodic->Start();
          },
          this);
    }
  };
  TimerWheel wheel{MonoTime()};
  Periodic periodic{wheel, {}};
  periodic.Start();
  wheel.Advance(At(absl::Seconds(1)));
  EXPECT_EQ(periodic.fired, 100);
}

// Against the plain reference: a list of times.
TEST(TimerWheel, AgreesWithAListOverRandomStartsStopsAndSteps) {
  struct Tracked {
    Timer timer;
    int64_t due_ms = -1;
    bool fired = false;
  };
  const uint64_t seed = Random::FromSystem().Next();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Random random(seed);
  TimerWheel wheel{MonoTime()};
  std::deque<Tracked> timers;
  int64_t now_ms = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random.Below(3) > 0) {
      Tracked& t = timers.emplace_back();
      // Every magnitude from 1 ms to years.
      t.due_ms = now_ms + 1 + static_cast<int64_t>(random.Below(uint64_t{1} << random.Below(37)));
      wheel.Start(
          t.timer, MonoTime::FromNanos(t.due_ms * 1'000'000),
          [](void* self) { static_cast<Tracked*>(self)->fired = true; }, &t);
    }
    if (!timers.empty() && random.Below(4) == 0) {
      Tracked& t = timers[random.Below(timers.size())];
      if (t.timer.active()) {
        t.timer.Stop();
        t.due_ms = INT64_MAX;
      }
    }
    const MonoTime wake = wheel.NextWakeUp();
    now_ms += static_cast<int64_t>(random.Below(uint64_t{1} << random.Below(24)));
    wheel.Advance(MonoTime::FromNanos(now_ms * 1'000'000));
    if (step % 64 != 0) continue;
    for (const Tracked& t : timers) {
      ASSERT_EQ(t.fired, t.due_ms <= now_ms) << "due " << t.due_ms << " now " << now_ms;
    }
    ASSERT_GT(wake, MonoTime());
  }
}

TEST(TimerWheel, NeverSleepsPastATimer) {
  Random random(3);
  TimerWheel wheel{MonoTime()};
  for (int i = 0; i < 2000; ++i) {
    Counting c;
    const MonoTime start = At(absl::Milliseconds(i * 1'000'000));
    wheel.Advance(start);
    const MonoTime due =
        start + absl::Milliseconds(1 + static_cast<int64_t>(random.Below(900'000)));
    wheel.Start(c.timer, due, &Counting::Fire, &c);
    while (c.fired == 0) {
      const MonoTime wake = wheel.NextWakeUp();
      ASSERT_LE(wake, due);
      wheel.Advance(wake);
    }
  }
}

}  // namespace
}  // namespace sluice::io
