#include "engine/admin/policy_editor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "policy/entry_field.h"

namespace sluice::admin {

absl::StatusOr<relay::PolicyResult> PolicyEditor::Edit(const Request& request,
                                                       relay::DryRun dry_run, Work work) {
  const absl::MutexLock lock(&mutex_);
  policy::Transaction transaction;
  transaction.author = {clock_.WallNow(), request.by};
  SLUICE_RETURN_IF_ERROR(work(*control_.PolicyList(), transaction));
  return control_.ApplyPolicy(std::move(transaction), dry_run, request.deadline);
}

std::string DifferenceLine(const policy::Written& written) {
  const std::string difference = policy::Diff(written.before.get(), written.after.get());
  // An addition or a removal names its pattern, a change does not.
  return written.before != nullptr && written.after != nullptr
             ? absl::StrCat(written.after->pattern.text(), ": ", difference)
             : difference;
}

}  // namespace sluice::admin
