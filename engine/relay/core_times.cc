#include "engine/relay/core_times.h"

#include <algorithm>

namespace sluice::relay {
namespace {

template <size_t count>
void ReadEach(const std::array<StepHistogram, count>& from,
              std::array<HistogramCounts, count>& into) {
  std::transform(from.begin(), from.end(), into.begin(),
                 [](const StepHistogram& histogram) { return histogram.Read(); });
}

}  // namespace

CoreTimes ReadTimes(const Counters& counters) {
  CoreTimes times;
  ReadEach(counters.inbound_handshakes.by_end, times.inbound_handshakes);
  ReadEach(counters.outbound.handshakes.by_end, times.outbound_handshakes);
  ReadEach(counters.outbound.steps, times.steps);
  times.queue_latency = counters.queue_latency.Read();
  return times;
}

}  // namespace sluice::relay
