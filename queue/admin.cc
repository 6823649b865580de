// What people do to the queue: try again now, remove.
//
// Both decide by reading, so each step is a group of its own, and steps are small: mail that is
// being accepted takes turns with them.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/envelope_codec.h"
#include "queue/item_rows.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"
#include "queue/spool_state.h"

namespace sluice::queue {
namespace {

// Of one step: items that are moved, rows that are looked at.
constexpr size_t kRetryStep = 256;
constexpr size_t kRetryScan = 10'000;

absl::Status NotQueued(const MessageId& id) {
  return absl::NotFoundError(absl::StrCat("no message ", id.ToString(), " is queued"));
}

}  // namespace

struct SpoolState::RetryJob {
  RetrySelection selection;
  Done<absl::StatusOr<uint64_t>> done;
  absl::Time now;
  std::string position;            // in `due`: where the next step begins; empty: there is none
  std::vector<std::string> moved;  // by this step
  uint64_t count = 0;
};

void SpoolState::RetryNow(RetrySelection selection, Done<absl::StatusOr<uint64_t>> done) {
  auto job = std::make_shared<RetryJob>();
  job->selection = std::move(selection);
  job->done = std::move(done);
  job->now = clock_.WallNow();
  job->position = TimeKey(job->now + absl::Nanoseconds(1));
  RetrySome(std::move(job));
}

void SpoolState::RetrySome(std::shared_ptr<RetryJob> job) {
  commits_.Push({.bytes = kRetryStep * 1024,
                 .alone = true,
                 .may_exceed = true,
                 .prepare = [this, job](Batch& batch) { return PrepareRetry(batch, *job); },
                 .complete =
                     [this, job](absl::Status written) {
                       if (!written.ok()) {
                         std::move(job->done)(std::move(written));
                         return;
                       }
                       for (const std::string& item : job->moved) LowerDue(job->now, item);
                       job->count += job->moved.size();
                       if (job->position.empty()) {
                         std::move(job->done)(job->count);
                       } else {
                         RetrySome(job);
                       }
                     }});
}

absl::Status SpoolState::PrepareRetry(Batch& batch, RetryJob& job) {
  job.moved.clear();
  const RetrySelection& selection = job.selection;
  const bool one_message = selection.message_id.has_value();
  RowRange range = {.table = Table::kDue, .from = std::exchange(job.position, "")};
  if (one_message) {
    range = {.table = Table::kEnvelope,
             .from = IdKey(*selection.message_id),
             .to = EndOfId(*selection.message_id)};
  }
  RowScan scan(batch.tables(), std::move(range));
  if (one_message && !scan.Valid()) {
    SLUICE_RETURN_IF_ERROR(scan.status());
    return NotQueued(*selection.message_id);
  }
  for (size_t scanned = 0; scan.Valid(); scan.Next(), ++scanned) {
    if (!one_message && (job.moved.size() == kRetryStep || scanned == kRetryScan)) {
      job.position = std::string(scan.key());
      return absl::OkStatus();
    }
    absl::string_view item = scan.key();
    if (!one_message) {
      const std::optional<TimedItem> row = ParseTimeKey(item);
      if (!row.has_value()) continue;
      item = row->item;
    }
    const std::optional<Item> parsed = ParseItemKey(item);
    if (!parsed.has_value()) continue;
    if (!selection.destination.empty() && parsed->destination != selection.destination) continue;
    SLUICE_RETURN_IF_ERROR(MakeDue(batch, job, item));
  }
  return scan.status();
}

absl::Status SpoolState::MakeDue(Batch& batch, RetryJob& job, absl::string_view item) {
  if (in_flight_.Contains(item)) return absl::OkStatus();
  const absl::StatusOr<std::optional<std::string>> row =
      batch.tables()->Get(Table::kEnvelope, item);
  if (row.ok() && !row->has_value()) return absl::OkStatus();  // a leftover
  absl::StatusOr<Envelope> envelope =
      row.ok() ? DecodeEnvelope(item, **row) : absl::StatusOr<Envelope>(row.status());
  if (absl::IsDataLoss(envelope.status())) {
    // What is damaged keeps nothing else from being tried.
    log::Error("envelope_damaged", {{"error", envelope.status().message()}});
    return absl::OkStatus();
  }
  if (!envelope.ok()) return envelope.status();
  if (envelope->next_due <= job.now) return absl::OkStatus();
  ItemFacts facts = FactsOf(*envelope);
  envelope->next_due = job.now;
  RewriteItem(batch, facts, *envelope);
  job.moved.emplace_back(item);
  return absl::OkStatus();
}

struct SpoolState::RemoveJob {
  Removal removal;
  Done<absl::StatusOr<uint64_t>> done;
  std::vector<Envelope> removed;
};

void SpoolState::Remove(Removal removal, Done<absl::StatusOr<uint64_t>> done) {
  auto job = std::make_shared<RemoveJob>(
      RemoveJob{.removal = std::move(removal), .done = std::move(done), .removed = {}});
  commits_.Push({.bytes = 4096,
                 .durable = true,
                 .alone = true,
                 .may_exceed = true,
                 .prepare = [this, job](Batch& batch) { return PrepareRemove(batch, *job); },
                 .complete =
                     [this, job](absl::Status written) {
                       if (!written.ok()) {
                         std::move(job->done)(std::move(written));
                         return;
                       }
                       for (const Envelope& envelope : job->removed) {
                         totals_.Subtract(envelope.destination, envelope.body_bytes);
                       }
                       std::move(job->done)(uint64_t{job->removed.size()});
                     }});
}

absl::Status SpoolState::PrepareRemove(Batch& batch, RemoveJob& job) {
  const Removal& removal = job.removal;
  RowScan scan(batch.tables(), {.table = Table::kEnvelope,
                                .from = IdKey(removal.message_id),
                                .to = EndOfId(removal.message_id)});
  for (; scan.Valid(); scan.Next()) {
    SLUICE_ASSIGN_OR_RETURN(Envelope envelope, DecodeEnvelope(scan.key(), scan.value()));
    if (!removal.destination.empty() && envelope.destination != removal.destination) continue;
    if (in_flight_.Contains(scan.key())) {
      return absl::FailedPreconditionError(
          absl::StrCat("message ", removal.message_id.ToString(), " is being sent to ",
                       envelope.destination, " at this moment; try again when that is over"));
    }
    SLUICE_RETURN_IF_ERROR(EraseItem(batch, scan.key(), FactsOf(envelope)));
    HistoryEntry entry;
    entry.outcome = Outcome::kDeletedByAdmin;
    entry.message_id = envelope.id;
    entry.sender = envelope.sender;
    for (const Recipient& recipient : envelope.recipients) {
      if (recipient.state == RecipientState::kPending)
        entry.recipients.push_back(recipient.address);
    }
    entry.domain = envelope.destination;
    entry.deadline = envelope.deadline;
    entry.detail = removal.reason.empty() ? absl::StrCat("by ", removal.by)
                                          : absl::StrCat("by ", removal.by, ": ", removal.reason);
    history_.Append(batch, clock_.WallNow(), std::move(entry));
    job.removed.push_back(std::move(envelope));
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return job.removed.empty() ? NotQueued(removal.message_id) : absl::OkStatus();
}

}  // namespace sluice::queue
