#include "engine/base/histogram.h"

#include <cmath>
#include <numeric>

namespace sluice {

uint64_t HistogramCounts::total() const {
  return std::accumulate(buckets.begin(), buckets.end(), uint64_t{0});
}

double BucketBoundSeconds(size_t bucket) { return std::ldexp(1.0, static_cast<int>(bucket) - 10); }

}  // namespace sluice
