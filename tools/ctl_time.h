// Points in time as an administrator types them. Thread-safe.
#ifndef SLUICE_TOOLS_CTL_TIME_H_
#define SLUICE_TOOLS_CTL_TIME_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sluice::ctl {

// "2h", "7d", "1h30m": so long before `now`. "2026-03-01T12:00:00Z" (RFC 3339), "2026-03-01" (its
// begin, in UTC). InvalidArgument says what is accepted.
absl::StatusOr<absl::Time> ParseWhen(absl::string_view text, absl::Time now);
// The same, but a span is one after `now`.
absl::StatusOr<absl::Time> ParseUntil(absl::string_view text, absl::Time now);

}  // namespace sluice::ctl

#endif  // SLUICE_TOOLS_CTL_TIME_H_
