// Latencies, counted in classes whose width grows with what they hold (as HdrHistogram does: 128
// equal steps in each doubling, so that what is read is at most 0.8 % off). 1 ns to centuries, 58
// KB, no allocation while counting. One thread.
#ifndef SLUICE_BENCH_LOAD_HISTOGRAM_H_
#define SLUICE_BENCH_LOAD_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace sluice::bench {

class Histogram {
 public:
  Histogram();

  void Record(absl::Duration latency);  // what is negative counts as nothing
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  absl::Duration Mean() const;
  absl::Duration max() const { return absl::Nanoseconds(max_ns_); }
  // The latency that `share` (0 to 1) of those counted did not exceed; zero when there are none.
  absl::Duration Quantile(double share) const;

 private:
  std::vector<uint64_t> classes_;
  uint64_t count_ = 0;
  double sum_ns_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_HISTOGRAM_H_
