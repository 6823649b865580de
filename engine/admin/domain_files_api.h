// The enforced-TLS list as a file, over HTTP; policy/import_export.h has the formats.
//
//   POST /v1/domains:import?replace=&dry_run=     text/csv or application/json
//            {"dry_run", "added", "changed", "removed", "differences": ["…"], "left_off",
//             "generation"}
//   GET  /v1/domains:export?format=csv|json
//
// An import is applied as a whole or, when any row is at fault, not at all. With `replace` entries
// that the file does not name are removed; with `dry_run` nothing is changed and the answer says
// what would be. An export is the list at one moment, written as the client reads it.
//
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_DOMAIN_FILES_API_H_
#define SLUICE_ENGINE_ADMIN_DOMAIN_FILES_API_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/policy_editor.h"
#include "engine/admin/router.h"
#include "engine/relay/control.h"

namespace sluice::admin {

// A million entries are 60 MB of CSV.
inline constexpr size_t kMaxImportBytes = size_t{64} << 20;
// Lines of an import's difference that are told; the rest is counted in "left_off".
inline constexpr size_t kMaxDifferences = 10000;

class DomainFilesApi {
 public:
  DomainFilesApi(relay::Control& control, PolicyEditor& editor)
      : control_(control), editor_(editor) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> Import(const Request& request);
  absl::StatusOr<Response> Export(const Request& request);

  relay::Control& control_;
  PolicyEditor& editor_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_DOMAIN_FILES_API_H_
