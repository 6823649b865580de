#include "bench/load/report.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/base/log.h"

namespace sluice::bench {
namespace {

double Micros(absl::Duration duration) { return absl::ToDoubleMicroseconds(duration); }

Json CpuPerOperation(std::optional<absl::Duration> cpu, uint64_t done) {
  if (!cpu.has_value() || done == 0) return nullptr;
  return Micros(*cpu) / static_cast<double>(done);
}

std::string Number(const Json& value, const char* format) {
  return value.is_null()
             ? "-"
             : absl::StrFormat(*absl::ParsedFormat<'f'>::New(format), value.get<double>());
}

}  // namespace

Json LatencyJson(const Histogram& histogram) {
  return {{"count", histogram.count()},
          {"mean", Micros(histogram.Mean())},
          {"p50", Micros(histogram.Quantile(0.50))},
          {"p90", Micros(histogram.Quantile(0.90))},
          {"p99", Micros(histogram.Quantile(0.99))},
          {"p99_9", Micros(histogram.Quantile(0.999))},
          {"p99_99", Micros(histogram.Quantile(0.9999))},
          {"max", Micros(histogram.max())}};
}

Json MachineJson(const Machine& machine) {
  const Nic& nic = machine.nic;
  return {{"cpu", machine.cpu},
          {"online_cpus", machine.online_cpus},
          {"harness_cpus", machine.cpus},
          {"numa_nodes", machine.numa_nodes},
          {"governor", machine.governor},
          {"clock_source", machine.clock_source},
          {"kernel", machine.kernel},
          {"memory_bytes", machine.memory_bytes},
          {"nic",
           {{"name", nic.name},
            {"driver", nic.driver},
            {"mtu", nic.mtu},
            {"speed_mbit", nic.speed_mbit},
            {"receive_queues", nic.receive_queues},
            {"transmit_queues", nic.transmit_queues},
            {"numa_node", nic.numa_node},
            {"irqs", nic.irqs},
            {"target_on_this_machine", nic.peer_is_here}}}};
}

Json StepJson(const Measured& measured, std::optional<double> offered, const CpuUse& cpu,
              std::optional<uint64_t> target_memory, int cores) {
  const Tally& tally = measured.tally;
  const uint64_t done = tally.done.load();
  const double seconds = absl::ToDoubleSeconds(measured.time);
  Json step;
  step["offered_per_s"] = offered.has_value() ? Json(*offered) : Json(nullptr);
  step["seconds"] = seconds;
  step["done"] = done;
  step["failed"] = tally.failed.load();
  step["per_s"] = static_cast<double>(done) / seconds;
  step["per_s_per_harness_core"] = static_cast<double>(done) / seconds / cores;
  step["megabytes_per_s"] = static_cast<double>(tally.bytes) / seconds / 1e6;
  step["resumed"] = tally.resumed;
  step["latency_us"] = LatencyJson(tally.latency);
  step["harness_lag_us"] = LatencyJson(tally.lag);
  step["behind"] = measured.behind;
  step["target_cpu_us_per_op"] = CpuPerOperation(cpu.target, done);
  step["target_cpu_share"] =
      cpu.target.has_value() ? Json(absl::ToDoubleSeconds(*cpu.target) / seconds) : Json(nullptr);
  step["harness_cpu_us_per_op"] = CpuPerOperation(cpu.harness, done);
  step["harness_cpu_share"] = absl::ToDoubleSeconds(cpu.harness) / seconds;
  step["target_memory_bytes"] = target_memory.has_value() ? Json(*target_memory) : Json(nullptr);
  Json warnings = Json::array();
  if (absl::ToDoubleSeconds(cpu.harness) > 0.93 * seconds * cores) {
    warnings.push_back(
        "the harness used its CPUs to the full: it is the limit, not the target; give it more "
        "(--cores), or take the target's figures per CPU second");
  }
  if (absl::ToDoubleSeconds(cpu.stolen) > 0.02 * seconds) {
    warnings.push_back("more than 2 % of the CPU time was taken by other guests of this host");
  }
  if (measured.behind > 0) {
    warnings.push_back(absl::StrFormat(
        "%d arrivals found no connection free: the load is beyond what the target keeps up with, "
        "or --connections is too small",
        measured.behind));
  }
  step["warnings"] = warnings;
  step["faults"] = Json::object();
  for (const auto& [kind, count] : tally.faults) step["faults"][log::Printable(kind)] = count;
  return step;
}

void PrintProgress(absl::Duration elapsed, absl::Duration whole, uint64_t done, uint64_t last,
                   uint64_t failed, const std::string& unit) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  absl::FPrintF(stderr, "%s%4.0f s of %.0f s  %12d %s  %8d in the last second  %d failed%s",
                terminal ? "\r" : "", absl::ToDoubleSeconds(elapsed), absl::ToDoubleSeconds(whole),
                done, unit, done - last, failed, terminal ? "  " : "\n");
  fflush(stderr);
}

