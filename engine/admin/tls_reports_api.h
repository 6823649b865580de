// TLS reports to other domains (RFC 8460), over HTTP: what is counted and not reported yet.
//
//   GET  /v1/tlsrpt?limit=           {"total", "reports": [{"domain", "day", "begin", "successes",
//                                     "failures", "next_try", "attempts", "last_error"}]}, those
//                                     with most failures first
//   GET  /v1/tlsrpt/{domain}?day=    the report as it would be sent now (RFC 8460 §4.4)
//   POST /v1/tlsrpt:send  {"domain", "day"}    {"to", "report_id", "message_id"}: sent
//
// Without a day, it is the last one that something was counted on. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_TLS_REPORTS_API_H_
#define SLUICE_ENGINE_ADMIN_TLS_REPORTS_API_H_

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/relay/control.h"

namespace sluice::admin {

class TlsReportsApi {
 public:
  explicit TlsReportsApi(relay::Control& control) : control_(control) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> List(const Request& request);
  absl::StatusOr<Response> Show(const Request& request);
  absl::StatusOr<Response> Send(const Request& request);

  relay::Control& control_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_TLS_REPORTS_API_H_
