#include "queue/item_rows.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/planted_bug.h"
#include "engine/base/status_macros.h"
#include "queue/envelope_codec.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"
#include "queue/totals.h"

namespace sluice::queue {
namespace {

// Whether the message has an item besides `item` that is not erased by this batch.
absl::StatusOr<bool> HasOtherItem(Batch& batch, absl::string_view item, const MessageId& id) {
  RowScan scan(batch.tables(), {.table = Table::kEnvelope, .from = IdKey(id), .to = EndOfId(id)});
  for (; scan.Valid(); scan.Next()) {
    if (scan.key() != item && !batch.erased_items().contains(scan.key())) return true;
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return false;
}

std::string NoteOf(const Envelope& envelope) {
  DueNote note;
  note.held = envelope.held.has_value();
  note.parked = envelope.parked;
  if (const auto& failure = envelope.last_failure) {
    note.tls = failure->tls;
    note.word = failure->reason.empty() ? failure->stage : failure->reason;
  }
  return DueRow(note);
}

}  // namespace

absl::Status CheckMessage(const std::vector<Envelope>& envelopes) {
  if (envelopes.empty()) return absl::InvalidArgumentError("a message has at least one envelope");
  absl::flat_hash_set<absl::string_view> destinations;
  for (const Envelope& envelope : envelopes) {
    SLUICE_RETURN_IF_ERROR(CheckDestination(envelope.destination));
    if (envelope.id != envelopes.front().id || envelope.id == MessageId()) {
      return absl::InvalidArgumentError("the envelopes of a message all have its id");
    }
    if (!HasPending(envelope)) {
      return absl::InvalidArgumentError(
          absl::StrCat("no recipient is pending for ", envelope.destination));
    }
    if (!destinations.insert(envelope.destination).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("a message has one envelope for ", envelope.destination, ", not two"));
    }
  }
  return absl::OkStatus();
}

absl::Status NotQueued(const MessageId& id) {
  return absl::NotFoundError(absl::StrCat("no message ", id.ToString(), " is queued"));
}

absl::Status BeingSent(const MessageId& id, absl::string_view destination) {
  return absl::FailedPreconditionError(absl::StrCat("message ", id.ToString(), " is being sent to ",
                                                    destination,
                                                    " at this moment; try again when that is over"));
}

void PutMessage(Batch& batch, const io::Body& body, absl::Time due,
                std::vector<Envelope>& envelopes) {
  uint32_t chunk_number = 0;
  for (const io::Chunk& chunk : body.chunks()) {
    batch.Put(Table::kBody, BodyKey(envelopes.front().id, chunk_number++), chunk.view());
  }
  for (Envelope& envelope : envelopes) {
    envelope.next_due = due;
    envelope.attempts = 0;
    envelope.body_bytes = body.size();
    envelope.body_chunks = chunk_number;
    envelope.sole_destination = envelopes.size() == 1 || SLUICE_PLANTED_BUG(BodyErasedWithFirstItem);
    envelope.revision = 0;
    envelope.parked = false;
    envelope.past_breaker = false;
    const std::string item = ItemKey(envelope.id, envelope.destination);
    batch.Put(Table::kEnvelope, item, EncodeEnvelope(envelope));
    if (!SLUICE_PLANTED_BUG(DueRowLostOnRestart)) batch.Put(Table::kDue, TimeKey(due, item), "");
    batch.Put(Table::kExpiry, TimeKey(envelope.deadline, item), EncodeSize(body.size()));
  }
}

absl::Time DueOfHeld(absl::Time deadline) { return deadline + absl::Nanoseconds(1); }
absl::Time DueOfParked(absl::Time deadline) { return deadline + absl::Nanoseconds(2); }

void RewriteItem(Batch& batch, ItemFacts& facts, Envelope& envelope) {
  const std::string item = ItemKey(envelope.id, envelope.destination);
  if (envelope.next_due != facts.due) {
    batch.EraseOnce(Table::kDue, TimeKey(facts.due, item));
    batch.Put(Table::kDue, TimeKey(envelope.next_due, item), NoteOf(envelope));
    facts.due = envelope.next_due;
  }
  if (envelope.parked != facts.parked) {
    const std::string key = ParkedKey(envelope.destination, envelope.id);
    if (envelope.parked) {
      batch.Put(Table::kParked, key, "");
    } else {
      batch.EraseOnce(Table::kParked, key);
    }
    batch.CountParked(envelope.destination, envelope.parked ? 1 : -1);
    facts.parked = envelope.parked;
  }
  ++facts.revision;
  envelope.deadline = facts.deadline;
  envelope.attempts = facts.attempts;
  envelope.body_bytes = facts.body_bytes;
  envelope.body_chunks = facts.body_chunks;
  envelope.sole_destination = facts.sole_destination;
  envelope.revision = facts.revision;
  batch.Put(Table::kEnvelope, item, EncodeEnvelope(envelope));
}

absl::Status EraseItem(Batch& batch, absl::string_view item, const ItemFacts& facts) {
  const std::optional<Item> parsed = ParseItemKey(item);
  SLUICE_CHECK(parsed.has_value());
  bool needs_body = false;
  if (!facts.sole_destination) {
    SLUICE_ASSIGN_OR_RETURN(needs_body, HasOtherItem(batch, item, parsed->id));
  }
  batch.erased_items().insert(std::string(item));
  batch.EraseOnce(Table::kDue, TimeKey(facts.due, item));
  batch.EraseOnce(Table::kExpiry, TimeKey(facts.deadline, item));
  if (facts.parked) {
    batch.EraseOnce(Table::kParked, ParkedKey(parsed->destination, parsed->id));
    batch.CountParked(parsed->destination, -1);
  }
  if (facts.revision == 0) {
    batch.EraseOnce(Table::kEnvelope, item);
  } else {
    batch.Erase(Table::kEnvelope, item);
  }
  for (uint32_t chunk = 0; !needs_body && chunk < facts.body_chunks; ++chunk) {
    batch.EraseOnce(Table::kBody, BodyKey(parsed->id, chunk));
  }
  return absl::OkStatus();
}

}  // namespace sluice::queue
