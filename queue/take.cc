// Mail is handed out: what is due, what has expired, and bodies.
//
// The keys are found on the store thread, which alone knows the front of the indexes; the envelopes
// are read on the readers' threads, so that mail goes on being accepted while the disk seeks.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/base/status_macros.h"
#include "queue/envelope_codec.h"
#include "queue/item_rows.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"
#include "queue/spool_state.h"

namespace sluice::queue {
namespace {

// Rows that one FindSelected walks over.
constexpr size_t kSelectedScan = 10'000;

absl::Status Missing(const MessageId& id, uint32_t chunk) {
  return absl::DataLossError(absl::StrCat("the body of message ", id.ToString(),
                                          " is incomplete: chunk ", chunk, " is not there"));
}

absl::StatusOr<io::Body> ReadBody(const Tables& tables, const MessageId& id,
                                  const ItemFacts& facts) {
  io::Body body;
  for (uint32_t chunk = 0; chunk < facts.body_chunks; ++chunk) {
    SLUICE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            tables.Get(Table::kBody, BodyKey(id, chunk)));
    if (!bytes.has_value()) return Missing(id, chunk);
    body.Append(io::Chunk::Copy(*bytes));
  }
  if (body.size() != facts.body_bytes) {
    return absl::DataLossError(absl::StrCat("the body of message ", id.ToString(), " has ",
                                            body.size(), " bytes instead of ", facts.body_bytes));
  }
  return body;
}

}  // namespace

// What the store thread has found, and put in flight.
struct SpoolState::TakeJob {
  Table table;
  std::shared_ptr<const Tables> tables;
  std::vector<TimeIndex::Found> found;
  // With what could be read; an error where that was nothing.
  Done<absl::StatusOr<std::vector<Envelope>>> done;
};

void SpoolState::TakeDue(absl::Time now, size_t limit, Done<absl::StatusOr<TakenWork>> done) {
  store_.Post([self = shared_from_this(), now, limit, done = std::move(done)]() mutable {
    self->Take(self->due_, Table::kDue, now, limit, std::move(done));
  });
}

void SpoolState::TakeExpired(absl::Time now, size_t limit, Done<absl::StatusOr<TakenWork>> done) {
  store_.Post([self = shared_from_this(), now, limit, done = std::move(done)]() mutable {
    self->Take(self->expiry_, Table::kExpiry, now, limit, std::move(done));
  });
}

void SpoolState::Take(TimeIndex& index, Table table, absl::Time now, size_t limit,
                      Done<absl::StatusOr<TakenWork>> done) {
  // While nothing can be written nothing is handed out: that it was sent could not be noted.
  absl::Status ready = database_->Ready();
  absl::StatusOr<std::shared_ptr<const Tables>> tables = database_->Read();
  if (ready.ok()) ready = tables.status();
  if (!ready.ok()) {
    std::move(done)(std::move(ready));
    return;
  }
  absl::StatusOr<TimeIndex::Front> front = index.Scan(*tables, now, limit, in_flight_);
  if (!front.ok()) {
    std::move(done)(front.status());
    return;
  }
  if (table == Table::kDue) next_due_nanos_.store(KeyNanos(front->next));
  HandOut(table, *std::move(tables), std::move(front->items),
          [next = front->next,
           done = std::move(done)](absl::StatusOr<std::vector<Envelope>> items) mutable {
            if (items.ok()) {
              std::move(done)(TakenWork{.items = *std::move(items), .next = next});
            } else {
              std::move(done)(items.status());
            }
          });
}

void SpoolState::TakeSelected(Selection selection, std::string position, size_t limit,
                              Done<absl::StatusOr<SelectedWork>> done) {
  TakeFound(
      Table::kDue, std::move(position),
      [this, selection = std::move(selection), limit](std::shared_ptr<const Tables> tables,
                                                      std::string& from) {
        if (!selection.message_id.has_value()) {
          return FindSelected(Moment(std::move(tables)), selection, from, limit);
        }
        from.clear();
        return FindItemsOf(std::move(tables), selection);
      },
      std::move(done));
}

