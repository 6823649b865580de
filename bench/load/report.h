// What is said of a run: a line a second while it lasts, a table at its end, and JSON for programs.
//
// The JSON is one object: mode, options, machine, warnings, and steps: what was measured at each
// load, in the order it was applied. Latencies are in microseconds; sizes in bytes; a figure of the
// program under test is null where --pid does not name it.
#ifndef SLUICE_BENCH_LOAD_REPORT_H_
#define SLUICE_BENCH_LOAD_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "bench/load/generator.h"
#include "bench/load/histogram.h"
#include "bench/load/machine_report.h"
#include "bench/load/tally.h"
#include "nlohmann/json.hpp"

namespace sluice::bench {

using Json = nlohmann::ordered_json;

// CPU time between two looks.
struct CpuUse {
  std::optional<absl::Duration> target;
  absl::Duration harness;
  absl::Duration stolen;
};

Json LatencyJson(const Histogram& histogram);
Json MachineJson(const Machine& machine);
// One step; `offered` is unset in a closed loop. `cores` of the harness.
Json StepJson(const Measured& measured, std::optional<double> offered, const CpuUse& cpu,
              std::optional<uint64_t> target_memory, int cores);

// On stderr. `unit`: "handshakes", "messages".
void PrintProgress(absl::Duration elapsed, absl::Duration whole, uint64_t done, uint64_t last,
                   uint64_t failed, const std::string& unit);
// On stdout.
void PrintMachine(const Machine& machine, const std::vector<std::string>& warnings);
void PrintSteps(const Json& steps, const std::string& unit);

// A latency for people: "812 us", "4.31 ms", "1.20 s".
std::string ShortTime(double us);

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_REPORT_H_
