#include "queue/spool_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/envelope_codec.h"
#include "queue/key_codec.h"
#include "queue/queue_list.h"
#include "queue/queue_summary.h"
#include "queue/row_scan.h"

namespace sluice::queue {
SpoolState::SpoolState(const SpoolOptions& options, std::unique_ptr<Database> database)
    : clock_(*options.clock),
      store_(*options.store),
      readers_(options.readers == nullptr ? *options.store : *options.readers),
      lease_(options.lease),
      database_(std::move(database)),
      commits_(*database_, clock_, options.max_pending_bytes,
               [this] { store_.Post([self = shared_from_this()] { self->commits_.Run(); }); }),
      due_(Table::kDue, lease_ / 2),
      expiry_(Table::kExpiry, lease_ / 2) {
  database_->OnReopened(
      [this](std::shared_ptr<const Tables> tables) { return Reload(std::move(tables)); });
  commits_.OnWritten([this](const Batch& batch) { parked_.Apply(batch); });
}

absl::Status SpoolState::Load() {
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<const Tables> tables, database_->Read());
  SLUICE_RETURN_IF_ERROR(history_.Load(tables));
  SLUICE_RETURN_IF_ERROR(parked_.Rebuild(tables));
  return totals_.Rebuild(tables);
}

// A write that was reported as failed may have been found on the disk, so rows can be newer than
// what is known of them. (That none can be older is the promise of the log.)
absl::Status SpoolState::Reload(std::shared_ptr<const Tables> tables) {
  due_.Reset();
  expiry_.Reset();
  next_due_nanos_.store(0);
  for (const std::string& item : in_flight_.Items()) {
    SLUICE_ASSIGN_OR_RETURN(const std::optional<std::string> row,
                            tables->Get(Table::kEnvelope, item));
    const absl::StatusOr<Envelope> envelope =
        row.has_value() ? DecodeEnvelope(item, *row) : absl::NotFoundError("");
    if (envelope.ok()) {
      in_flight_.Set(item, FactsOf(*envelope));
    } else {
      in_flight_.Remove(item);
    }
  }
  return Load();
}

absl::StatusOr<QueuePage> SpoolState::List(const QueueQuery& query) const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, database_->Read());
  return ListQueue(std::move(tables), in_flight_, query);
}

absl::StatusOr<io::Body> SpoolState::ReadBeginning(const MessageId& id,
                                                   size_t least_bytes) const {
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<const Tables> tables, database_->Read());
  return queue::ReadBeginning(*tables, id, least_bytes);
}

absl::StatusOr<QueueTotals> SpoolState::Count(size_t most_destinations) const {
  QueueTotals totals = totals_.Get(most_destinations);
  totals.in_flight = in_flight_.size();
  totals.parked = parked_.all();
  absl::StatusOr<std::shared_ptr<const Tables>> tables = database_->Read();
  if (!tables.ok()) return totals;
  const absl::StatusOr<std::optional<absl::Time>> oldest = OldestMessage(*std::move(tables));
  if (oldest.ok()) totals.oldest_accepted_at = *oldest;
  return totals;
}

absl::StatusOr<QueueSummary> SpoolState::Summarize(absl::string_view destination,
                                                   size_t most) const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, database_->Read());
  return SummarizeQueue(std::move(tables), clock_.WallNow(), destination, most);
}

void SpoolState::AppendHistory(HistoryEntry entry, Done<absl::Status> done) {
  commits_.Push({.bytes = 512,
                 .prepare =
                     [this, entry = std::move(entry)](Batch& batch) mutable {
                       history_.Append(batch, clock_.WallNow(), std::move(entry));
                       return absl::OkStatus();
                     },
                 .complete = std::move(done)});
}

absl::StatusOr<HistoryPage> SpoolState::QueryHistory(const HistoryQuery& query) const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, database_->Read());
  return ReadHistory(std::move(tables), query);
}

absl::StatusOr<HistoryRows> SpoolState::ReadHistoryRows(const HistoryRowQuery& query) const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, database_->Read());
  return queue::ReadHistoryRows(std::move(tables), query);
}

// One mark for all that goes, not one for each row; and files that hold nothing else are given back
// as they are. So however much is forgotten, no write waits for it.
void SpoolState::TrimHistory(absl::Time before, uint64_t most_bytes, Done<absl::Status> done) {
  auto end = std::make_shared<absl::Time>(before);
  commits_.Push({.bytes = 64,
                 .may_exceed = true,
                 .prepare = [end, most_bytes](Batch& batch) -> absl::Status {
                   SLUICE_ASSIGN_OR_RETURN(const absl::Time by_size,
                                           HistoryTimeOfSize(batch.tables(), most_bytes));
                   *end = std::max(*end, by_size);
                   return queue::TrimHistory(batch, *end);
                 },
                 .complete =
                     [this, end, done = std::move(done)](absl::Status written) mutable {
                       const absl::StatusOr<std::shared_ptr<const Tables>> tables =
                           database_->Read();
                       if (written.ok() && tables.ok()) {
                         written = (*tables)->DropFilesInFrontOf(
                             Table::kHistory, HistoryKey({.nanos = KeyNanos(*end)}));
                       }
                       std::move(done)(std::move(written));
                     }});
}

void SpoolState::TellHistoryHead() {
  store_.Post([self = shared_from_this()] {
    const HistoryLog::Head& head = self->history_.head();
    log::Info("history_head", {{"sequence", head.position.sequence},
                               {"chain", absl::BytesToHexString(head.chain)}});
  });
}

void SpoolState::WritePolicy(PolicyUpdate update, Done<absl::Status> done) {
  absl::Status valid = CheckPolicyUpdate(update);
  if (!valid.ok()) {
    std::move(done)(std::move(valid));
    return;
  }
  // However long the list is: its bounds are its owner's.
  commits_.Push({.bytes = BytesOf(update),
                 .durable = true,
                 .alone = true,
                 .may_exceed = true,
                 .prepare = [update = std::move(update)](
                                Batch& batch) { return PutPolicy(batch, update); },
                 .complete = std::move(done)});
}

void SpoolState::WriteSide(Table table, std::vector<SideWrite> writes, Done<absl::Status> done) {
  absl::Status valid = CheckSideWrites(writes);
  if (!valid.ok()) {
    std::move(done)(std::move(valid));
    return;
  }
  commits_.Push({.bytes = BytesOf(writes),
                 .prepare =
                     [table, writes = std::move(writes)](Batch& batch) {
                       PutSide(batch, table, writes);
                       return absl::OkStatus();
                     },
                 .complete = std::move(done)});
}

void SpoolState::Close(Done<absl::Status> done) {
  commits_.Close({.durable = true,
                  .prepare =
                      [this](Batch& batch) {
                        PutTime(batch);
                        return absl::OkStatus();
                      },
                  .complete =
                      [this, done = std::move(done)](absl::Status ready) mutable {
                        if (absl::IsCancelled(ready)) {  // it has been closed before
                          std::move(done)(std::move(ready));
                          return;
                        }
                        const absl::Status closed = database_->Close();
                        std::move(done)(ready.ok() ? closed : std::move(ready));
                      }});
}

}  // namespace sluice::queue
