// What was read of a core's histograms (counters.h). Plain data.
#ifndef SLUICE_ENGINE_RELAY_CORE_TIMES_H_
#define SLUICE_ENGINE_RELAY_CORE_TIMES_H_

#include <array>

#include "engine/base/histogram.h"
#include "engine/relay/counters.h"
#include "engine/smtp/session_times.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {

struct CoreTimes {
  using Handshakes = std::array<HistogramCounts, smtp::kHandshakeEnds>;  // by smtp::HandshakeEnd

  Handshakes inbound_handshakes;
  Handshakes outbound_handshakes;
  std::array<HistogramCounts, smtp::kStages> steps;  // by smtp::Stage
  HistogramCounts queue_latency;
};

CoreTimes ReadTimes(const Counters& counters);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_CORE_TIMES_H_
