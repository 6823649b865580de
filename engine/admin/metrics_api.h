// How the daemon does, for Prometheus.
//
//   GET /metrics     text format 0.0.4
//
// What a core counts or times has the label `core`; over all of them is sum() in PromQL, and of
// times histogram_quantile(0.99, sum by (le) (rate(sluice_queue_latency_seconds_bucket[5m]))).
// Labels have values from lists of ours, or from the gateway's own certificates: nothing that a
// peer says becomes one.
//
// A scrape reads what the cores write (engine/base/counter.h) and asks none of them. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_METRICS_API_H_
#define SLUICE_ENGINE_ADMIN_METRICS_API_H_

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/base/clock.h"
#include "engine/relay/control.h"

namespace sluice::admin {

class MetricsApi {
 public:
  MetricsApi(relay::Control& control, const Clock& clock) : control_(control), clock_(clock) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> Show(const Request& request);

  relay::Control& control_;
  const Clock& clock_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_METRICS_API_H_
