#include "bench/load/generator.h"

#include <memory>

#include "engine/io/uring_core.h"
#include "gtest/gtest.h"

namespace sluice::bench {
namespace {

constexpr absl::Duration kOperation = absl::Milliseconds(2);

// Takes kOperation; each `failing`-th fails.
class Sleeper final : public Worker {
 public:
  Sleeper(io::Core& core, int failing) : core_(core), failing_(failing) {}
  io::Task<absl::Status> Operate() override {
    co_await core_.SleepUntil(core_.Now() + kOperation);
    if (failing_ > 0 && ++count_ % failing_ == 0) co_return absl::InternalError("as it should");
    co_return absl::OkStatus();
  }
  io::Task<void> End() override { co_return; }

 private:
  io::Core& core_;
  const int failing_;
  int count_ = 0;
};

Measured RunLoad(const LoadOptions& options, int failing = 0) {
  io::EngineOptions engine_options;
  engine_options.pin = false;
  absl::StatusOr<std::unique_ptr<io::Engine>> engine =
      io::StartUringEngine(engine_options, SystemClock());
  EXPECT_TRUE(engine.ok()) << engine.status();
  Generator generator(
      **engine,
      [failing](io::Core& core, int, Tally&) { return std::make_unique<Sleeper>(core, failing); },
      options);
  const Measured measured = generator.Run({});
  (*engine)->Stop();
  return measured;
}

TEST(GeneratorTest, AClosedLoopKeepsEachWorkerBusy) {
  const Measured measured = RunLoad({.workers = 4,
                                     .rate_per_s = std::nullopt,
                                     .warmup = absl::Milliseconds(20),
                                     .duration = absl::Milliseconds(300),
                                     .most = std::nullopt});
  EXPECT_GT(measured.tally.done, 4u);
  EXPECT_EQ(measured.tally.failed, 0u);
  EXPECT_EQ(measured.tally.latency.count(), measured.tally.done);
  // A core's time stands still within a tick, so that single ones may look shorter on a busy machine.
  EXPECT_GE(measured.tally.latency.max(), kOperation);
  EXPECT_EQ(measured.behind, 0u);
}

TEST(GeneratorTest, FailuresAreCountedByTheirKind) {
  const Measured measured = RunLoad({.workers = 2,
                                     .rate_per_s = std::nullopt,
                                     .warmup = absl::ZeroDuration(),
                                     .duration = absl::Milliseconds(300),
                                     .most = std::nullopt},
                                    /*failing=*/3);
  EXPECT_GT(measured.tally.failed, 0u);
  EXPECT_EQ(measured.tally.faults.at("as it should"), measured.tally.failed);
}

// One worker can do 500 a second at best; of 5,000 that arrive nearly all have to wait, and it is
// told.
TEST(GeneratorTest, AnOpenLoopCountsFromTheArrivalAndTellsWhatItIsBehind) {
  const Measured measured = RunLoad({.workers = 1,
                                     .rate_per_s = 5000,
                                     .warmup = absl::ZeroDuration(),
                                     .duration = absl::Milliseconds(400),
                                     .most = std::nullopt});
  EXPECT_GT(measured.behind, measured.tally.done.load());
  // The last one has waited nearly as long as the whole run; the operation itself takes 2 ms.
  EXPECT_GT(measured.tally.latency.max(), absl::Milliseconds(100));
  EXPECT_GT(measured.tally.lag.max(), absl::Milliseconds(100));
}

TEST(GeneratorTest, SoManyAndThenItIsOver) {
  const Measured measured = RunLoad({.workers = 8,
                                     .rate_per_s = std::nullopt,
                                     .warmup = absl::ZeroDuration(),
                                     .duration = absl::Hours(1),
                                     .most = 20});
  EXPECT_GE(measured.tally.done, 20u);
  EXPECT_LT(measured.time, absl::Minutes(1));
}

}  // namespace
}  // namespace sluice::bench
