// The enforced-TLS list, over HTTP.
//
//   GET    /v1/domains?text=&pattern=&direction=&mode=&level=&ping=&offset=&limit=
//                                      {"entries": […], "total", "offset", "limit", "generation"};
//                                      `text` is part of a pattern or note, `pattern` a glob
//                                      (*.example.*), `ping` never|valid|partial|invalid|warned
//   POST   /v1/domains?ping=           an entry             201 {"difference", "generation",
//                                                           "warnings", "ping", "entry"}
//   GET    /v1/domains/{pattern}       an entry
//   PATCH  /v1/domains/{pattern}?ping=  the fields to change  as POST has it, 200
//   DELETE /v1/domains/{pattern}       {"differences", "generation"}
//   POST   /v1/domains:remove          {"patterns": ["…"]}     the same, all or none
//   GET    /v1/domains:changes?pattern=&by=&since=&until=&limit=&cursor=
//                                      {"changes": [{"generation", "at", "by", "change":
//                                      "added"|"changed"|"removed", "pattern", "difference",
//                                      "before", "after"}], "next"}, the newest first
//
// What is saved is pinged at once (ping_json.h), unless with ping=false: "ping" says how that went,
// or {"skipped": why}. The entry is saved however it went.
//
// An entry is an object of the fields of policy/entry_field.h, match_names, fingerprints and
// source_addresses being arrays; answers also have "created", "changed", "generation", "last_ping"
// and, where it differs, "pattern_unicode", which requests may have too and which are passed over
// there. A "difference" is one line for people, empty when nothing differs.
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
#include "nlohmann/json_fwd.hpp"

namespace sluice::admin {

class DomainsApi {
 public:
  DomainsApi(relay::Control& control, PolicyEditor& editor, const Clock& clock)
      : control_(control), editor_(editor), clock_(clock) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> List(const Request& request);
  absl::StatusOr<Response> Show(const Request& request);
  absl::StatusOr<Response> Add(const Request& request);
  absl::StatusOr<Response> Set(const Request& request);
  absl::StatusOr<Response> RemoveOne(const Request& request);
  absl::StatusOr<Response> RemoveSeveral(const Request& request);
  absl::StatusOr<Response> Remove(const Request& request, const std::vector<std::string>& patterns);

  absl::StatusOr<Response> Changes(const Request& request);
  absl::StatusOr<Response> Changed(const Request& request, const relay::PolicyResult& result,
                                   const policy::Pattern& pattern, bool ping, int http_status);
  nlohmann::ordered_json PingSaved(const policy::Entry& entry, const Request& request);

  relay::Control& control_;
  PolicyEditor& editor_;
  const Clock& clock_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_DOMAINS_API_H_
