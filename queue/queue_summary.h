// The queue at a glance: how much waits for whom, for how long, and why.
//
// Reads the rows of `due` and nothing else: some 60 bytes for each item. Memory is bounded: a
// destination that comes when kMostDestinations are being told apart is counted in the sums alone.
// Any thread but a core's: it may wait for the disk.
#ifndef SLUICE_QUEUE_QUEUE_SUMMARY_H_
#define SLUICE_QUEUE_QUEUE_SUMMARY_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "queue/database.h"
#include "queue/queue_view.h"

namespace sluice::queue {

inline constexpr size_t kMostSummaryDestinations = 100'000;

// `destination`: of that one alone; empty: of all. `most`: how many of the largest are given.
absl::StatusOr<QueueSummary> SummarizeQueue(std::shared_ptr<const Tables> tables, absl::Time now,
                                            absl::string_view destination, size_t most);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_QUEUE_SUMMARY_H_
