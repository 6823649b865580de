// When a message that could not be sent is tried again.
//
//   SLUICE_ASSIGN_OR_RETURN(RetryTimetable timetable, RetryTimetable::Parse("5m,10m,20m,3h"));
//   absl::Time next = timetable.NextAttempt(envelope.attempts, now, envelope.deadline, random);
//   if (next == envelope.deadline) …       // there is no further attempt: the message expires then
//
// The waits are counted from the end of the attempt that failed; the last one is repeated. Each is
// varied by up to 15 % in both directions, so that what failed together is not tried together.
// Immutable and thread-safe.
#ifndef SLUICE_QUEUE_RETRY_TIMETABLE_H_
#define SLUICE_QUEUE_RETRY_TIMETABLE_H_

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/random.h"

namespace sluice::queue {

class RetryTimetable {
 public:
  static constexpr double kJitter = 0.15;

  // --retry_schedule: 1 to 64 waits of 1 s to 7 days, comma-separated ("5m,10m,1h30m").
  // InvalidArgument names the wait that cannot be used.
  static absl::StatusOr<RetryTimetable> Parse(absl::string_view schedule);

  // When to try again after `attempts_before` + 1 attempts, of which the last ended at `now`.
  // Never after `deadline`: then it is `deadline` itself.
  absl::Time NextAttempt(int attempts_before, absl::Time now, absl::Time deadline,
                         Random& random) const;

  const std::vector<absl::Duration>& waits() const { return waits_; }

 private:
  explicit RetryTimetable(std::vector<absl::Duration> waits) : waits_(std::move(waits)) {}

  std::vector<absl::Duration> waits_;  // at least one
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_RETRY_TIMETABLE_H_
