#include "queue/retry_timetable.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"
#include "engine/base/planted_bug.h"

namespace sluice::queue {
namespace {

constexpr size_t kMostWaits = 64;
constexpr absl::Duration kShortest = absl::Seconds(1);
constexpr absl::Duration kLongest = absl::Hours(7 * 24);

}  // namespace

absl::StatusOr<RetryTimetable> RetryTimetable::Parse(absl::string_view schedule) {
  std::vector<absl::Duration> waits;
  for (absl::string_view text : absl::StrSplit(schedule, ',')) {
    absl::Duration wait;
    if (!absl::ParseDuration(absl::StripAsciiWhitespace(text), &wait) || wait < kShortest ||
        wait > kLongest) {
      return absl::InvalidArgumentError(
          absl::StrCat("--retry_schedule: '", absl::CHexEscape(text.substr(0, 40)),
                       "' is no wait of 1s to 168h; a schedule looks like 5m,10m,1h30m"));
    }
    waits.push_back(wait);
    if (waits.size() > kMostWaits) {
      return absl::InvalidArgumentError(absl::StrCat("--retry_schedule: more than ", kMostWaits,
                                                     " waits; the last one is repeated by itself"));
    }
  }
  return RetryTimetable(std::move(waits));
}

absl::Time RetryTimetable::NextAttempt(int attempts_before, absl::Time now, absl::Time deadline,
                                       Random& random) const {
  SLUICE_CHECK(attempts_before >= 0);
  const size_t step = SLUICE_PLANTED_BUG(RetriedTooOften)
                          ? 0
                          : std::min(static_cast<size_t>(attempts_before), waits_.size() - 1);
  const double factor = 1 - kJitter + 2 * kJitter * random.Unit();
  return std::min(now + waits_[step] * factor, deadline);
}

}  // namespace sluice::queue
