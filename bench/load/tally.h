// What one core of the harness has counted. Written by that core; `done` and `failed` are read by
// whoever shows progress, the rest once the core has come to rest.
#ifndef SLUICE_BENCH_LOAD_TALLY_H_
#define SLUICE_BENCH_LOAD_TALLY_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "bench/load/histogram.h"

namespace sluice::bench {

struct Tally {
  // Kinds of failure that are kept apart; what else goes wrong is counted as "others".
  static constexpr size_t kMostFaults = 24;

  Tally() = default;
  Tally(const Tally& other) { Merge(other); }

  std::atomic<uint64_t> done{0};
  std::atomic<uint64_t> failed{0};
  uint64_t bytes = 0;    // of messages
  uint64_t resumed = 0;  // handshakes
  // From when it was to begin to its end.
  Histogram latency;
  // How late the harness itself began what was to begin (open loop): its own share of the above.
  Histogram lag;
  std::map<std::string, uint64_t> faults;

  void Count(std::atomic<uint64_t>& of) {
    of.store(of.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void CountFault(const absl::Status& status) {
    Count(failed);
    std::string kind(status.message());
    if (faults.size() >= kMostFaults && faults.count(kind) == 0) kind = "others";
    ++faults[kind];
  }
  void Merge(const Tally& other) {
    done += other.done.load(std::memory_order_relaxed);
    failed += other.failed.load(std::memory_order_relaxed);
    bytes += other.bytes;
    resumed += other.resumed;
    latency.Merge(other.latency);
    lag.Merge(other.lag);
    for (const auto& [kind, count] : other.faults) faults[kind] += count;
  }
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_TALLY_H_
