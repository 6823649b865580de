// A STARTTLS ping as a JSON object:
//
//   {"domain", "at", "entry", "level", "verdict": "valid" | "partial" | "invalid", "dns_failure",
//    "hint", "warnings": ["…"], "targets": [{"mx", "address", "valid", "stage", "reason", "detail",
//    "smtp_reply", "tls_version", "cipher", "certificate": {…}, "took_ms", "hint"}]}
//
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_PING_JSON_H_
#define SLUICE_ENGINE_ADMIN_PING_JSON_H_

#include "engine/relay/control.h"
#include "nlohmann/json_fwd.hpp"

namespace sluice::admin {

nlohmann::ordered_json PingToJson(const relay::PingResult& ping);

// What is kept of it: {"at", "summary", "warnings", "targets": [{"mx", "address", "valid", "reason",
// "tls_version", "cipher", "fingerprint", "not_after"}]}.
nlohmann::ordered_json PingToJson(const policy::PingFindings& ping);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_PING_JSON_H_
