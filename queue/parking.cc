// What is parked: mail that waits for its destination and not for a time.
//
// AttemptResult::park puts it there (attempt_end.cc), in one batch with the outcome of the attempt.
// There it stays in the rows of `due` and `expiry` as everything else, so its deadline holds and
// every walk over the queue sees it. TakeParked hands it out as it is: the row in `parked` goes
// with the outcome of the attempt that follows, so after a crash in between it is still parked.
#include <optional>
#include <utility>

#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/envelope_codec.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"
#include "queue/spool_state.h"

namespace sluice::queue {

void SpoolState::TakeParked(std::string destination, std::string position, size_t limit,
                            Done<absl::StatusOr<SelectedWork>> done) {
  TakeFound(
      Table::kParked, std::move(position),
      [this, destination = std::move(destination), limit](std::shared_ptr<const Tables> tables,
                                                          std::string& from) {
        return FindParked(std::move(tables), destination, from, limit);
      },
      std::move(done));
}

// Moves `position` on. Rows in front of it are marks of what was released before, which a second
// scan from the start would have to walk over.
absl::StatusOr<std::vector<TimeIndex::Found>> SpoolState::FindParked(
    std::shared_ptr<const Tables> tables, const std::string& destination, std::string& position,
    size_t limit) {
  const std::string prefix = ParkedPrefix(destination);
  std::vector<TimeIndex::Found> found;
  std::string from = position.empty() ? prefix : std::exchange(position, "");
  RowScan scan(std::move(tables), {.table = Table::kParked,
                                   .from = std::move(from),
                                   .to = EndOfPrefix(prefix),
                                   .keep_in_cache = false});
  for (; scan.Valid(); scan.Next()) {
    if (found.size() == limit) {
      position = std::string(scan.key());
      break;
    }
    const std::optional<Item> row = ParseParkedKey(scan.key());
    if (!row.has_value()) {
      log::Error("store_damaged_key", {{"table", TableName(Table::kParked)}});
      continue;
    }
    std::string item = ItemKey(row->id, row->destination);
    if (in_flight_.Contains(item)) continue;
    found.push_back({.time = absl::UnixEpoch(), .item = std::move(item)});
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return found;
}

absl::StatusOr<std::vector<ParkedDestination>> SpoolState::ReadParked() const {
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<const Tables> tables, database_->Read());
  std::vector<ParkedDestination> parked;
  for (std::string& destination : parked_.Destinations()) {
    ParkedDestination& found = parked.emplace_back();
    const std::string prefix = ParkedPrefix(destination);
    found.destination = std::move(destination);
    const RowScan scan(tables,
                       {.table = Table::kParked, .from = prefix, .to = EndOfPrefix(prefix)});
    SLUICE_RETURN_IF_ERROR(scan.status());
    const std::optional<Item> row = scan.Valid() ? ParseParkedKey(scan.key()) : std::nullopt;
    if (!row.has_value()) continue;
    const std::string item = ItemKey(row->id, row->destination);
    SLUICE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            tables->Get(Table::kEnvelope, item));
    if (!bytes.has_value()) continue;
    absl::StatusOr<Envelope> envelope = DecodeEnvelope(item, *bytes);
    if (envelope.ok()) found.last_failure = std::move(envelope->last_failure);
  }
  return parked;
}

}  // namespace sluice::queue
