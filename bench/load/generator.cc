#include "bench/load/generator.h"

#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <random>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "engine/base/clock.h"
#include "engine/io/core.h"

namespace sluice::bench {
namespace {

// A worker that has failed rests, so that a target that is down is not hammered.
constexpr absl::Duration kRest = absl::Milliseconds(20);
// Arrivals this close together are handed over at once: waking a core costs some 10 us.
constexpr absl::Duration kPace = absl::Microseconds(100);

MonoTime Now() { return SystemClock().MonoNow(); }

}  // namespace

class Generator::Crew {
 public:
  Crew(io::Core& core, int first, int size, const Generator& generator)
      : core_(core), first_(first), size_(size), generator_(generator), arrived_(core) {
    nudge_.crew = this;
  }

  // On the core.
  void Start(absl::BlockingCounter& ended) {
    for (int i = 0; i < size_; ++i) core_.Spawn(Work(*this, first_ + i, ended));
  }
  void Measure() {
    measured_ = std::make_unique<Tally>();
    counted_ = measured_.get();
  }
  void StopMeasuring() {
    counted_ = nullptr;
    const absl::MutexLock lock(&mutex_);
    behind_ = arrivals_.size();
  }
  void Stop() {
    stopping_ = true;
    arrived_.NotifyAll();
  }

  // Any thread.
  void Arrive(const std::vector<MonoTime>& arrivals) {
    const absl::MutexLock lock(&mutex_);
    arrivals_.insert(arrivals_.end(), arrivals.begin(), arrivals.end());
    if (!std::exchange(nudged_, true)) core_.Post(nudge_);
  }
  // Any thread, between Measure() and the end.
  uint64_t done() const { return measured_->done.load(std::memory_order_relaxed); }
  uint64_t failed() const { return measured_->failed.load(std::memory_order_relaxed); }
  io::Core& core() const { return core_; }
  // At rest.
  const Tally& tally() const { return *measured_; }
  uint64_t behind() const { return behind_; }

 private:
  struct Nudge final : io::Letter {
    void Deliver() override {
      size_t waiting = 0;
      {
        const absl::MutexLock lock(&crew->mutex_);
        crew->nudged_ = false;
        waiting = crew->arrivals_.size();
      }
      for (; waiting > 0; --waiting) crew->arrived_.NotifyOne();
    }
    Crew* crew = nullptr;
  };

  std::optional<MonoTime> NextArrival() {
    const absl::MutexLock lock(&mutex_);
    if (arrivals_.empty()) return std::nullopt;
    const MonoTime arrival = arrivals_.front();
    arrivals_.pop_front();
    return arrival;
  }

  static io::Task<void> Work(Crew& crew, int number, absl::BlockingCounter& ended) {
    Tally aside;  // before and after the time measured
    const std::unique_ptr<Worker> worker = crew.generator_.factory_(crew.core_, number, aside);
    const bool open_loop = crew.generator_.options_.rate_per_s.has_value();
    while (!crew.stopping_) {
      MonoTime due = Now();
      if (open_loop) {
        const std::optional<MonoTime> arrival = crew.NextArrival();
        if (!arrival.has_value()) {
          co_await crew.arrived_.Wait(MonoTime::Never());
          continue;
        }
        due = *arrival;
      }
      const MonoTime begun = Now();
      const uint64_t bytes_before = aside.bytes;
      const uint64_t resumed_before = aside.resumed;
      const absl::Status status = co_await worker->Operate();
      if (Tally* const tally = crew.counted_; tally != nullptr) {
        if (status.ok()) {
          tally->Count(tally->done);
          tally->latency.Record(Now() - due);
          tally->lag.Record(begun - due);
          tally->bytes += aside.bytes - bytes_before;
          tally->resumed += aside.resumed - resumed_before;
        } else {
          tally->CountFault(status);
        }
      }
      if (!status.ok() && !crew.stopping_) co_await crew.core_.SleepUntil(crew.core_.Now() + kRest);
    }
    co_await worker->End();
    ended.DecrementCount();
  }

  io::Core& core_;
  const int first_;
  const int size_;
  const Generator& generator_;
  io::Event arrived_;
  bool stopping_ = false;
  Tally* counted_ = nullptr;
  std::unique_ptr<Tally> measured_;

