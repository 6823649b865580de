// What a core counts and times. Written by that core alone, read by any thread
// (engine/base/counter.h).
#ifndef SLUICE_ENGINE_RELAY_COUNTERS_H_
#define SLUICE_ENGINE_RELAY_COUNTERS_H_

#include <array>
#include <cstddef>
#include <string>

#include "engine/base/counter.h"
#include "engine/base/histogram.h"
#include "engine/smtp/client_result.h"
#include "engine/smtp/session_times.h"
#include "engine/smtp/stage.h"
#include "tls/failure.h"

namespace sluice::relay {

struct alignas(64) Counters {
  // In.
  Counter connections;          // taken
  Counter connections_refused;  // 421: too many
  Counter sessions_ended;       // of those taken
  Counter handshakes;           // inbound TLS
  Counter handshakes_resumed;
  Counter handshakes_failed;
  std::array<Counter, tls::kReasons> handshakes_failed_by_reason;
  Counter messages_accepted;      // answered with 250
  Counter messages_refused;       // after their body, with 4xx or 5xx
  Counter tls_required;           // MAIL FROM of a listed domain without the TLS it demands
  Counter tls_would_be_required;  // the same, for entries in monitor mode
  // Out.
  Counter outbound_connections;  // usable, handshake and policy included
  Counter outbound_failed;       // not
  // Connections that could not be used, and next hops that DNS did not give, by the word for why
  // (FailureWord): TLS's reason, or the stage.
  std::array<Counter, smtp::kStages + tls::kReasons> failures_by_reason;
  Counter delivered;           // recipients
  Counter deferred;            // attempts
  Counter tls_deferred;        // attempts that failed because of TLS
  Counter tls_would_defer;     // the same, for entries in monitor mode
  Counter failed;              // recipients, for good
  Counter expired;             // messages (for one destination)
  Counter deleted_tls_policy;  // of these, because of TLS policy
  // Destinations whose TLS fails (parking.h).
  Gauge breakers_open;
  Counter breakers_opened;
  Counter parked;  // messages, each time that one is
  Counter released;
  Counter probes;
  Counter probes_failed;
  Counter stripping_suspected;  // attempts that found STARTTLS gone where it had been offered
  // Lanes whose mail waits because of their pace (lane_pace.h).
  Gauge lanes_paused;
  Gauge lanes_rate_limited;
  Counter lane_pauses;  // that were begun
  // Reports of TLS to other domains (tls_reports.h).
  Counter tls_reports_sent;
  Counter tls_reports_failed;       // given up
  Counter tls_sessions_unreported;  // there was no room to count them in
  Gauge kept_body_bytes;       // of attempts in lanes

  // Times.
  smtp::HandshakeTimes inbound_handshakes;
  smtp::ClientTimes outbound;   // of deliveries, STARTTLS pings apart
  WaitHistogram queue_latency;  // from acceptance until recipients have it, of attempts
};

// Where a failure is counted in Counters::failures_by_reason, and the word for that place.
inline constexpr size_t kFailureWords = smtp::kStages + tls::kReasons;
size_t FailureIndex(const smtp::Failure& failure);
std::string FailureWord(size_t index);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_COUNTERS_H_
