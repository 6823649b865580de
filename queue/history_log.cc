#include "queue/history_log.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/history_chain.h"
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
  if (query.monitored.has_value() && entry.monitored != *query.monitored) return false;
  if (!query.stage.empty() && entry.stage != query.stage) return false;
  if (!query.reason.empty() && entry.reason != query.reason) return false;
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

// In front of the rows from `key` on.
absl::StatusOr<std::string> ChainInFrontOf(const std::shared_ptr<const Tables>& tables,
                                           const std::string& key) {
  if (!key.empty()) {
    const RowScan scan(tables, {.table = Table::kHistory, .to = key, .backward = true});
    SLUICE_RETURN_IF_ERROR(scan.status());
    if (scan.Valid()) return ChainBehind(scan.value());
  }
  SLUICE_ASSIGN_OR_RETURN(const std::optional<std::string> trimmed,
                          tables->Get(Table::kDefault, kHistoryChainKey));
  return trimmed.value_or(ChainStart());
}

}  // namespace

std::string CursorOf(const HistoryEntry& entry) {
  return CursorOfKey(HistoryKey({.nanos = KeyNanos(entry.time), .sequence = entry.sequence}));
}

absl::Status HistoryLog::Load(std::shared_ptr<const Tables> tables) {
  written_ = nullptr;
  last_ = Head();
  RowScan scan(tables, {.table = Table::kHistory, .backward = true});
  SLUICE_RETURN_IF_ERROR(scan.status());
  if (!scan.Valid()) {
    SLUICE_ASSIGN_OR_RETURN(last_.chain, ChainInFrontOf(tables, ""));
    return absl::OkStatus();
  }
  const std::optional<HistoryPosition> position = ParseHistoryKey(scan.key());
  if (!position.has_value()) return absl::DataLossError("the end of the history is damaged");
  last_ = {.position = *position, .chain = ChainBehind(scan.value())};
  return absl::OkStatus();
}

void HistoryLog::Append(Batch& batch, absl::Time now, HistoryEntry entry) {
  if (written_ != batch.written()) {
    if (written_ != nullptr && !*written_) last_ = before_batch_;
    before_batch_ = last_;
    written_ = batch.written();
  }
  HistoryPosition& position = last_.position;
  position.nanos = std::max(position.nanos, KeyNanos(now));
  if (entry.message_id.has_value()) {
    position.nanos = std::max(position.nanos, entry.message_id->nanos());
  }
  ++position.sequence;
  const std::string key = HistoryKey(position);
  const std::string bytes = EncodeHistoryEntry(entry);
  last_.chain = NextChain(last_.chain, key, bytes);
  batch.Put(Table::kHistory, key, SealRow(bytes, last_.chain));
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

absl::StatusOr<HistoryRows> ReadHistoryRows(std::shared_ptr<const Tables> tables,
                                            const HistoryRowQuery& query) {
  RowRange range = {.table = Table::kHistory,
                    .from = HistoryKey({.nanos = KeyNanos(query.since)}),
                    .keep_in_cache = false};
  if (query.until < absl::InfiniteFuture()) {
    range.to = HistoryKey({.nanos = KeyNanos(query.until)});
  }
  if (!query.cursor.empty()) {
    SLUICE_ASSIGN_OR_RETURN(range.from, KeyOfCursor(query.cursor));
    range.from.push_back('\0');  // the least key behind it
  }
  HistoryRows page;
  SLUICE_ASSIGN_OR_RETURN(page.previous, ChainInFrontOf(tables, range.from));
  RowScan scan(std::move(tables), std::move(range));
  for (; scan.Valid(); scan.Next()) {
    if (page.rows.size() == query.limit) {
      page.next = CursorOfKey(page.rows.back().key);
      break;
    }
    page.rows.push_back({.key = std::string(scan.key()), .value = std::string(scan.value())});
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return page;
}

absl::Status TrimHistory(Batch& batch, absl::Time before) {
  const std::string end = HistoryKey({.nanos = KeyNanos(before)});
  const RowScan scan(batch.tables(), {.table = Table::kHistory, .to = end, .backward = true});
  SLUICE_RETURN_IF_ERROR(scan.status());
  if (!scan.Valid()) return absl::OkStatus();
  batch.Put(Table::kDefault, kHistoryChainKey, ChainBehind(scan.value()));
  batch.EraseRange(Table::kHistory, "", end);
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> HistoryTimeOfSize(const std::shared_ptr<const Tables>& tables,
                                             uint64_t most_bytes) {
  if (tables->Bytes(Table::kHistory, "") <= most_bytes) return absl::InfinitePast();
  RowScan first(tables, {.table = Table::kHistory});
  RowScan last(tables, {.table = Table::kHistory, .backward = true});
  SLUICE_RETURN_IF_ERROR(first.status());
  SLUICE_RETURN_IF_ERROR(last.status());
  if (!first.Valid() || !last.Valid()) return absl::InfinitePast();
  int64_t kept = ParseHistoryKey(last.key()).value_or(HistoryPosition()).nanos;
  int64_t low = ParseHistoryKey(first.key()).value_or(HistoryPosition()).nanos;
  while (kept - low > absl::ToInt64Nanoseconds(absl::Minutes(1))) {
    const int64_t middle = low + (kept - low) / 2;
    if (tables->Bytes(Table::kHistory, HistoryKey({.nanos = middle})) <= most_bytes) {
      kept = middle;
    } else {
      low = middle;
    }
  }
  return absl::FromUnixNanos(kept);
}

}  // namespace sluice::queue
