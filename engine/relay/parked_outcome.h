// What is written down of mail that is parked, and of a probe in vain: beside outcome.h, for what
// waits for its destination. No I/O.
#ifndef SLUICE_ENGINE_RELAY_PARKED_OUTCOME_H_
#define SLUICE_ENGINE_RELAY_PARKED_OUTCOME_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "engine/relay/attempt.h"
#include "engine/relay/breaker.h"
#include "engine/relay/control.h"
#include "engine/relay/outbound_policy.h"
#include "engine/relay/outcome.h"
#include "queue/envelope.h"
#include "queue/history.h"

namespace sluice::relay {

// Whether it says that TLS as demanded is not to be had at the destination at all.
bool OpensBreaker(const AttemptReport& report);

// The attempt that came to `written` is not repeated by the timetable: the message is parked.
void ParkAfterAttempt(absl::Time next_probe, OutcomeWriter::Written& written);
// The same for a message that is not tried, as the breaker is open.
OutcomeWriter::Written ParkUntried(queue::Envelope envelope, const Breaker& breaker,
                                   const OutboundPolicy& policy, absl::Time next_probe,
                                   absl::Time now);

// Why a probe failed; unset when nothing about TLS is known by it (no address answered).
std::optional<queue::AttemptFailure> FailureOf(const PingResult& result, absl::Time now);
// Its entry in the history, one for the destination. `probes`: how many failed, with this one.
queue::HistoryEntry EntryOfProbe(const PingResult& result, const OutboundPolicy& policy, int probes,
                                 uint64_t parked, absl::Time next_probe);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_PARKED_OUTCOME_H_
