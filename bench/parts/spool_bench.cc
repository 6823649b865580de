// The queue on a real disk: messages made durable, and work found among what waits.
//
//   spool_bench --benchmark_filter=Accept
//   SLUICE_BENCH_DIR=/var/tmp spool_bench          where its databases are made; default /tmp
//   SLUICE_BENCH_TEN_MILLION=1 spool_bench         that many waiting, too: 14 GB on the disk
//
// x_sync is the time of a group of messages as a multiple of writing the same bytes to one file and
// waiting for fdatasync, measured in turns with it: the least that a durable queue can cost on this
// disk. On a file system in memory it means nothing.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "benchmark/benchmark.h"
#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/base/random.h"
#include "engine/io/executor.h"
#include "queue/spool.h"

namespace sluice::queue {
namespace {

using SteadyTime = std::chrono::steady_clock;

double SecondsSince(SteadyTime::time_point began) {
  return std::chrono::duration<double>(SteadyTime::now() - began).count();
}

std::string NewDirectory() {
  const char* const base = std::getenv("SLUICE_BENCH_DIR");
  std::string path = absl::StrCat(base == nullptr ? "/tmp" : base, "/sluice-spool-bench-XXXXXX");
  SLUICE_CHECK(mkdtemp(path.data()) != nullptr);
  return path;
}

class World {
 public:
  World() : directory_(NewDirectory()), executor_(io::NewThreadExecutor("sluice-store")) {
    log::Configure(log::Level::kError, log::Format::kText);
    Open();
  }
  ~World() {
    Close();
    executor_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Open() {
    SpoolOptions options;
    options.data_dir = absl::StrCat(directory_, "/data");
    options.clock = &SystemClock();
    options.store = executor_.get();
    spool_ = *Spool::Open(options);
  }
  void Close() {
    absl::Notification closed;
    spool_->Close([&closed](const absl::Status&) { closed.Notify(); });
    closed.WaitForNotification();
    spool_.reset();
  }

  const std::string& directory() const { return directory_; }
  Spool& spool() { return *spool_; }

  NewMessage Compose(const std::string& body) {
    NewMessage message;
    message.id = ids_.Next(spool_->Now());
    message.body = io::Body::Copy(body);
    Envelope& envelope = message.envelopes.emplace_back();
    envelope.id = message.id;
    envelope.destination = absl::StrCat("d", random_.Below(1000), ".example");
    envelope.sender = "alice@sender.example";
    envelope.recipients.emplace_back().address = absl::StrCat("bob@", envelope.destination);
    envelope.accepted_at = spool_->Now();
    envelope.deadline = envelope.accepted_at + absl::Hours(168);
    return message;
  }

  // So many at once, and waits until all are on disk; they stay in flight.
  std::vector<Envelope> Accept(size_t count, const std::string& body) {
    std::vector<Envelope> accepted;
    absl::BlockingCounter left(static_cast<int>(count));
    for (size_t i = 0; i < count; ++i) {
      NewMessage message = Compose(body);
      accepted.push_back(message.envelopes.front());
      spool_->Accept(std::move(message), [&left](const absl::Status& status) {
        SLUICE_CHECK(status.ok());
        left.DecrementCount();
      });
    }
    left.Wait();
    return accepted;
  }

  // Takes so many of 1 KiB, each of which is to be tried again after `wait`.
  void Defer(int64_t count, absl::Duration wait) {
    constexpr int64_t kAtOnce = 1000;
    const std::string body(1024, 'x');
    for (int64_t left = count; left > 0; left -= kAtOnce) {
      Finish(Accept(static_cast<size_t>(std::min(left, kAtOnce)), body), spool_->Now() + wait);
    }
  }

  // Ends an attempt at each: as delivered, or deferred until `next`.
  void Finish(std::vector<Envelope> envelopes, std::optional<absl::Time> next) {
    absl::BlockingCounter left(static_cast<int>(envelopes.size()));
    for (Envelope& envelope : envelopes) {
      AttemptResult result;
      if (!next.has_value()) envelope.recipients.front().state = RecipientState::kDelivered;
      result.next_attempt = next.value_or(envelope.deadline);
      result.envelope = std::move(envelope);
      spool_->Finish(std::move(result), [&left](const absl::StatusOr<Afterwards>& done) {
        SLUICE_CHECK(done.ok());
        left.DecrementCount();
      });
    }
    left.Wait();
  }

  TakenWork TakeDue(size_t limit) {
    absl::Notification taken;
    TakenWork work;
    spool_->TakeDue(spool_->Now(), limit, [&](absl::StatusOr<TakenWork> answer) {
      SLUICE_CHECK(answer.ok());
      work = *std::move(answer);
      taken.Notify();
    });
    taken.WaitForNotification();
    return work;
  }

 private:
  const std::string directory_;
  Random random_{1};
  MessageIdSource ids_{random_};
  std::unique_ptr<io::Executor> executor_;
  std::unique_ptr<Spool> spool_;
};

// A message's life when all goes well: accepted, durable, delivered. Arguments: how many come at
// once, bytes of a body.
void BM_AcceptAndDeliver(benchmark::State& state) {
  const auto together = static_cast<size_t>(state.range(0));
  const std::string body(static_cast<size_t>(state.range(1)), 'x');
  World world;
  const int file =
      open(absl::StrCat(world.directory(), "/bound").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  SLUICE_CHECK(file >= 0);
  const std::string group(together * body.size(), 'x');
  double ours = 0;
  double bound = 0;
  for (auto _ : state) {
    const SteadyTime::time_point began = SteadyTime::now();
    std::vector<Envelope> envelopes = world.Accept(together, body);
    const double accepted = SecondsSince(began);
    world.Finish(std::move(envelopes), std::nullopt);
    state.SetIterationTime(SecondsSince(began));
    ours += accepted;
    const SteadyTime::time_point sync_began = SteadyTime::now();
    SLUICE_CHECK(write(file, group.data(), group.size()) == static_cast<ssize_t>(group.size()));
    SLUICE_CHECK(fdatasync(file) == 0);
    bound += SecondsSince(sync_began);
  }
  close(file);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(together));
  state.counters["x_sync"] = ours / bound;
}
BENCHMARK(BM_AcceptAndDeliver)
    ->ArgNames({"together", "bytes"})
    ->Args({1, 10 << 10})
    ->Args({64, 10 << 10})
    ->Args({512, 10 << 10})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// One message that is due, found, tried and put off again, while so many others wait for later.
void BM_DueScan(benchmark::State& state) {
  World world;
  world.Defer(state.range(0), absl::Hours(24));
  world.Defer(1, absl::ZeroDuration());
  for (auto _ : state) {
    TakenWork work = world.TakeDue(256);
    SLUICE_CHECK(work.items.size() == 1);
    world.Finish(std::move(work.items), world.spool().Now());
  }
}
BENCHMARK(BM_DueScan)
    ->Arg(0)
    ->Arg(10'000)
    ->Arg(200'000)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// A look at the queue when much is due: 256 at once, of so many that wait, and put off again to the
// end of the line.
void BM_TakeMany(benchmark::State& state) {
  World world;
  world.Defer(state.range(0), absl::ZeroDuration());
  constexpr size_t kLook = 256;
  for (auto _ : state) {
    const SteadyTime::time_point began = SteadyTime::now();
    TakenWork work = world.TakeDue(kLook);
    state.SetIterationTime(SecondsSince(began));
    SLUICE_CHECK(work.items.size() == kLook);
    world.Finish(std::move(work.items), world.spool().Now());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kLook));
}
BENCHMARK(BM_TakeMany)->Arg(10'000)->Arg(200'000)->UseManualTime()->Unit(benchmark::kMicrosecond);

double ResidentMib() {
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return static_cast<double>(pages * sysconf(_SC_PAGESIZE)) / (1 << 20);
}

// Seconds that 2,000 fresh messages of 1 KiB take, 64 at a time, accepted and delivered.
double SecondsOfFreshMail(World& world) {
  const std::string body(1024, 'x');
  const SteadyTime::time_point began = SteadyTime::now();
  for (int left = 2000; left > 0; left -= 64) world.Finish(world.Accept(64, body), std::nullopt);
  return SecondsSince(began);
}

// The queue of a bad week: so many wait for tomorrow. A start with them, and then the next one that
// is due: found, tried, put off. x_fresh is what mail that is accepted takes, as a multiple of what
// it took with an empty queue.
void BM_ManyWait(benchmark::State& state) {
  World world;
  const double fresh_alone = SecondsOfFreshMail(world);
  const SteadyTime::time_point filling_began = SteadyTime::now();
  world.Defer(state.range(0), absl::Hours(24));
  state.counters["deferred/s"] =
      static_cast<double>(state.range(0)) / SecondsSince(filling_began);
  world.Close();
  const SteadyTime::time_point start_began = SteadyTime::now();
  world.Open();
  state.counters["start_s"] = SecondsSince(start_began);
  state.counters["MiB"] = ResidentMib();
  state.counters["x_fresh"] = SecondsOfFreshMail(world) / fresh_alone;
  world.Defer(1, absl::ZeroDuration());
  for (auto _ : state) {
    TakenWork work = world.TakeDue(256);
    SLUICE_CHECK(work.items.size() == 1);
    world.Finish(std::move(work.items), world.spool().Now());
  }
  state.counters["MiB_end"] = ResidentMib();
}

[[maybe_unused]] const bool registered = [] {
  auto* const benchmark = benchmark::RegisterBenchmark("BM_ManyWait", BM_ManyWait);
  benchmark->Arg(1000)->Arg(1'000'000)->Iterations(2000)->UseRealTime()->Unit(
      benchmark::kMicrosecond);
  if (std::getenv("SLUICE_BENCH_TEN_MILLION") != nullptr) benchmark->Arg(10'000'000);
  return true;
}();

}  // namespace
}  // namespace sluice::queue
