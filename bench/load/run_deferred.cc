// Mail that cannot be sent: the queue is filled while nobody listens where the mail is to go, or
// (--no_starttls) the sink does and offers no STARTTLS; each tenth of it is a step, so that a cost
// that grows with the queue shows. Then the sink listens, with STARTTLS, the target is told to send,
// and the release is measured.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "bench/load/runs.h"
#include "engine/base/clock.h"
#include "engine/base/status_macros.h"

namespace sluice::bench {
namespace {

constexpr int kSteps = 10;
constexpr absl::Duration kMostForStep = absl::Hours(24);
// With nothing arriving for so long, the release is over.
constexpr absl::Duration kQuiet = absl::Seconds(30);

// Lets the sink take what the target sends, until all has come or nothing comes any more.
Json Release(const Plan& plan, Sink& sink, uint64_t messages) {
  const MonoTime begun = SystemClock().MonoNow();
  const std::optional<absl::Duration> cpu_before = plan.target.CpuTime();
  MonoTime last_arrival = begun;
  uint64_t last = 0;
  std::optional<MonoTime> first;
  // Mail may come before the command has ended.
  std::thread command([&plan] {
    if (!plan.release_command.empty() && std::system(plan.release_command.c_str()) != 0) {
      absl::FPrintF(stderr, "warning: --release_command did not end with 0\n");
    }
  });
  MonoTime told = begun;
  while (sink.done() < messages && SystemClock().MonoNow() - last_arrival < kQuiet) {
    absl::SleepFor(absl::Milliseconds(10));
    const MonoTime now = SystemClock().MonoNow();
    const uint64_t done = sink.done();
    if (done > last) last_arrival = now;
    if (done > 0 && !first.has_value()) first = now;
    if (!plan.quiet && now - told >= absl::Seconds(1)) {
      absl::FPrintF(stderr, "released %d of %d\n", done, messages);
      told = now;
    }
    last = done;
  }
  command.join();
  const absl::Duration took = last_arrival - first.value_or(begun);
  const double seconds = std::max(absl::ToDoubleSeconds(took), 0.01);
  const std::optional<absl::Duration> cpu = plan.target.CpuTime();
  Json release = {{"done", sink.done()},
                  {"missing", messages - std::min(messages, sink.done())},
                  {"first_after_s", absl::ToDoubleSeconds(first.value_or(last_arrival) - begun)},
                  {"seconds", seconds},
                  {"per_s", static_cast<double>(sink.done()) / seconds}};
  if (cpu.has_value() && cpu_before.has_value() && sink.done() > 0) {
    release["target_cpu_us_per_op"] =
        absl::ToDoubleMicroseconds(*cpu - *cpu_before) / static_cast<double>(sink.done());
  }
  return release;
}

}  // namespace

absl::StatusOr<Json> RunDeferred(const Plan& plan, io::Engine& engine) {
  Json steps = Json::array();
  SinkOptions released = *plan.sink;
  released.offer_starttls = true;
  std::unique_ptr<Sink> without_tls;
  if (!plan.sink->offer_starttls) {
    SLUICE_ASSIGN_OR_RETURN(without_tls, Sink::Start(engine, *plan.sink, nullptr));
    released.listen = without_tls->address();
  }
  std::atomic<uint64_t> accepted{0};
  Sending sending = *plan.sending;
  sending.accepted = &accepted;
  absl::PrintF("\n%12s %10s %9s %9s %12s %14s %14s\n", "WAITING", "ACCEPTED/s", "P50", "P99",
               "TARGET CPU", "MEMORY MiB", "DISK MiB");
  for (int i = 0; i < kSteps; ++i) {
    LoadOptions options = plan.load;
    options.warmup = absl::ZeroDuration();
    options.duration = kMostForStep;
    // A few more come from the messages that are under way when a step ends.
    const uint64_t wanted = plan.messages * static_cast<uint64_t>(i + 1) / kSteps;
    options.most = wanted - std::min(accepted.load(), wanted - 1);
    if (!plan.rates_per_s.empty()) options.rate_per_s = plan.rates_per_s.front();
    const std::optional<absl::Duration> cpu_before = plan.target.CpuTime();
    const absl::Duration own_before = OwnCpuTime();
    CpuUse cpu;
    Generator::Observer observer;
    observer.over = [&] {
      const std::optional<absl::Duration> now = plan.target.CpuTime();
      if (now.has_value() && cpu_before.has_value()) cpu.target = *now - *cpu_before;
      cpu.harness = OwnCpuTime() - own_before;
    };
    Generator generator(engine, NewSenders(*plan.client, sending), options);
    const Measured measured = generator.Run(observer);
    if (measured.tally.done.load() == 0) {
      return absl::UnavailableError(absl::StrCat(
          "the target accepts no mail: ",
          measured.tally.faults.empty() ? "no answer" : measured.tally.faults.begin()->first));
    }
    Json step = StepJson(measured, options.rate_per_s, cpu, plan.target.MemoryBytes(), plan.cores);
    step["waiting"] = accepted.load();
    step["disk_bytes"] = DiskBytes(plan.store);
    absl::PrintF(
        "%12d %10.0f %9s %9s %9.1f us %14.1f %14.1f\n", accepted.load(),
        step["per_s"].get<double>(), ShortTime(step["latency_us"]["p50"].get<double>()),
        ShortTime(step["latency_us"]["p99"].get<double>()),
        step["target_cpu_us_per_op"].is_null() ? 0.0 : step["target_cpu_us_per_op"].get<double>(),
        static_cast<double>(plan.target.MemoryBytes().value_or(0)) / (1 << 20),
        static_cast<double>(step["disk_bytes"].get<uint64_t>()) / (1 << 20));
    fflush(stdout);
    steps.push_back(std::move(step));
  }
  if (without_tls != nullptr) without_tls->Stop();
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<Sink> sink,
                          Sink::Start(engine, std::move(released), nullptr));
  Json release = Release(plan, *sink, accepted.load());
  sink->Stop();
  absl::PrintF("released %d of %d in %.2f s, %.0f/s; the first after %.2f s\n",
               release["done"].get<uint64_t>(), accepted.load(), release["seconds"].get<double>(),
               release["per_s"].get<double>(), release["first_after_s"].get<double>());
  steps.push_back({{"release", std::move(release)}});
  return steps;
}

}  // namespace sluice::bench
