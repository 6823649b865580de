#include <signal.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "bench/load/runs.h"
#include "engine/base/status_macros.h"

namespace sluice::bench {
namespace {

CpuUse LookAtCpu(const Target& target) { return {target.CpuTime(), OwnCpuTime(), StolenTime()}; }

CpuUse Between(const CpuUse& before, const CpuUse& after) {
  CpuUse use;
  if (before.target.has_value() && after.target.has_value()) {
    use.target = *after.target - *before.target;
  }
  use.harness = after.harness - before.harness;
  use.stolen = after.stolen - before.stolen;
  return use;
}

Json SinkJson(const Sink::Counts& counts, absl::Duration time) {
  const uint64_t done = counts.tally.done.load();
  return {{"done", done},
          {"per_s", static_cast<double>(done) / absl::ToDoubleSeconds(time)},
          {"connections", counts.connections},
          {"handshakes", counts.handshakes},
          {"deferred", counts.deferred},
          {"refused", counts.refused},
          {"stalled", counts.stalled},
          {"broken_tls", counts.broken}};
}

// One step of mode relay also has what came out at the other end: its latency is end to end, and
// what it counts is what arrived.
void AddArrivals(Json& step, const Sink::Counts& counts, absl::Duration time, const CpuUse& cpu) {
  step["accepted_per_s"] = step["per_s"];
  step["accept_latency_us"] = step["latency_us"];
  const uint64_t done = counts.tally.done.load();
  const Json arrivals = SinkJson(counts, time);
  step["per_s"] = arrivals["per_s"];
  step["latency_us"] = LatencyJson(counts.tally.latency);
  step["sink"] = arrivals;
  if (cpu.target.has_value() && done > 0) {
    step["target_cpu_us_per_op"] =
        absl::ToDoubleMicroseconds(*cpu.target) / static_cast<double>(done);
  }
}

}  // namespace

absl::StatusOr<Json> RunLoad(const Plan& plan, io::Engine& engine) {
  const bool relay = plan.mode == Mode::kRelay;
  const std::string unit = plan.mode == Mode::kHandshake ? "handshakes" : "messages";
  std::unique_ptr<Passages> passages;
  std::unique_ptr<Sink> sink;
  std::optional<Sending> sending = plan.sending;
  if (relay) {
    passages = std::make_unique<Passages>();
    sending->passages = passages.get();
    SLUICE_ASSIGN_OR_RETURN(sink, Sink::Start(engine, *plan.sink, passages.get()));
    absl::FPrintF(stderr, "the sink listens on %s\n", sink->address().ToString());
  }
  std::vector<std::optional<double>> steps(plan.rates_per_s.begin(), plan.rates_per_s.end());
  if (steps.empty()) steps.push_back(std::nullopt);

  Json results = Json::array();
  for (const std::optional<double> rate : steps) {
    LoadOptions options = plan.load;
    options.rate_per_s = rate;
    CpuUse before, after;
    std::optional<uint64_t> memory;
    std::optional<Sink::Counts> arrived;
    uint64_t last = 0;
    Generator::Observer observer;
    observer.measuring = [&] {
      if (sink != nullptr) sink->Reset();
      before = LookAtCpu(plan.target);
    };
    observer.over = [&] {
      after = LookAtCpu(plan.target);
      if (sink != nullptr) arrived.emplace(sink->Take());
      memory = plan.target.MemoryBytes();
    };
    if (!plan.quiet) {
      observer.second = [&](absl::Duration elapsed, uint64_t done, uint64_t failed) {
        PrintProgress(elapsed, options.duration, done, last, failed, unit);
        last = done;
      };
    }
    Generator generator(engine,
                        plan.mode == Mode::kHandshake ? NewHandshakers(*plan.client)
                                                      : NewSenders(*plan.client, *sending),
                        options);
    const Measured measured = generator.Run(observer);
    if (!plan.quiet) absl::FPrintF(stderr, "\n");
    const CpuUse cpu = Between(before, after);
    Json step = StepJson(measured, rate, cpu, memory, plan.cores);
    if (arrived.has_value()) AddArrivals(step, *arrived, measured.time, cpu);
    results.push_back(std::move(step));
  }
  if (sink != nullptr) sink->Stop();
  PrintSteps(results, unit);
  return results;
}

void BlockEndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
}

absl::StatusOr<Json> RunSink(const Plan& plan, io::Engine& engine) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<Sink> sink,
                          Sink::Start(engine, *plan.sink, nullptr));
  absl::PrintF("the sink listens on %s\n", sink->address().ToString());
  fflush(stdout);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  const MonoTime begun = SystemClock().MonoNow();
  uint64_t last = 0;
  const timespec second = {1, 0};
  while (sigtimedwait(&signals, nullptr, &second) < 0) {
    const uint64_t done = sink->done();
    if (!plan.quiet && done != last) {
      absl::FPrintF(stderr, "%12d messages  %8d in the last second\n", done, done - last);
    }
    last = done;
  }
  Json counts = SinkJson(sink->Take(), SystemClock().MonoNow() - begun);
  sink->Stop();
  absl::PrintF("%s\n", counts.dump(2));
  return Json::array({std::move(counts)});
}

}  // namespace sluice::bench
