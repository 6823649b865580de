// How the daemon does, over HTTP.
//
//   GET /v1/status     {"version", "hostname", "started_at", "uptime_seconds", "draining",
//                       "listeners": […], "policy": {"entries", "generation",
//                       "default_tls_level"}, "queue": {"messages", "active", "body_bytes",
//                       "oldest_accepted_at"}, "total": {…}, "cores": [{"core", …}]}
//
// "total" sums up what stands under each of "cores": the members of relay::CoreStatus by their
// names. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_STATUS_API_H_
#define SLUICE_ENGINE_ADMIN_STATUS_API_H_

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/base/clock.h"
#include "engine/relay/control.h"
#include "nlohmann/json_fwd.hpp"

namespace sluice::admin {

class StatusApi {
 public:
  StatusApi(relay::Control& control, const Clock& clock) : control_(control), clock_(clock) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> Show(const Request& request);

  relay::Control& control_;
  const Clock& clock_;
};

nlohmann::ordered_json QueueTotalsToJson(const queue::QueueTotals& totals);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_STATUS_API_H_
