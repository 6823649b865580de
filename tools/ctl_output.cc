#include <cerrno>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {

void Print(absl::string_view text) { fwrite(text.data(), 1, text.size(), stdout); }

// Escaped to ASCII: JSON for programs stays JSON, and a terminal is safe from it all the same.
void PrintJson(const Json& answer) {
  Print(answer.dump(2, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace));
  Print("\n");
}

void PrintJsonLine(const Json& answer) {
  Print(answer.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace));
  Print("\n");
}

absl::Status Flush() {
  if (fflush(stdout) == 0 && ferror(stdout) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError("standard output cannot be written to");
}

absl::StatusOr<size_t> LimitOf(const Invocation& invocation, size_t default_value) {
  if (!invocation.Has("limit")) return default_value;
  uint32_t limit = 0;
  if (!absl::SimpleAtoi(invocation.Get("limit"), &limit) || limit == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--limit: must be a number from 1 on, not '",
                                                   Printable(invocation.Get("limit")), "'"));
  }
  return limit;
}

}  // namespace sluice::ctl
