#include <cerrno>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"
#include "tools/ctl_time.h"

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

absl::StatusOr<Query> TimesOf(const Invocation& invocation, absl::Time now) {
  Query query;
  for (const char* const name : {"since", "until"}) {
    if (!invocation.Has(name)) continue;
    const absl::StatusOr<absl::Time> time = ParseWhen(invocation.Get(name), now);
    if (!time.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--", name, ": ", time.status().message()));
    }
    query.emplace_back(name, absl::FormatTime(absl::RFC3339_full, *time, absl::UTCTimeZone()));
  }
  return query;
}

}  // namespace sluice::ctl
