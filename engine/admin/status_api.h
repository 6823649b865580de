// How the daemon does, over HTTP.
//
//   GET /v1/status     {"version", "hostname", "started_at", "uptime_seconds",
//                       "wall_clock_ahead_seconds", "draining", "listeners": […],
//                       "policy": {"entries", "generation", "default_tls_level"},
//                       "queue": {"messages", "active", "body_bytes", "oldest_accepted_at"},
//                       "total": {…}, "cores": [{"core", …}]}
//
// "total" sums up what stands under each of "cores": the members of relay::CoreStatus by their
// names. "wall_clock_ahead_seconds" is by how much the machine's clock was set forward (back: less
// than zero) since mail that waits was accepted; the waits are what they were. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_STATUS_API_H_
#define SLUICE_ENGINE_ADMIN_STATUS_API_H_

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "absl/time/time.h"
#include "engine/relay/control.h"
#include "nlohmann/json_fwd.hpp"

namespace sluice::admin {

class StatusApi {
 public:
  explicit StatusApi(relay::Control& control) : control_(control) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> Show(const Request& request);

  relay::Control& control_;
};

nlohmann::ordered_json QueueTotalsToJson(const queue::QueueTotals& totals,
                                         absl::Duration wall_ahead);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_STATUS_API_H_
