// Mail comes in.
#include <optional>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "queue/item_rows.h"
#include "queue/key_codec.h"
#include "queue/spool_state.h"

namespace sluice::queue {
namespace {

// What an envelope adds besides the body, roughly.
constexpr size_t kEnvelopeBytes = 1024;

}  // namespace

bool AcceptTicket::Withdraw() {
  State state = state_->load();
  while (state == State::kWaiting || state == State::kWriting) {
    if (state_->compare_exchange_weak(state, State::kWithdrawn)) return true;
  }
  return state != State::kStored;
}

struct SpoolState::AcceptJob {
  NewMessage message;
  Done<absl::Status> done;
  AcceptTicket ticket;
};

AcceptTicket SpoolState::Accept(NewMessage message, Done<absl::Status> done) {
  AcceptTicket ticket;
  absl::Status valid = CheckMessage(message.envelopes);
  if (valid.ok() && message.envelopes.front().id != message.id) {
    valid = absl::InvalidArgumentError("the envelopes of a message all have its id");
  }
  if (!valid.ok()) {
    ticket.state_->store(AcceptTicket::State::kFailed);
    std::move(done)(std::move(valid));
    return ticket;
  }
  const size_t bytes = message.body.size() + message.envelopes.size() * kEnvelopeBytes;
  auto job = std::make_shared<AcceptJob>(
      AcceptJob{.message = std::move(message), .done = std::move(done), .ticket = ticket});
  commits_.Push(
      {.bytes = bytes,
       .durable = true,
       .prepare =
           [this, job](Batch& batch) {
             auto state = AcceptTicket::State::kWaiting;
             if (!job->ticket.state_->compare_exchange_strong(state,
                                                              AcceptTicket::State::kWriting)) {
               return absl::CancelledError("the message was withdrawn");
             }
             PutMessage(batch, job->message.body, clock_.WallNow() + lease_,
                        job->message.envelopes);
             return absl::OkStatus();
           },
       .complete = [this,
                    job](absl::Status written) { AcceptedOrFailed(*job, std::move(written)); }});
  return ticket;
}

void SpoolState::AcceptedOrFailed(AcceptJob& job, absl::Status written) {
  if (!written.ok()) {
    job.ticket.state_->store(AcceptTicket::State::kFailed);
    std::move(job.done)(std::move(written));
    return;
  }
  Accepted(job.message.envelopes);
  auto state = AcceptTicket::State::kWriting;
  if (job.ticket.state_->compare_exchange_strong(state, AcceptTicket::State::kStored)) {
    std::move(job.done)(absl::OkStatus());
    return;
  }
  Undo(job.message.envelopes);
  std::move(job.done)(absl::CancelledError("the message was withdrawn"));
}

void SpoolState::Accepted(const std::vector<Envelope>& envelopes) {
  for (const Envelope& envelope : envelopes) {
    const bool added =
        in_flight_.Add(ItemKey(envelope.id, envelope.destination), FactsOf(envelope));
    SLUICE_CHECK(added);  // ids are unique
    totals_.Add(envelope.destination, envelope.body_bytes);
  }
}

// At once rather than by way of the queue, which may have been closed meanwhile. (In the middle of
// completing a group: so nothing is mended here.)
void SpoolState::Undo(const std::vector<Envelope>& envelopes) {
  absl::StatusOr<std::shared_ptr<const Tables>> tables = database_->Read();
  absl::Status erased = tables.status();
  if (erased.ok()) {
    Batch batch(*std::move(tables));
    for (const Envelope& envelope : envelopes) {
      const std::string item = ItemKey(envelope.id, envelope.destination);
      if (erased.ok()) erased = EraseItem(batch, item, FactsOf(envelope));
    }
    if (erased.ok()) erased = database_->Write(batch.writes(), /*sync=*/false);
  }
  for (const Envelope& envelope : envelopes) {
    const std::string item = ItemKey(envelope.id, envelope.destination);
    if (erased.ok()) {
      in_flight_.Remove(item);
      totals_.Subtract(envelope.destination, envelope.body_bytes);
    } else {
      LetGoNow(item, FactsOf(envelope));
    }
  }
  if (!erased.ok()) {
    log::Warning("withdrawn_message_stays",
                 {{"message", envelopes.front().id.ToString()}, {"error", erased.message()}});
  }
}

}  // namespace sluice::queue
