// The queue, over HTTP.
//
//   GET    /v1/queue?domain=&message=&sender=&recipient=&state=&limit=&cursor=
//                                  {"messages": […], "totals", "next"}: a page, oldest first; `state`
//                                  is waiting, active (being sent, or next in line for its server),
//                                  held, or parked (for its domain, whose TLS fails, until
//                                  next_probe_at)
//   GET    /v1/queue:summary?domain=&limit=
//                                  {"ages_minutes", "all", "destinations": […]}: by age and reason
//   GET    /v1/queue/{id}          {"message_id", "parts": […]}: one for each destination
//   DELETE /v1/queue/{id}?domain=&reason=          {"deleted"}; the sender is not told
//   POST   /v1/queue:retry         {"message", "domain", "all"}            {"woken"}
//   POST   /v1/queue:hold          {"message", "domain", "all", "reason"}  {"held"}
//   POST   /v1/queue:release       {"message", "domain", "all"}            {"released"}
//   POST   /v1/queue:delete        {"message", "domain", "all", "reason"}  {"deleted"}
//   POST   /v1/queue:bounce        {"message", "domain", "all", "reason"}  {"bounced"}
//
// An order is about a message, a domain, a message's part that goes to a domain, or (true) all mail.
// What is being sent is left alone by all of these; where it is named by itself, that is an error.
// What works on many messages may take minutes: at the time limit the answer is deadline_exceeded,
// and the gateway goes on (bounce: stops).
//
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
  absl::StatusOr<Response> Summarize(const Request& request);
  absl::StatusOr<Response> Show(const Request& request);
  absl::StatusOr<Response> DeleteOne(const Request& request);
  absl::StatusOr<Response> Retry(const Request& request);
  absl::StatusOr<Response> Hold(const Request& request);
  absl::StatusOr<Response> Release(const Request& request);
  absl::StatusOr<Response> Delete(const Request& request);
  absl::StatusOr<Response> Bounce(const Request& request);

  relay::Control& control_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_QUEUE_API_H_
