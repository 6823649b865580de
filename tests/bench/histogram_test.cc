#include "bench/load/histogram.h"

#include <algorithm>
#include <vector>

#include "engine/base/random.h"
#include "gtest/gtest.h"

namespace sluice::bench {
namespace {

TEST(HistogramTest, WhatIsReadIsWithinOneStepOfWhatWasCounted) {
  Random random(1);
  Histogram histogram;
  std::vector<int64_t> all;
  for (int i = 0; i < 100'000; ++i) {
    // From nanoseconds to hours, as many in each doubling.
    const int64_t ns = static_cast<int64_t>(random.Next() >> (20 + random.Below(40)));
    all.push_back(ns);
    histogram.Record(absl::Nanoseconds(ns));
  }
  std::sort(all.begin(), all.end());
  for (const double share : {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<size_t>(std::max(1.0, share * static_cast<double>(all.size())));
    const auto exact = static_cast<double>(all[rank - 1]);
    const double read = absl::ToDoubleNanoseconds(histogram.Quantile(share));
    EXPECT_GE(read, exact) << share;
    EXPECT_LE(read, exact * 1.008 + 1) << share;
  }
  EXPECT_EQ(histogram.max(), absl::Nanoseconds(all.back()));
  EXPECT_EQ(histogram.Quantile(1), histogram.max());
}

TEST(HistogramTest, NothingCountedReadsAsNothing) {
  const Histogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), absl::ZeroDuration());
  EXPECT_EQ(histogram.Mean(), absl::ZeroDuration());
}

TEST(HistogramTest, TheLargestValuesHaveAClassToo) {
  Histogram histogram;
  histogram.Record(absl::Nanoseconds(INT64_MAX));
  histogram.Record(-absl::Seconds(1));
  EXPECT_EQ(histogram.Quantile(0.5), absl::ZeroDuration());
  EXPECT_EQ(histogram.Quantile(1), absl::Nanoseconds(INT64_MAX));
}

TEST(HistogramTest, MergedCountsAreThoseOfBoth) {
  Histogram one, other;
  for (int i = 0; i < 99; ++i) one.Record(absl::Microseconds(10));
  other.Record(absl::Seconds(1));
  one.Merge(other);
  EXPECT_EQ(one.count(), 100u);
  EXPECT_LT(one.Quantile(0.99), absl::Microseconds(11));
  EXPECT_EQ(one.Quantile(0.999), absl::Seconds(1));
}

}  // namespace
}  // namespace sluice::bench
