// Answers of the API: JSON documents and its one form of error.
//
//   return JsonReply({{"woken", 3}});
//   return ErrorReply(absl::NotFoundError("no message 01J… is queued; 'sluicectl queue list' …"));
//
// An error is
//
//   {"error": {"code": "not_found", "message": "…one sentence that says what to do…",
//              "faults": [{"line": 17, "reason": "level: …"}]}}
//
// with `faults` only where single rows are at fault. Codes are stable; messages are for people:
//
//   400 invalid_argument       409 already_exists, failed_precondition   421 misdirected
//   401 unauthorized           411 length_required                       422 rejected (faults)
//   403 forbidden              413 too_large                             500 internal
//   404 not_found              415 unsupported_media_type                503 unavailable, busy
//   405 method_not_allowed                                               504 deadline_exceeded
//
// A request that is no HTTP at all, or whose header is too large, is answered by the HTTP library
// itself, in HTML. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_REPLY_H_
#define SLUICE_ENGINE_ADMIN_REPLY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/admin/http_message.h"
#include "nlohmann/json_fwd.hpp"
#include "policy/table.h"

namespace sluice::admin {

Response JsonReply(const nlohmann::ordered_json& document, int http_status = 200);

// For errors that are HTTP's own.
Response ErrorReply(int http_status, absl::string_view code, absl::string_view message);
// `status` is not OK.
Response ErrorReply(const absl::Status& status);
// `faults` is not empty.
Response FaultsReply(absl::string_view message, const std::vector<policy::Fault>& faults);

// "2026-03-01T12:00:00.123Z"; the form of every time in the API.
std::string TimeText(absl::Time time);
// Whole days until then, rounded down; negative when it is past.
int64_t DaysLeft(absl::Time until, absl::Time now);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_REPLY_H_
