// The enforced-TLS list, over HTTP.
//
//   GET    /v1/domains?text=&direction=&mode=&level=&offset=&limit=
//                                      {"entries": […], "total", "offset", "limit", "generation"}
//   POST   /v1/domains                 an entry            201 {"difference", "generation",
//   "entry"} GET    /v1/domains/{pattern}       an entry PATCH  /v1/domains/{pattern}       the
//   fields to change    {"difference", "generation", "entry"} DELETE /v1/domains/{pattern}
//   {"differences", "generation"} POST   /v1/domains:remove          {"patterns": ["…"]}     the
//   same, all or none
//
// An entry is an object of the fields of policy/entry_field.h, match_names and fingerprints being
// arrays; answers also have "created", "changed", "generation" and "last_ping", which requests may
// have too and which are passed over there. A "difference" is one line for people, empty when
// nothing differs.
//
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_DOMAINS_API_H_
#define SLUICE_ENGINE_ADMIN_DOMAINS_API_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/policy_editor.h"
#include "engine/admin/router.h"
#include "engine/relay/control.h"

namespace sluice::admin {

class DomainsApi {
 public:
  DomainsApi(relay::Control& control, PolicyEditor& editor) : control_(control), editor_(editor) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> List(const Request& request);
  absl::StatusOr<Response> Show(const Request& request);
  absl::StatusOr<Response> Add(const Request& request);
  absl::StatusOr<Response> Set(const Request& request);
  absl::StatusOr<Response> RemoveOne(const Request& request);
  absl::StatusOr<Response> RemoveSeveral(const Request& request);
  absl::StatusOr<Response> Remove(const Request& request, const std::vector<std::string>& patterns);

  relay::Control& control_;
  PolicyEditor& editor_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_DOMAINS_API_H_