  absl::Mutex mutex_;
  std::deque<MonoTime> arrivals_ ABSL_GUARDED_BY(mutex_);
  bool nudged_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t behind_ = 0;
  Nudge nudge_;
};

// A thread that lets operations arrive.
class Generator::Pacer {
 public:
  Pacer(std::vector<std::unique_ptr<Crew>>& crews, double rate_per_s)
      : thread_([this, &crews, rate_per_s] { Pace(crews, rate_per_s); }) {}
  ~Pacer() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Pace(std::vector<std::unique_ptr<Crew>>& crews, double rate_per_s) {
    prctl(PR_SET_TIMERSLACK, 1);  // ns; by default the kernel wakes up to 50 us late
    std::mt19937_64 random(1);    // the same arrivals in each run
    std::exponential_distribution<double> gap_s(rate_per_s);
    std::vector<std::vector<MonoTime>> arrivals(crews.size());
    MonoTime next = Now();
    while (!stop_) {
      const MonoTime now = Now();
      for (; next <= now; next = next + absl::Seconds(gap_s(random))) {
        arrivals[random() % crews.size()].push_back(next);
      }
      for (size_t i = 0; i < crews.size(); ++i) {
        if (arrivals[i].empty()) continue;
        crews[i]->Arrive(arrivals[i]);
        arrivals[i].clear();
      }
      // Short sleeps, so that a slow rate does not keep the end waiting.
      absl::SleepFor(std::clamp(next - Now(), kPace, absl::Milliseconds(50)));
    }
  }

  std::atomic<bool> stop_{false};
  std::thread thread_;
};

Generator::Generator(io::Engine& engine, WorkerFactory factory, const LoadOptions& options)
    : engine_(engine), factory_(std::move(factory)), options_(options) {
  const int cores = engine.size();
  int first = 0;
  for (int i = 0; i < cores; ++i) {
    const int size = options.workers / cores + (i < options.workers % cores ? 1 : 0);
    crews_.push_back(std::make_unique<Crew>(engine.core(i), first, size, *this));
    first += size;
  }
}

Generator::~Generator() = default;

Measured Generator::Run(const Observer& observer) {
  // Calls `on_core` for each crew on its core, and waits.
  const auto tell = [this](const std::function<void(Crew&)>& on_core) {
    absl::BlockingCounter told(static_cast<int>(crews_.size()));
    for (const std::unique_ptr<Crew>& crew : crews_) {
      crew->core().Run([&] {
        on_core(*crew);
        told.DecrementCount();
      });
    }
    told.Wait();
  };
  absl::BlockingCounter ended(options_.workers);
  tell([&](Crew& crew) { crew.Start(ended); });
  std::optional<Pacer> pacer;
  if (options_.rate_per_s.has_value()) pacer.emplace(crews_, *options_.rate_per_s);
  absl::SleepFor(options_.warmup);

  tell([](Crew& crew) { crew.Measure(); });
  const MonoTime begun = Now();
  observer.measuring();
  MonoTime told = begun;
  while (true) {
    const MonoTime now = Now();
    uint64_t done = 0;
    uint64_t failed = 0;
    for (const std::unique_ptr<Crew>& crew : crews_) {
      done += crew->done();
      failed += crew->failed();
    }
    if (now - told >= absl::Seconds(1)) {
      observer.second(now - begun, done, failed);
      told = now;
    }
    if (now - begun >= options_.duration || done >= options_.most.value_or(UINT64_MAX)) break;
    absl::SleepFor(std::min(absl::Milliseconds(options_.most.has_value() ? 5 : 100),
                            options_.duration - (now - begun)));
  }
  tell([](Crew& crew) { crew.StopMeasuring(); });
  Measured measured;
  measured.time = Now() - begun;
  observer.over();

  pacer.reset();
  tell([](Crew& crew) { crew.Stop(); });
  ended.Wait();
  // A worker decrements as its last deed but one: once this is told, all frames are gone.
  tell([](Crew&) {});
  for (const std::unique_ptr<Crew>& crew : crews_) {
    measured.tally.Merge(crew->tally());
    measured.behind += crew->behind();
  }
  return measured;
}

}  // namespace sluice::bench
