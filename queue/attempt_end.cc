// How an attempt ended: the item is gone, deferred, or given back.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "queue/envelope_codec.h"
#include "queue/item_rows.h"
#include "queue/key_codec.h"
#include "queue/spool_state.h"

namespace sluice::queue {

struct SpoolState::FinishJob {
  AttemptResult result;
  Done<absl::StatusOr<Afterwards>> done;
  std::string item;
  bool reserved = false;
  ItemFacts facts;  // as they are once it is written
  Afterwards afterwards = Afterwards::kGone;
};

void SpoolState::Finish(AttemptResult result, Done<absl::StatusOr<Afterwards>> done) {
  size_t bytes = 1024;
  for (const NewMessage& notification : result.notifications) {
    absl::Status valid = CheckMessage(notification.envelopes);
    if (!valid.ok()) {
      std::move(done)(std::move(valid));
      return;
    }
    bytes += notification.body.size() + 1024;
  }
  std::string item = ItemKey(result.envelope.id, result.envelope.destination);
  auto job = std::make_shared<FinishJob>(
      FinishJob{.result = std::move(result), .done = std::move(done), .item = std::move(item)});
  commits_.Push(
      {.bytes = bytes,
       .may_exceed = true,
       .prepare = [this, job](Batch& batch) { return PrepareFinish(batch, *job); },
       .complete = [this,
                    job](absl::Status written) { CompleteFinish(*job, std::move(written)); }});
}

absl::Status SpoolState::PrepareFinish(Batch& batch, FinishJob& job) {
  const std::optional<ItemFacts> facts = in_flight_.Reserve(job.item);
  if (!facts.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("message ", job.result.envelope.id.ToString(),
                                                      " for ", job.result.envelope.destination,
                                                      " is not in flight"));
  }
  job.reserved = true;
  job.facts = *facts;
  const absl::Time now = clock_.WallNow();
  Envelope& envelope = job.result.envelope;
  if (HasPending(envelope)) {
    job.afterwards = now < facts->deadline ? Afterwards::kDeferred : Afterwards::kExpired;
    if (job.result.attempted) ++job.facts.attempts;
    envelope.past_breaker = false;
    envelope.parked = job.result.park && job.afterwards == Afterwards::kDeferred;
    envelope.next_due = envelope.parked
                            ? std::min(job.result.look_again, DueOfParked(facts->deadline))
                            : std::min(job.result.next_attempt, facts->deadline);
    RewriteItem(batch, job.facts, envelope);
  } else {
    SLUICE_RETURN_IF_ERROR(EraseItem(batch, job.item, *facts));
  }
  for (NewMessage& notification : job.result.notifications) {
    PutMessage(batch, notification.body, now + lease_, notification.envelopes);
  }
  for (HistoryEntry& entry : job.result.history) history_.Append(batch, now, std::move(entry));
  return absl::OkStatus();
}

void SpoolState::CompleteFinish(FinishJob& job, absl::Status written) {
  if (!written.ok()) {
    if (job.reserved) in_flight_.Unreserve(job.item);
    std::move(job.done)(std::move(written));
    return;
  }
  switch (job.afterwards) {
    case Afterwards::kGone:
      in_flight_.Remove(job.item);
      totals_.Subtract(job.result.envelope.destination, job.facts.body_bytes);
      break;
    case Afterwards::kDeferred:
      LetGoNow(job.item, job.facts);
      break;
    case Afterwards::kExpired:
      in_flight_.Set(job.item, job.facts);
      break;
  }
  for (const NewMessage& notification : job.result.notifications) {
    Accepted(notification.envelopes);
  }
  std::move(job.done)(job.afterwards);
}

void SpoolState::Release(const MessageId& id, absl::string_view destination,
                         absl::Time not_before, absl::AnyInvocable<void() &&> done) {
  store_.Post([self = shared_from_this(), item = ItemKey(id, destination), not_before,
               done = std::move(done)]() mutable {
    const std::optional<ItemFacts> facts = self->in_flight_.Reserve(item);
    const absl::Time now = self->clock_.WallNow();
    // What is parked does not wait for a time.
    if (facts.has_value() && !facts->parked && not_before > std::max(facts->due, now)) {
      self->Postpone(item, *facts, not_before, std::move(done));
      return;
    }
    if (facts.has_value()) self->LetGoNow(item, *facts);
    if (done) std::move(done)();
  });
}

// `item` is reserved.
void SpoolState::Postpone(std::string item, const ItemFacts& before, absl::Time until,
                          absl::AnyInvocable<void() &&> done) {
  auto facts = std::make_shared<ItemFacts>();  // as they are once it is written
  commits_.Push({.bytes = 1024,
                 .may_exceed = true,
                 .prepare = [item, until, facts](Batch& batch) -> absl::Status {
                   SLUICE_ASSIGN_OR_RETURN(const std::optional<std::string> row,
                                           batch.tables()->Get(Table::kEnvelope, item));
                   if (!row.has_value()) return absl::NotFoundError("the envelope is gone");
                   SLUICE_ASSIGN_OR_RETURN(Envelope envelope, DecodeEnvelope(item, *row));
                   *facts = FactsOf(envelope);
                   envelope.next_due = std::min(until, facts->deadline);
                   RewriteItem(batch, *facts, envelope);
                   return absl::OkStatus();
                 },
                 .complete =
                     [this, item, facts, before,
                      done = std::move(done)](const absl::Status& written) mutable {
                       LetGoNow(item, written.ok() ? *facts : before);
                       if (done) std::move(done)();
                     }});
}

void SpoolState::LetGoNow(absl::string_view item, const ItemFacts& facts) {
  in_flight_.Remove(item);
  LowerDue(facts.due, item);
  expiry_.Lower(facts.deadline, item);
}

void SpoolState::LowerDue(absl::Time due, absl::string_view item) {
  due_.Lower(due, item);
  next_due_nanos_.store(std::min(next_due_nanos_.load(), KeyNanos(due)));
}

}  // namespace sluice::queue
