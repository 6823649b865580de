#include "queue/queue_list.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/envelope_codec.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"

namespace sluice::queue {
namespace {

absl::StatusOr<RowRange> RangeOf(const QueueQuery& query) {
  RowRange range = {.table = Table::kEnvelope, .keep_in_cache = false};
  if (query.message_id.has_value()) {
    range.from = IdKey(*query.message_id);
    range.to = EndOfId(*query.message_id);
  }
  if (query.cursor.empty()) return range;
  std::string key = absl::HexStringToBytes(query.cursor);
  if (absl::BytesToHexString(key) != query.cursor || !ParseItemKey(key).has_value()) {
    return absl::InvalidArgumentError(
        "this is no cursor of the queue: take it from the page before");
  }
  key.push_back('\0');  // the least key behind it
  range.from = std::max(range.from, key);
  return range;
}

bool Matches(const QueueItem& item, const QueueQuery& query) {
  const Envelope& envelope = item.envelope;
  if (query.state.has_value() && item.state() != *query.state) return false;
  if (!query.sender.empty() && !absl::EqualsIgnoreCase(envelope.sender, query.sender)) return false;
  return query.recipient.empty() ||
         std::any_of(envelope.recipients.begin(), envelope.recipients.end(),
                     [&query](const Recipient& recipient) {
                       return absl::EqualsIgnoreCase(recipient.address, query.recipient);
                     });
}

}  // namespace

absl::StatusOr<QueuePage> ListQueue(std::shared_ptr<const Tables> tables, const InFlight& in_flight,
                                    const QueueQuery& query) {
  SLUICE_ASSIGN_OR_RETURN(RowRange range, RangeOf(query));
  QueuePage page;
  RowScan scan(std::move(tables), std::move(range));
  size_t scanned = 0;
  std::string last;
  for (; scan.Valid(); scan.Next()) {
    if (page.items.size() == query.limit || scanned == query.most_scanned) {
      page.next = absl::BytesToHexString(last);
      break;
    }
    ++scanned;
    last = std::string(scan.key());
    if (!query.destination.empty() &&
        absl::string_view(last).substr(std::min(kIdBytes, last.size())) != query.destination) {
      continue;
    }
    const bool active = in_flight.Contains(last);
    if (query.state.has_value() && (*query.state == ItemState::kActive) != active) continue;
    absl::StatusOr<Envelope> envelope = DecodeEnvelope(last, scan.value());
    if (!envelope.ok()) {  // one row that cannot be read does not hide all the others
      log::Error("envelope_damaged", {{"error", envelope.status().message()}});
      continue;
    }
    QueueItem found = {.envelope = *std::move(envelope), .in_flight = active};
    if (Matches(found, query)) page.items.push_back(std::move(found));
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return page;
}

absl::StatusOr<io::Body> ReadBeginning(const Tables& tables, const MessageId& id,
                                       size_t least_bytes) {
  io::Body beginning;
  for (uint32_t chunk = 0; beginning.size() < least_bytes; ++chunk) {
    SLUICE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            tables.Get(Table::kBody, BodyKey(id, chunk)));
    if (!bytes.has_value()) break;
    beginning.Append(io::Chunk::Copy(*bytes));
  }
  return beginning;
}

absl::StatusOr<std::optional<absl::Time>> OldestMessage(std::shared_ptr<const Tables> tables) {
  const RowScan scan(std::move(tables), {.table = Table::kEnvelope});
  SLUICE_RETURN_IF_ERROR(scan.status());
  if (!scan.Valid()) return std::nullopt;
  const std::optional<Item> item = ParseItemKey(scan.key());
  if (!item.has_value()) return std::nullopt;
  return item->id.time();
}

}  // namespace sluice::queue
