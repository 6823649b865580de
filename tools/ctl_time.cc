#include "tools/ctl_time.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

// abseil's durations, with days in front: "7d", "1d12h".
bool ParseSpan(absl::string_view text, absl::Duration* span) {
  *span = absl::ZeroDuration();
  const size_t end_of_days = text.find('d');
  if (end_of_days != absl::string_view::npos) {
    int32_t days = 0;
    if (!absl::SimpleAtoi(text.substr(0, end_of_days), &days)) return false;
    *span = absl::Hours(24) * days;
    text.remove_prefix(end_of_days + 1);
    if (text.empty()) return *span >= absl::ZeroDuration();
  }
  absl::Duration rest;
  if (!absl::ParseDuration(text, &rest)) return false;
  *span += rest;
  return *span >= absl::ZeroDuration() && *span < absl::InfiniteDuration();
}

// A time, or a span in one direction from `now`.
absl::StatusOr<absl::Time> Parse(absl::string_view text, absl::Time now, int direction,
                                 absl::string_view span_means) {
  absl::Time time;
  absl::Duration span;
  const bool begins_with_digit =
      !text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text.front()));
  if (begins_with_digit) {
    if (ParseSpan(text, &span)) return now + direction * span;
    if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return time;
    if (absl::ParseTime("%Y-%m-%d", text, &time, nullptr)) return time;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", Printable(text), "' is no time; give ", span_means,
                   " (2h, 7d, 1h30m), or a time such as 2026-03-01T12:00:00Z or 2026-03-01"));
}

}  // namespace

absl::StatusOr<absl::Time> ParseWhen(absl::string_view text, absl::Time now) {
  return Parse(text, now, -1, "how long ago");
}

absl::StatusOr<absl::Time> ParseUntil(absl::string_view text, absl::Time now) {
  return Parse(text, now, +1, "for how long");
}

}  // namespace sluice::ctl
