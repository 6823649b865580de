// What people do to the queue: try again now, hold, let go on, remove.
//
// All of these decide by reading, so each step is a group of its own, and steps are small: mail that
// is being accepted takes turns with them. What is in flight is left alone: its attempt ends as if
// nobody had asked.
#include <memory>
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

// Items that one step looks at.
constexpr size_t kStep = 256;

HistoryEntry RemovalEntry(const Envelope& envelope, const Reason& reason) {
  HistoryEntry entry;
  entry.outcome = Outcome::kDeletedByAdmin;
  entry.message_id = envelope.id;
  entry.sender = envelope.sender;
  for (const Recipient& recipient : envelope.recipients) {
    if (recipient.state == RecipientState::kPending) entry.recipients.push_back(recipient.address);
  }
  entry.domain = envelope.destination;
  entry.deadline = envelope.deadline;
  entry.detail = reason.ToString();
  return entry;
}

}  // namespace

std::string Reason::ToString() const {
  return why.empty() ? absl::StrCat("by ", by) : absl::StrCat("by ", by, ": ", why);
}

struct SpoolState::OrderJob {
  enum class Verb : uint8_t { kRetry, kHold, kEndHold, kRemove };

  Verb verb;
  Selection selection;
  Reason reason;
  Done<absl::StatusOr<uint64_t>> done;
  // When this step makes things due: behind those of the step in front, so that who looks for what
  // is due goes on from there.
  absl::Time now;
  // Steps go over `due` as it was in front of the first: what is tried and put off meanwhile would
  // be met again and again.
  std::unique_ptr<const Moment> begun;
  std::string position;  // in `due`: where the next step begins; empty: there is none

  struct Changed {
    std::string item;
    std::string destination;
    uint64_t body_bytes;
    absl::Time due;
  };
  std::vector<Changed> changed;  // by this step
  uint64_t count = 0;

  bool one_message() const { return selection.message_id.has_value(); }
};

void SpoolState::RetryNow(Selection selection, Done<absl::StatusOr<uint64_t>> done) {
  StartOrder({.verb = OrderJob::Verb::kRetry,
              .selection = std::move(selection),
              .reason = {},
              .done = std::move(done)});
}

void SpoolState::Hold(Selection selection, Reason reason, Done<absl::StatusOr<uint64_t>> done) {
  StartOrder({.verb = OrderJob::Verb::kHold,
              .selection = std::move(selection),
              .reason = std::move(reason),
              .done = std::move(done)});
}

void SpoolState::EndHold(Selection selection, Done<absl::StatusOr<uint64_t>> done) {
  StartOrder({.verb = OrderJob::Verb::kEndHold,
              .selection = std::move(selection),
              .reason = {},
              .done = std::move(done)});
}

void SpoolState::Remove(Selection selection, Reason reason, Done<absl::StatusOr<uint64_t>> done) {
  StartOrder({.verb = OrderJob::Verb::kRemove,
              .selection = std::move(selection),
              .reason = std::move(reason),
              .done = std::move(done)});
}

void SpoolState::StartOrder(OrderJob order) {
  auto job = std::make_shared<OrderJob>(std::move(order));
  // What is due already need not be tried earlier.
  const bool only_later = job->verb == OrderJob::Verb::kRetry;
  job->position = TimeKey(only_later ? clock_.WallNow() + absl::Nanoseconds(1) : absl::UnixEpoch());
  CarryOut(std::move(job));
}

void SpoolState::CarryOut(std::shared_ptr<OrderJob> job) {
  // A retry that is lost in a crash is one that was not asked for; all else has been promised.
  commits_.Push({.bytes = kStep * 1024,
                 .durable = job->verb != OrderJob::Verb::kRetry,
                 .alone = true,
                 .may_exceed = true,
                 .prepare = [this, job](Batch& batch) { return PrepareOrder(batch, *job); },
                 .complete =
                     [this, job](absl::Status written) {
                       if (!written.ok()) {
                         std::move(job->done)(std::move(written));
                         return;
                       }
                       for (const OrderJob::Changed& changed : job->changed) {
                         if (job->verb == OrderJob::Verb::kRemove) {
                           totals_.Subtract(changed.destination, changed.body_bytes);
                         } else {
                           LowerDue(changed.due, changed.item);
                         }
                       }
                       job->count += job->changed.size();
                       if (job->position.empty()) {
                         std::move(job->done)(job->count);
                       } else {
                         CarryOut(job);
                       }
                     }});
}

