// How long something takes, each time: counted by one thread, read by any, in a few nanoseconds an
// observation and without allocating.
//
//   StepHistogram dns;
//   dns.Observe(core.Now() - begun);              // the thread that owns it
//   HistogramCounts counts = dns.Read();          // any thread
//
// A bucket holds what took longer than the bound below its own, and at most its own: Prometheus'
// "le". Bounds are powers of two, from 2^-10 s (about a millisecond) up; the bucket behind the last
// one is for all that took longer still. A bucket wide as what lies below it in all bounds the
// error of a quantile by a factor of two, wherever it lies.
#ifndef SLUICE_ENGINE_BASE_HISTOGRAM_H_
#define SLUICE_ENGINE_BASE_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "engine/base/counter.h"

namespace sluice {

// What was read of a histogram.
struct HistogramCounts {
  // Of each bucket by itself; the last one has no bound.
  std::vector<uint64_t> buckets;
  uint64_t sum_us = 0;

  uint64_t total() const;
};

// 2^-10, 2^-9, … seconds.
double BucketBoundSeconds(size_t bucket);

template <size_t bounds>
class Histogram {
 public:
  // The owning thread. What a clock made negative counts as nothing.
  void Observe(absl::Duration took) {
    // (The upper limit, 73 years, is what BucketOf can reckon with.)
    const int64_t took_ns =
        std::clamp<int64_t>(absl::ToInt64Nanoseconds(took), 0, int64_t{1} << 61);
    buckets_[BucketOf(static_cast<uint64_t>(took_ns))].Add();
    // Nanoseconds would run over in weeks of a long queue.
    sum_us_.Add(static_cast<uint64_t>(took_ns) / 1000);
  }

  HistogramCounts Read() const {
    HistogramCounts counts;
    for (const Counter& bucket : buckets_) counts.buckets.push_back(bucket.value());
    counts.sum_us = sum_us_.value();
    return counts;
  }

 private:
  static size_t BucketOf(uint64_t took_ns) {
    // In units of the first bound, 2^-10 s = 1953125 / 2 ns, rounded up.
    const uint64_t units = (2 * took_ns + 1'953'124) / 1'953'125;
    const auto doublings = units <= 1 ? 0 : static_cast<size_t>(std::bit_width(units - 1));
    return std::min(doublings, bounds);
  }

  std::array<Counter, bounds + 1> buckets_;
  Counter sum_us_;
};

// Up to 2^9 s, eight and a half minutes: one step of a conversation.
using StepHistogram = Histogram<20>;
// Up to 2^19 s, six days: a wait in the queue.
using WaitHistogram = Histogram<30>;

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_HISTOGRAM_H_
