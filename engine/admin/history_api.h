// What became of messages, over HTTP.
//
//   GET /v1/history?domain=&message=&sender=&recipient=&outcome=&stage=&reason=&monitored=
//                  &since=&until=&order=newest|oldest&limit=&cursor=&lang=en|de
//       {"entries": [{"cursor", "at", "outcome", "heading", "tls_failed", "message_id",
//        "direction", "sender", "recipients", "domain", "entry", "entry_generation", "decided_by",
//        "attempt", "next_try_at", "deadline_at", "mx", "address", "source_address", "stage",
//        "stage_text", "reason", "reason_text", "detail", "tls_version", "cipher", "certificate",
//        "monitored", "chain"}],
//        "labels": {"sender": "From", …}, "next"}
//   GET /v1/domains:report?domain=&since=&until=&limit=
//       {"messages", "domains_total", "domains": [{"domain", "direction", "entry", "messages",
//        "by_reason", "last_at", "last_detail"}]}: what entries in monitor mode would have had
//        deferred or refused (monitor_report.h)
//   GET /v1/history:export?since=&until=     JSON lines (history_export.h), the oldest first
//   GET /v1/history:verify                   {"intact", "entries", "unsealed", "faults", "chain"}:
//                                            whether the chain of hashes holds in the store
//
// Members that an entry has nothing for are left out. "heading", the two "_text" and "labels" are
// in the language asked for. A page may be short, even empty, and yet have a "next". To follow: ask
// with order=oldest and the cursor "next" again and again; there it is always set. Times are RFC
// 3339; `until` is exclusive. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_HISTORY_API_H_
#define SLUICE_ENGINE_ADMIN_HISTORY_API_H_

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/base/clock.h"
#include "engine/relay/control.h"

namespace sluice::admin {

class HistoryApi {
 public:
  HistoryApi(relay::Control& control, const Clock& clock) : control_(control), clock_(clock) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> List(const Request& request);
  absl::StatusOr<Response> Export(const Request& request);
  absl::StatusOr<Response> Verify(const Request& request);

  absl::StatusOr<Response> Report(const Request& request);

  relay::Control& control_;
  const Clock& clock_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_HISTORY_API_H_
