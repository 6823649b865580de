// The queue, over HTTP.
//
//   GET    /v1/queue?domain=&message=&sender=&recipient=&state=active|waiting&limit=&cursor=
//              {"messages": [{"message_id", "destination", "state", "sender", "recipients":
//              [{"address", "state": "pending"|"delivered"|"failed", "last_reply"}],
//              "size_bytes", "attempts", "accepted_at", "next_try_at", "deadline_at",
//              "received_from": {"client_address", "helo", "tls_version", "cipher"},
//              "last_failure": {"at", "tls", "stage", "reason", "mx", "address", "text"}}],
//              "totals": {"messages", "active", "body_bytes", "oldest_accepted_at"}, "next"}
//   GET    /v1/queue/{id}              {"message_id", "parts": [as above, one a destination]}
//   DELETE /v1/queue/{id}?domain=&reason=         {"deleted"}   the sender is not told
//   POST   /v1/queue:retry             {"message": "ID"} or {"domain": "…"} or {"all": true}
//                                      {"woken"}
//
// A message for several destinations counts, and stands in lists, once for each. "next" is the
// cursor of the next page; empty on the last. A page may be short, even empty, and yet have a next.
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_QUEUE_API_H_
#define SLUICE_ENGINE_ADMIN_QUEUE_API_H_

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/relay/control.h"

namespace sluice::admin {

class QueueApi {
 public:
  explicit QueueApi(relay::Control& control) : control_(control) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> List(const Request& request);
  absl::StatusOr<Response> Show(const Request& request);
  absl::StatusOr<Response> Retry(const Request& request);
  absl::StatusOr<Response> Delete(const Request& request);

  relay::Control& control_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_QUEUE_API_H_
