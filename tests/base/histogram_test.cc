#include "engine/base/histogram.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

using testing::Each;

// The bucket that one observation falls into.
size_t BucketOf(absl::Duration took) {
  StepHistogram histogram;
  histogram.Observe(took);
  const HistogramCounts counts = histogram.Read();
  for (size_t i = 0; i < counts.buckets.size(); ++i) {
    if (counts.buckets[i] == 1) return i;
  }
  ADD_FAILURE() << "counted nowhere";
  return counts.buckets.size();
}

TEST(Histogram, BoundsBelongToTheirBucket) {
  const size_t last = StepHistogram().Read().buckets.size() - 1;
  ASSERT_EQ(last, 20u);
  EXPECT_EQ(BucketBoundSeconds(0), 1.0 / 1024);
  EXPECT_EQ(BucketBoundSeconds(10), 1.0);
  EXPECT_EQ(BucketBoundSeconds(last - 1), 512.0);
  for (size_t i = 0; i < last; ++i) {
    // 2^-10 s has half a nanosecond, which no duration that is counted has.
    const absl::Duration bound =
        absl::Trunc(absl::Seconds(BucketBoundSeconds(i)), absl::Nanoseconds(1));
    EXPECT_EQ(BucketOf(bound), i);
    EXPECT_EQ(BucketOf(bound + absl::Nanoseconds(1)), i + 1);
  }
}

TEST(Histogram, TakesWhatIsBeyondEveryBound) {
  EXPECT_EQ(BucketOf(absl::ZeroDuration()), 0u);
  EXPECT_EQ(BucketOf(absl::Seconds(-5)), 0u);
  EXPECT_EQ(BucketOf(absl::Hours(1)), 20u);
  EXPECT_EQ(BucketOf(absl::InfiniteDuration()), 20u);
}

TEST(Histogram, SumsUp) {
  WaitHistogram histogram;
  EXPECT_THAT(histogram.Read().buckets, Each(0));
  histogram.Observe(absl::Milliseconds(3));
  histogram.Observe(absl::Hours(24 * 7));
  histogram.Observe(absl::Seconds(-1));
  const HistogramCounts counts = histogram.Read();
  EXPECT_EQ(counts.total(), 3u);
  EXPECT_EQ(counts.buckets.back(), 1u);
  EXPECT_EQ(counts.sum_us, 3000u + uint64_t{7 * 86400} * 1'000'000);
}

TEST(Histogram, IsReadWhileItIsWritten) {
  constexpr uint64_t kObservations = 200'000;
  StepHistogram histogram;
  std::atomic<bool> done{false};
  std::thread reader([&] {
    uint64_t before = 0;
    while (!done.load()) {
      const uint64_t now = histogram.Read().total();
      EXPECT_GE(now, before);
      before = now;
    }
  });
  for (uint64_t i = 0; i < kObservations; ++i) histogram.Observe(absl::Milliseconds(5));
  done.store(true);
  reader.join();
  EXPECT_EQ(histogram.Read().total(), kObservations);
}

}  // namespace
}  // namespace sluice
