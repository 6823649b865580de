// The load harness. Exit status: 0 when it measured; 1 when it could not; 2 for flags that will not
// do.
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "bench/load/flags.h"
#include "bench/load/machine_report.h"
#include "bench/load/report.h"
#include "bench/load/runs.h"
#include "engine/io/machine.h"

namespace sluice::bench {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongFlags = 2;

absl::StatusOr<Json> Run(const Plan& plan, io::Engine& engine) {
  switch (plan.mode) {
    case Mode::kHandshake:
    case Mode::kSend:
    case Mode::kRelay:
      return RunLoad(plan, engine);
    case Mode::kSink:
      return RunSink(plan, engine);
    case Mode::kIdle:
      return RunIdle(plan, engine);
    case Mode::kDeferred:
      return RunDeferred(plan, engine);
  }
  return absl::InternalError("no such mode");
}

int Fail(int code, const absl::Status& status) {
  absl::FPrintF(stderr, "sluice-bench: %s\n", status.message());
  return code;
}

int Main(int argc, char** argv) {
  absl::SetProgramUsageMessage(kUsage);
  std::vector<std::string> words;
  for (char* const word : absl::ParseCommandLine(argc, argv)) words.emplace_back(word);
  words.erase(words.begin());
  const absl::StatusOr<Plan> plan = ReadPlan(words);
  if (!plan.ok()) return Fail(kWrongFlags, plan.status());

  const Machine machine = DescribeMachine(
      plan->client.has_value() ? plan->client->conversation.target : plan->sink->listen);
  const std::vector<std::string> warnings =
      Warnings(machine, plan->cores, plan->mode == Mode::kHandshake);
  PrintMachine(machine, warnings);
  fflush(stdout);

  if (plan->mode == Mode::kSink) BlockEndSignals();
  io::EngineOptions options;
  options.cores = plan->cores;
  absl::StatusOr<std::unique_ptr<io::Engine>> engine = io::RealMachine().StartEngine(options);
  if (!engine.ok()) return Fail(kFailed, engine.status());
  absl::StatusOr<Json> steps = Run(*plan, **engine);
  (*engine)->Stop();
  if (!steps.ok()) return Fail(kFailed, steps.status());
  if (plan->json.empty()) return 0;

  Json result;
  result["mode"] = words.empty() ? "sink" : words.front();
  result["command"] = absl::StrJoin(argv, argv + argc, " ");
  result["machine"] = MachineJson(machine);
  result["warnings"] = warnings;
  result["steps"] = *std::move(steps);
  std::ofstream file(plan->json);
  file << result.dump(2) << "\n";
  file.close();
  if (!file)
    return Fail(kFailed, absl::InternalError("--json=" + plan->json + " cannot be written"));
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) { return sluice::bench::Main(argc, argv); }
