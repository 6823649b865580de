// The table `history`: written in the order in which things happened, read from either end.
//
// The key of an entry is its time and its sequence. Neither ever goes back, even when the clock is
// set back: so whoever follows the log from a cursor misses nothing. Nor is the time of an entry in
// front of its message's: so whoever asks for a message need not look at what is older.
//
// Load and Append: the store thread. The functions: any thread.
#ifndef SLUICE_QUEUE_HISTORY_LOG_H_
#define SLUICE_QUEUE_HISTORY_LOG_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "queue/batch.h"
#include "queue/database.h"
#include "queue/history.h"
#include "queue/key_codec.h"

namespace sluice::queue {

class HistoryLog {
 public:
  // Goes on behind the last entry there is.
  absl::Status Load(std::shared_ptr<const Tables> tables);

  // Sets time and sequence of `entry`.
  void Append(Batch& batch, absl::Time now, HistoryEntry entry);

 private:
  HistoryPosition last_;
};

absl::StatusOr<HistoryPage> ReadHistory(std::shared_ptr<const Tables> tables,
                                        const HistoryQuery& query);

// Erases all entries from before `before`.
void TrimHistory(Batch& batch, absl::Time before);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_HISTORY_LOG_H_
