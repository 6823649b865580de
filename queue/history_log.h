// The table `history`: written in the order in which things happened, read from either end.
//
// The key of an entry is its time and its sequence. Neither ever goes back, even when the clock is
// set back: so whoever follows the log from a cursor misses nothing. Nor is the time of an entry in
// front of its message's: so whoever asks for a message need not look at what is older.
//
// HistoryLog: the store thread's. The functions: any thread.
#ifndef SLUICE_QUEUE_HISTORY_LOG_H_
#define SLUICE_QUEUE_HISTORY_LOG_H_

#include <cstdint>
#include <memory>
#include <string>

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

  // Sets time, sequence and chain of `entry`. Where a batch is not written in the end, the entries of
  // the next one go on from what was there before.
  void Append(Batch& batch, absl::Time now, HistoryEntry entry);

  struct Head {
    HistoryPosition position;
    std::string chain;
  };
  // Of the last entry that is written, or on its way to be.
  const Head& head() const { return last_; }

 private:
  Head last_;
  Head before_batch_;              // as it was when `batch_` was begun
  std::shared_ptr<bool> written_;  // of the batch that was appended to last; null: of none
};

absl::StatusOr<HistoryPage> ReadHistory(std::shared_ptr<const Tables> tables,
                                        const HistoryQuery& query);

absl::StatusOr<HistoryRows> ReadHistoryRows(std::shared_ptr<const Tables> tables,
                                            const HistoryRowQuery& query);

// Erases all entries from before `before`, and keeps the chain behind them.
absl::Status TrimHistory(Batch& batch, absl::Time before);

// The time before which entries have to go for the table to have `most_bytes` at most on the disk,
// roughly; InfinitePast when it has no more.
absl::StatusOr<absl::Time> HistoryTimeOfSize(const std::shared_ptr<const Tables>& tables,
                                             uint64_t most_bytes);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_HISTORY_LOG_H_
