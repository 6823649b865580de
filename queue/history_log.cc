#include "queue/history_log.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/history_codec.h"
#include "queue/row_scan.h"

namespace sluice::queue {
namespace {

std::string CursorOfKey(absl::string_view key) { return absl::BytesToHexString(key); }

absl::StatusOr<std::string> KeyOfCursor(absl::string_view cursor) {
  const std::string key = absl::HexStringToBytes(cursor);
  if (CursorOfKey(key) != cursor || !ParseHistoryKey(key).has_value()) {
    return absl::InvalidArgumentError(
        "this is no cursor of the history: take it from an entry, or from the page before");
  }
  return key;
}

bool HasRecipient(const HistoryEntry& entry, absl::string_view address) {
  return std::any_of(entry.recipients.begin(), entry.recipients.end(),
                     [address](const std::string& recipient) {
                       return absl::EqualsIgnoreCase(recipient, address);
                     });
}

bool Matches(const HistoryEntry& entry, const HistoryQuery& query) {
  if (!query.domain.empty() && entry.domain != query.domain) return false;
  if (query.message_id.has_value() && entry.message_id != query.message_id) return false;
  if (!query.sender.empty() && !absl::EqualsIgnoreCase(entry.sender, query.sender)) return false;
  if (!query.recipient.empty() && !HasRecipient(entry, query.recipient)) return false;
  if (query.tls.has_value() && entry.tls != *query.tls) return false;
  return query.outcomes.empty() || std::find(query.outcomes.begin(), query.outcomes.end(),
                                             entry.outcome) != query.outcomes.end();
}

// The rows that can match.
absl::StatusOr<RowRange> RangeOf(const HistoryQuery& query) {
  absl::Time since = query.since;
  // Nothing is told of a message from before it was accepted: HistoryLog sees to that.
  if (query.message_id.has_value()) since = std::max(since, query.message_id->time());
  RowRange range = {.table = Table::kHistory,
                    .from = HistoryKey({.nanos = KeyNanos(since)}),
                    .backward = query.newest_first,
                    .keep_in_cache = false};
  if (query.until < absl::InfiniteFuture()) {
    range.to = HistoryKey({.nanos = KeyNanos(query.until)});
  }
  if (query.cursor.empty()) return range;
  SLUICE_ASSIGN_OR_RETURN(std::string key, KeyOfCursor(query.cursor));
  if (query.newest_first) {
    if (range.to.empty() || key < range.to) range.to = std::move(key);
  } else {
    key.push_back('\0');  // the least key behind it
    range.from = std::max(range.from, key);
  }
  return range;
}

}  // namespace

std::string CursorOf(const HistoryEntry& entry) {
  return CursorOfKey(HistoryKey({.nanos = KeyNanos(entry.time), .sequence = entry.sequence}));
}

absl::Status HistoryLog::Load(std::shared_ptr<const Tables> tables) {
  RowScan scan(std::move(tables), {.table = Table::kHistory, .backward = true});
  if (scan.Valid()) {
    const std::optional<HistoryPosition> position = ParseHistoryKey(scan.key());
    if (!position.has_value()) return absl::DataLossError("the end of the history is damaged");
    last_ = *position;
  }
  return scan.status();
}

void HistoryLog::Append(Batch& batch, absl::Time now, HistoryEntry entry) {
  last_.nanos = std::max(last_.nanos, KeyNanos(now));
  if (entry.message_id.has_value()) last_.nanos = std::max(last_.nanos, entry.message_id->nanos());
  ++last_.sequence;
  batch.Put(Table::kHistory, HistoryKey(last_), EncodeHistoryEntry(entry));
}

absl::StatusOr<HistoryPage> ReadHistory(std::shared_ptr<const Tables> tables,
                                        const HistoryQuery& query) {
  SLUICE_ASSIGN_OR_RETURN(RowRange range, RangeOf(query));
  HistoryPage page;
  // Oldest first, so that who follows an empty log has somewhere to go on from.
  page.next = query.cursor.empty() && !query.newest_first ? CursorOfKey(HistoryKey({})) : "";
  if (!query.newest_first && !query.cursor.empty()) page.next = query.cursor;
  RowScan scan(std::move(tables), std::move(range));
  size_t scanned = 0;
  for (; scan.Valid(); scan.Next()) {
    if (page.entries.size() == query.limit || scanned == query.most_scanned) break;
    ++scanned;
    page.next = CursorOfKey(scan.key());
    const std::optional<HistoryPosition> position = ParseHistoryKey(scan.key());
    absl::StatusOr<HistoryEntry> entry =
        DecodeHistoryEntry(position.value_or(HistoryPosition()), scan.value());
    if (!entry.ok()) {  // one entry that cannot be read does not hide all the others
      log::Error("history_damaged", {{"error", entry.status().message()}});
    } else if (Matches(*entry, query)) {
      page.entries.push_back(*std::move(entry));
    }
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  if (query.newest_first && !scan.Valid()) page.next.clear();
  return page;
}

void TrimHistory(Batch& batch, absl::Time before) {
  batch.EraseRange(Table::kHistory, "", HistoryKey({.nanos = KeyNanos(before)}));
}

}  // namespace sluice::queue