void PrintMachine(const Machine& machine, const std::vector<std::string>& warnings) {
  const Nic& nic = machine.nic;
  absl::PrintF("%s, %d CPUs (harness on %s), %.0f GiB, Linux %s, clock %s%s\n", machine.cpu,
               machine.online_cpus, absl::StrJoin(machine.cpus, ","),
               static_cast<double>(machine.memory_bytes) / (1 << 30), machine.kernel,
               machine.clock_source,
               machine.governor.empty() ? "" : ", governor " + machine.governor);
  absl::PrintF("by %s: driver %s, mtu %d, %d receive and %d transmit queues%s%s%s\n", nic.name,
               nic.driver, nic.mtu, nic.receive_queues, nic.transmit_queues,
               nic.speed_mbit > 0 ? absl::StrCat(", ", nic.speed_mbit, " Mbit/s") : "",
               nic.numa_node >= 0 ? absl::StrCat(", NUMA node ", nic.numa_node) : "",
               nic.irqs.empty() ? "" : ", interrupts " + absl::StrJoin(nic.irqs, "; "));
  for (const std::string& warning : warnings) absl::PrintF("warning: %s\n", warning);
}

std::string ShortTime(double us) {
  if (us < 1000) return absl::StrFormat("%.0f us", us);
  if (us < 1e6) return absl::StrFormat("%.2f ms", us / 1e3);
  return absl::StrFormat("%.2f s", us / 1e6);
}

void PrintSteps(const Json& steps, const std::string& unit) {
  absl::PrintF("\n%-10s %10s %8s %9s %9s %9s %9s %9s %9s  %s\n", "OFFERED/s", "DONE/s", "FAILED",
               "P50", "P90", "P99", "P99.9", "P99.99", "MAX", "CPU us each: TARGET, HARNESS");
  for (const Json& step : steps) {
    const Json& latency = step["latency_us"];
    absl::PrintF("%-10s %10.1f %8d", Number(step["offered_per_s"], "%.0f"),
                 step["per_s"].get<double>(), step["failed"].get<uint64_t>());
    for (const char* column : {"p50", "p90", "p99", "p99_9", "p99_99", "max"}) {
      absl::PrintF(" %9s", ShortTime(latency[column].get<double>()));
    }
    absl::PrintF("  %s, %s\n", Number(step["target_cpu_us_per_op"], "%.1f"),
                 Number(step["harness_cpu_us_per_op"], "%.1f"));
  }
  for (const Json& step : steps) {
    for (const Json& warning : step["warnings"]) {
      absl::PrintF("warning%s: %s\n",
                   step["offered_per_s"].is_null()
                       ? ""
                       : absl::StrFormat(" at %.0f/s", step["offered_per_s"].get<double>()),
                   warning.get<std::string>());
    }
    for (const auto& [kind, count] : step["faults"].items()) {
      absl::PrintF("failed: %d %s: %s\n", count.get<uint64_t>(), unit, kind);
    }
  }
}

}  // namespace sluice::bench
