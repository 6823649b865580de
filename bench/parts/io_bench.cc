// What the engine costs: a timer, a letter to another core, a coroutine, a time that is counted.
//
//   io_bench
#include <memory>
#include <utility>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/histogram.h"
#include "engine/io/engine.h"
#include "engine/io/mailbox.h"
#include "engine/io/task.h"
#include "engine/io/timer_wheel.h"
#include "engine/io/uring_core.h"

namespace sluice::io {
namespace {

// A deadline that is set and not reached, as nearly all are; among so many others.
void BM_TimerStartStop(benchmark::State& state) {
  const MonoTime start = SystemClock().MonoNow();
  TimerWheel wheel(start);
  std::vector<Timer> others(static_cast<size_t>(state.range(0)));
  for (size_t i = 0; i < others.size(); ++i) {
    wheel.Start(
        others[i], start + absl::Milliseconds(1000 + i % 300'000), [](void*) {}, nullptr);
  }
  Timer timer;
  for (auto _ : state) {
    wheel.Start(
        timer, start + absl::Minutes(5), [](void*) {}, nullptr);
    timer.Stop();
  }
}
BENCHMARK(BM_TimerStartStop)->Arg(0)->Arg(10'000)->Arg(1'000'000);

// What is due, of all that wait: each of a million fires once.
void BM_TimerFire(benchmark::State& state) {
  constexpr size_t kTimers = 1'000'000;
  for (auto _ : state) {
    state.PauseTiming();
    const MonoTime start = SystemClock().MonoNow();
    auto wheel = std::make_unique<TimerWheel>(start);
    std::vector<Timer> timers(kTimers);
    size_t fired = 0;
    for (size_t i = 0; i < kTimers; ++i) {
      wheel->Start(
          timers[i], start + absl::Milliseconds(i % 300'000),
          [](void* count) { ++*static_cast<size_t*>(count); }, &fired);
    }
    state.ResumeTiming();
    for (int second = 1; second <= 301; ++second) wheel->Advance(start + absl::Seconds(second));
    SLUICE_CHECK(fired == kTimers);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kTimers));
}
BENCHMARK(BM_TimerFire)->Unit(benchmark::kMillisecond);

// One observation, of times that fall into all buckets.
void BM_Observe(benchmark::State& state) {
  StepHistogram histogram;
  std::vector<absl::Duration> times;
  for (int64_t ns = 1000; times.size() < 32; ns *= 2) times.push_back(absl::Nanoseconds(ns));
  size_t i = 0;
  for (auto _ : state) histogram.Observe(times[i++ % 32]);
  SLUICE_CHECK(histogram.Read().total() == static_cast<uint64_t>(state.iterations()));
}
BENCHMARK(BM_Observe);

class Note final : public Letter {
 public:
  void Deliver() override {}
};

// Within one thread: the queue alone.
void BM_Mailbox(benchmark::State& state) {
  Mailbox mailbox;
  Note note;
  for (auto _ : state) {
    mailbox.Push(note);
    benchmark::DoNotOptimize(mailbox.Pop());
  }
}
BENCHMARK(BM_Mailbox);

// From one core to the other and back, both asleep in their rings in between.
class Ball final : public Letter {
 public:
  Ball(Core& a, Core& b, int64_t throws, absl::Notification& over)
      : cores_{&a, &b}, left_(throws), over_(over) {}
  void Deliver() override {
    if (left_-- == 0) {
      over_.Notify();
    } else {
      cores_[left_ % 2]->Post(*this);
    }
  }

 private:
  Core* const cores_[2];
  int64_t left_;
  absl::Notification& over_;
};

void BM_Wake(benchmark::State& state) {
  const auto engine = *StartUringEngine({.cores = 2, .pin = false}, SystemClock());
  for (auto _ : state) {
    absl::Notification over;
    Ball ball(engine->core(0), engine->core(1), 1000, over);
    engine->core(0).Post(ball);
    over.WaitForNotification();
  }
  state.SetItemsProcessed(state.iterations() * 1000);
  engine->Stop();
}
BENCHMARK(BM_Wake)->UseRealTime()->Unit(benchmark::kMicrosecond);

Task<int> Leaf(int value) { co_return value + 1; }

Task<void> CallMany(int64_t times, absl::Notification& over) {
  int value = 0;
  for (int64_t i = 0; i < times; ++i) value = co_await Leaf(value);
  benchmark::DoNotOptimize(value);
  over.Notify();
}

// Each iteration spawns `make(core, times, over)` on a core that has nothing else to do.
template <typename Make>
void RunOnCore(benchmark::State& state, int64_t times, Make make) {
  const auto engine = *StartUringEngine({.cores = 1}, SystemClock());
  Core& core = engine->core(0);
  for (auto _ : state) {
    absl::Notification over;
    core.Run([&] { core.Spawn(make(core, times, over)); });
    over.WaitForNotification();
  }
  state.SetItemsProcessed(state.iterations() * times);
  engine->Stop();
}

// A Task that is made, awaited and ended, with its frame.
void BM_Await(benchmark::State& state) {
  RunOnCore(state, 1'000'000,
            [](Core&, int64_t times, absl::Notification& over) { return CallMany(times, over); });
}
BENCHMARK(BM_Await)->UseRealTime()->Unit(benchmark::kMillisecond);

Task<void> Yield(Core& core, int64_t times, absl::Notification& over) {
  for (int64_t i = 0; i < times; ++i) co_await core.SleepUntil(MonoTime());
  over.Notify();
}

// A coroutine that lets the others of its core run, in a ring with nothing else to do.
void BM_Tick(benchmark::State& state) { RunOnCore(state, 100'000, &Yield); }
BENCHMARK(BM_Tick)->UseRealTime()->Unit(benchmark::kMillisecond);

// Two coroutines of a core that hand over to each other.
struct Handover {
  explicit Handover(Core& core) : turn{Event(core), Event(core)} {}
  Event turn[2];
  size_t whose = 0;
};

Task<void> Alternate(Handover& shared, size_t self, int64_t times) {
  for (int64_t i = 0; i < times; ++i) {
    while (shared.whose != self) co_await shared.turn[self].Wait(MonoTime::Never());
    shared.whose = 1 - self;
    shared.turn[1 - self].NotifyOne();
  }
}

Task<void> AlternatePair(Core& core, int64_t times, absl::BlockingCounter& pairs) {
  Handover shared(core);
  core.Spawn(Alternate(shared, 0, times));
  co_await Alternate(shared, 1, times);
  pairs.DecrementCount();
}

// A switch from one coroutine to another, while so many pairs have something to do: alone, each
// costs a tick.
void BM_Switch(benchmark::State& state) {
  const auto pairs = static_cast<int>(state.range(0));
  const int64_t times = 100'000 / pairs;
  const auto engine = *StartUringEngine({.cores = 1}, SystemClock());
  Core& core = engine->core(0);
  for (auto _ : state) {
    absl::BlockingCounter left(pairs);
    core.Run([&] {
      for (int i = 0; i < pairs; ++i) core.Spawn(AlternatePair(core, times, left));
    });
    left.Wait();
  }
  state.SetItemsProcessed(state.iterations() * 2 * times * pairs);
  engine->Stop();
}
BENCHMARK(BM_Switch)->ArgName("pairs")->Arg(1)->Arg(256)->UseRealTime()->Unit(
    benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::io