void SpoolState::TakeFound(Table table, std::string position, FindItems find,
                           Done<absl::StatusOr<SelectedWork>> done) {
  store_.Post([self = shared_from_this(), table, position = std::move(position),
               find = std::move(find), done = std::move(done)]() mutable {
    absl::Status ready = self->database_->Ready();
    absl::StatusOr<std::shared_ptr<const Tables>> tables = self->database_->Read();
    if (ready.ok()) ready = tables.status();
    if (!ready.ok()) {
      std::move(done)(std::move(ready));
      return;
    }
    absl::StatusOr<std::vector<TimeIndex::Found>> found = find(*tables, position);
    if (!found.ok()) {
      std::move(done)(found.status());
      return;
    }
    self->HandOut(
        table, *std::move(tables), *std::move(found),
        [next = std::move(position),
         done = std::move(done)](absl::StatusOr<std::vector<Envelope>> items) mutable {
          if (items.ok()) {
            std::move(done)(SelectedWork{.items = *std::move(items), .next = std::move(next)});
          } else {
            std::move(done)(items.status());
          }
        });
  });
}

// A message by itself: of its envelopes, which all stand together.
absl::StatusOr<std::vector<TimeIndex::Found>> SpoolState::FindItemsOf(
    std::shared_ptr<const Tables> tables, const Selection& selection) {
  const MessageId& id = *selection.message_id;
  std::vector<TimeIndex::Found> found;
  RowScan scan(std::move(tables),
               {.table = Table::kEnvelope, .from = IdKey(id), .to = EndOfId(id)});
  for (; scan.Valid(); scan.Next()) {
    SLUICE_ASSIGN_OR_RETURN(const Envelope envelope, DecodeEnvelope(scan.key(), scan.value()));
    if (!selection.Matches(id, envelope.destination)) continue;
    if (in_flight_.Contains(scan.key())) return BeingSent(id, envelope.destination);
    found.push_back({.time = envelope.next_due, .item = std::string(scan.key())});
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  if (found.empty()) return NotQueued(id);
  return found;
}

absl::StatusOr<std::vector<TimeIndex::Found>> SpoolState::FindSelected(const Moment& moment,
                                                                      const Selection& selection,
                                                                      std::string& position,
                                                                      size_t limit) const {
  std::vector<TimeIndex::Found> found;
  RowScan scan(moment, {.table = Table::kDue,
                        .from = std::exchange(position, ""),
                        .keep_in_cache = false});
  for (size_t scanned = 0; scan.Valid(); scan.Next(), ++scanned) {
    if (found.size() == limit || scanned == kSelectedScan) {
      position = std::string(scan.key());
      break;
    }
    const std::optional<TimedItem> row = ParseTimeKey(scan.key());
    const std::optional<Item> item = row.has_value() ? ParseItemKey(row->item) : std::nullopt;
    if (!item.has_value() || in_flight_.Contains(row->item)) continue;
    if (!selection.Matches(item->id, item->destination)) continue;
    found.push_back({.time = row->time, .item = std::string(row->item)});
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return found;
}

void SpoolState::HandOut(Table table, std::shared_ptr<const Tables> tables,
                         std::vector<TimeIndex::Found> found,
                         Done<absl::StatusOr<std::vector<Envelope>>> done) {
  auto job = std::make_shared<TakeJob>(TakeJob{.table = table,
                                               .tables = std::move(tables),
                                               .found = std::move(found),
                                               .done = std::move(done)});
  std::erase_if(job->found, [this](const TimeIndex::Found& found) {
    if (SLUICE_PLANTED_BUG(InFlightHandedOut)) return false;
    // Twice in one scan: one of the two rows is a leftover, and comes again.
    return !in_flight_.Add(found.item, ItemFacts());
  });
  readers_.Post([self = shared_from_this(), job] { self->LoadTaken(*job); });
}

std::vector<Tables::Row> SpoolState::ReadEnvelopes(const Tables& tables,
                                                   const std::vector<TimeIndex::Found>& found) {
  std::vector<absl::string_view> keys;
  keys.reserve(found.size());
  for (const TimeIndex::Found& one : found) keys.emplace_back(one.item);
  return tables.GetAll(Table::kEnvelope, keys);
}

void SpoolState::LoadTaken(TakeJob& job) {
  std::vector<Envelope> items;
  absl::Status failure;
  const std::vector<Tables::Row> rows = ReadEnvelopes(*job.tables, job.found);
  for (size_t i = 0; i < rows.size(); ++i) {
    absl::StatusOr<std::optional<Envelope>> envelope =
        CheckTakenItem(rows[i], job.table, job.found[i]);
    if (!envelope.ok()) {
      failure = envelope.status();
    } else if (envelope->has_value()) {
      items.push_back(**std::move(envelope));
    }
  }
  job.tables.reset();
  if (items.empty() && !failure.ok()) {
    std::move(job.done)(std::move(failure));
  } else {
    std::move(job.done)(std::move(items));
  }
}

// `row` is its envelope's. Unset: there is no such item, and the row that said so is being erased.
absl::StatusOr<std::optional<Envelope>> SpoolState::CheckTakenItem(const Tables::Row& row,
                                                                   Table table,
                                                                   const TimeIndex::Found& found) {
  if (!row.ok()) {
    // Found again by the next scan. Of what was found among the parked no time is known, and a scan
    // by either may have passed over it meanwhile.
    ItemFacts facts;
    const bool parked = table == Table::kParked;
    facts.due = table == Table::kDue || parked ? found.time : absl::InfiniteFuture();
    facts.deadline = table == Table::kExpiry || parked ? found.time : absl::InfiniteFuture();
    LetGo(found.item, facts);
    return row.status();
  }
  if (!row->has_value()) {
    EraseLeftover(table, found, std::nullopt);
    return std::nullopt;
  }
  absl::StatusOr<Envelope> envelope = DecodeEnvelope(found.item, **row);
  if (!envelope.ok()) {
    // Left where it is, for people: no scan comes upon it again before the next start.
    log::Error("envelope_damaged", {{"error", envelope.status().message()}});
    in_flight_.Remove(found.item);
    return std::nullopt;
  }
  const bool stands = table == Table::kParked ? envelope->parked
                      : table == Table::kDue  ? envelope->next_due == found.time
                                              : envelope->deadline == found.time;
  if (!stands) {
    EraseLeftover(table, found, FactsOf(*envelope));
    return std::nullopt;
  }
  in_flight_.Set(found.item, FactsOf(*envelope));
  return *std::move(envelope);
}

void SpoolState::LetGo(absl::string_view item, const ItemFacts& facts) {
  store_.Post([self = shared_from_this(), item = std::string(item), facts] {
    self->LetGoNow(item, facts);
  });
}

// `facts` are those of the item whose other row is the right one; unset: there is no such item.
void SpoolState::EraseLeftover(Table table, TimeIndex::Found found,
                               std::optional<ItemFacts> facts) {
  const std::optional<Item> parsed = ParseItemKey(found.item);
  SLUICE_CHECK(parsed.has_value());
  std::string key = table == Table::kParked ? ParkedKey(parsed->destination, parsed->id)
                                            : TimeKey(found.time, found.item);
  commits_.Push({.bytes = 64,
                 .may_exceed = true,
                 .prepare =
                     [table, key = std::move(key),
                      destination = std::string(parsed->destination)](Batch& batch) {
                       batch.Erase(table, key);
                       if (table == Table::kParked) batch.CountParked(destination, -1);
                       return absl::OkStatus();
                     },
                 .complete =
                     [this, item = std::move(found.item), facts](const absl::Status& /*written*/) {
                       if (facts.has_value()) {
                         LetGo(item, *facts);
                       } else {
                         in_flight_.Remove(item);
                       }
                     }});
}

void SpoolState::LoadBody(const MessageId& id, absl::string_view destination,
                          Done<absl::StatusOr<io::Body>> done) {
  const std::optional<ItemFacts> facts = in_flight_.Find(ItemKey(id, destination));
  if (!facts.has_value()) {
    std::move(done)(absl::FailedPreconditionError(
        absl::StrCat("message ", id.ToString(), " for ", destination, " is not in flight")));
    return;
  }
  readers_.Post([self = shared_from_this(), id, facts = *facts, done = std::move(done)]() mutable {
    absl::StatusOr<std::shared_ptr<const Tables>> tables = self->database_->Read();
    if (!tables.ok()) {
      std::move(done)(tables.status());
    } else {
      std::move(done)(ReadBody(**tables, id, facts));
    }
  });
}

}  // namespace sluice::queue
