// Changes the enforced-TLS list on a request's behalf: reads it, works out the changes from what
// was read, and applies them, one request at a time, so that two that come together do not undo
// each other.
//
//   absl::StatusOr<relay::PolicyResult> result = editor.Edit(
//       request, relay::DryRun::kNo,
//       [&](const policy::Snapshot& list, policy::Transaction& transaction) -> absl::Status {
//         if (list.Find(pattern) == nullptr) return NotOnList(pattern);
//         transaction.changes.push_back(…);
//         return absl::OkStatus();
//       });
//
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_POLICY_EDITOR_H_
#define SLUICE_ENGINE_ADMIN_POLICY_EDITOR_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "engine/admin/http_message.h"
#include "engine/base/clock.h"
#include "engine/relay/control.h"

namespace sluice::admin {

class PolicyEditor {
 public:
  using Work = absl::FunctionRef<absl::Status(const policy::Snapshot&, policy::Transaction&)>;

  PolicyEditor(relay::Control& control, const Clock& clock) : control_(control), clock_(clock) {}

  // `work` fills in the transaction, whose author is set; its error ends the edit.
  absl::StatusOr<relay::PolicyResult> Edit(const Request& request, relay::DryRun dry_run,
                                           Work work);

 private:
  relay::Control& control_;
  const Clock& clock_;
  absl::Mutex mutex_;
};

// "example.com: level: encrypt -> verify", "added: pattern: …": one line for people.
std::string DifferenceLine(const policy::Written& written);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_POLICY_EDITOR_H_