absl::Status SpoolState::PrepareOrder(Batch& batch, OrderJob& job) {
  job.changed.clear();
  job.now = clock_.WallNow();
  if (job.one_message()) return PrepareOrderOfMessage(batch, job);
  if (job.begun == nullptr) job.begun = std::make_unique<const Moment>(batch.tables());
  SLUICE_ASSIGN_OR_RETURN(const std::vector<TimeIndex::Found> found,
                          FindSelected(*job.begun, job.selection, job.position, kStep));
  const std::vector<Tables::Row> rows = ReadEnvelopes(*batch.tables(), found);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].ok() && !rows[i]->has_value()) continue;  // gone, or a leftover
    absl::StatusOr<Envelope> envelope = rows[i].ok()
                                            ? DecodeEnvelope(found[i].item, **rows[i])
                                            : absl::StatusOr<Envelope>(rows[i].status());
    if (absl::IsDataLoss(envelope.status())) {
      // What is damaged keeps nothing else from being done.
      log::Error("envelope_damaged", {{"error", envelope.status().message()}});
      continue;
    }
    if (!envelope.ok()) return envelope.status();
    if (envelope->next_due != found[i].time) continue;  // tried since, or a leftover
    SLUICE_RETURN_IF_ERROR(Apply(batch, job, found[i].item, *std::move(envelope)));
  }
  return absl::OkStatus();
}

// All of its items that are selected, or none.
absl::Status SpoolState::PrepareOrderOfMessage(Batch& batch, OrderJob& job) {
  job.position.clear();
  const MessageId& id = *job.selection.message_id;
  RowScan scan(batch.tables(),
               {.table = Table::kEnvelope, .from = IdKey(id), .to = EndOfId(id)});
  bool found = false;
  for (; scan.Valid(); scan.Next()) {
    SLUICE_ASSIGN_OR_RETURN(Envelope envelope, DecodeEnvelope(scan.key(), scan.value()));
    if (!job.selection.Matches(id, envelope.destination)) continue;
    found = true;
    if (in_flight_.Contains(scan.key())) {
      if (job.verb == OrderJob::Verb::kRetry) continue;  // it is being tried
      return BeingSent(id, envelope.destination);
    }
    SLUICE_RETURN_IF_ERROR(Apply(batch, job, scan.key(), std::move(envelope)));
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return found ? absl::OkStatus() : NotQueued(id);
}

absl::Status SpoolState::Apply(Batch& batch, OrderJob& job, absl::string_view item,
                               Envelope envelope) {
  ItemFacts facts = FactsOf(envelope);
  switch (job.verb) {
    case OrderJob::Verb::kRetry:
      if (envelope.held.has_value()) {
        if (!job.one_message()) return absl::OkStatus();
        return absl::FailedPreconditionError(
            absl::StrCat("message ", envelope.id.ToString(), " is on hold (", *envelope.held,
                         "); 'sluicectl queue release' ends that and tries it"));
      }
      if (envelope.next_due <= job.now) return absl::OkStatus();
      envelope.next_due = job.now;
      envelope.parked = false;
      envelope.past_breaker = true;
      RewriteItem(batch, facts, envelope);
      break;
    case OrderJob::Verb::kHold:
      if (envelope.held.has_value()) return absl::OkStatus();
      envelope.held = job.reason.ToString();
      envelope.parked = false;
      envelope.next_due = DueOfHeld(envelope.deadline);
      RewriteItem(batch, facts, envelope);
      break;
    case OrderJob::Verb::kEndHold:
      if (!envelope.held.has_value()) return absl::OkStatus();
      envelope.held.reset();
      envelope.next_due = job.now;
      RewriteItem(batch, facts, envelope);
      break;
    case OrderJob::Verb::kRemove:
      SLUICE_RETURN_IF_ERROR(EraseItem(batch, item, facts));
      history_.Append(batch, clock_.WallNow(), RemovalEntry(envelope, job.reason));
      break;
  }
  job.changed.push_back({.item = std::string(item),
                         .destination = std::move(envelope.destination),
                         .body_bytes = envelope.body_bytes,
                         .due = facts.due});
  return absl::OkStatus();
}

}  // namespace sluice::queue
