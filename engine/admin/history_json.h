// One entry of the history as a JSON object: history_api.h has its members. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_HISTORY_JSON_H_
#define SLUICE_ENGINE_ADMIN_HISTORY_JSON_H_

#include "absl/time/time.h"
#include "engine/admin/history_text.h"
#include "nlohmann/json_fwd.hpp"
#include "queue/history.h"

namespace sluice::admin {

// `wall_ahead` is added to the queue's own time (queue/spool.h).
nlohmann::ordered_json HistoryToJson(const queue::HistoryEntry& entry, absl::Duration wall_ahead,
                                     Language language);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_HISTORY_JSON_H_
