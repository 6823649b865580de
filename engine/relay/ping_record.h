// What is kept of a ping, and what it warns of. Pure functions.
#ifndef SLUICE_ENGINE_RELAY_PING_RECORD_H_
#define SLUICE_ENGINE_RELAY_PING_RECORD_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/relay/control.h"
#include "policy/entry_codec.h"

namespace sluice::relay {

// "valid", "partial", "invalid".
absl::string_view VerdictName(PingVerdict verdict);

// Verdict and first failure: "valid", "partial: mx2.example.com: name_mismatch", "invalid: dns".
std::string SummaryOf(const PingResult& result);

policy::PingFindings FindingsOf(const PingResult& result);

// A certificate that expires within `expiry_warning`, and one that is not what the ping `before` saw
// at the same server. At most policy::kMaxPingWarnings.
std::vector<std::string> WarningsOf(const PingResult& result,
                                    const std::optional<policy::PingFindings>& before,
                                    absl::Duration expiry_warning);

// A certificate that is not for `hostname`: partners that check names will refuse it.
void AddNameWarnings(absl::string_view hostname, PingResult& result);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_PING_RECORD_H_
