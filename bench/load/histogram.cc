#include "bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::bench {
namespace {

constexpr int kStepBits = 7;
constexpr uint64_t kSteps = uint64_t{1} << kStepBits;
constexpr size_t kClasses = (64 - kStepBits) * kSteps;

// Up to kSteps each value has a class of its own; from there on, the seven bits behind the leading
// one choose the step within the doubling.
size_t ClassOf(uint64_t value) {
  if (value < kSteps) return value;
  const int doubling = static_cast<int>(std::bit_width(value)) - kStepBits;  // 1, 2, …
  return static_cast<size_t>(doubling) * kSteps + ((value >> (doubling - 1)) - kSteps);
}

// The largest value of a class.
uint64_t LargestOf(size_t index) {
  const uint64_t doubling = index / kSteps;
  const uint64_t step = index % kSteps;
  if (doubling == 0) return step;
  return ((kSteps + step + 1) << (doubling - 1)) - 1;
}

}  // namespace

Histogram::Histogram() : classes_(kClasses) {}

void Histogram::Record(absl::Duration latency) {
  const int64_t ns = std::max<int64_t>(0, absl::ToInt64Nanoseconds(latency));
  ++classes_[ClassOf(static_cast<uint64_t>(ns))];
  ++count_;
  sum_ns_ += static_cast<double>(ns);
  max_ns_ = std::max(max_ns_, ns);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < kClasses; ++i) classes_[i] += other.classes_[i];
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

absl::Duration Histogram::Mean() const {
  return count_ == 0 ? absl::ZeroDuration()
                     : absl::Nanoseconds(sum_ns_ / static_cast<double>(count_));
}

absl::Duration Histogram::Quantile(double share) const {
  if (count_ == 0) return absl::ZeroDuration();
  const auto wanted =
      std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t i = 0; i < kClasses; ++i) {
    seen += classes_[i];
    if (seen < wanted) continue;
    return absl::Nanoseconds(std::min(static_cast<int64_t>(LargestOf(i)), max_ns_));
  }
  return max();
}

}  // namespace sluice::bench
