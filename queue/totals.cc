#include "queue/totals.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/log.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"

namespace sluice::queue {
namespace {

// 0 for what EncodeSize did not write: the size is only for display.
uint64_t DecodeSize(absl::string_view bytes) {
  uint64_t value = 0;
  int shift = 0;
  for (const char c : bytes) {
    if (shift > 63) return 0;
    value |= static_cast<uint64_t>(c & 0x7f) << shift;
    shift += 7;
  }
  return value;
}

}  // namespace

std::string EncodeSize(uint64_t body_bytes) {
  std::string bytes;
  for (; body_bytes >= 0x80; body_bytes >>= 7) {
    bytes.push_back(static_cast<char>(body_bytes | 0x80));
  }
  bytes.push_back(static_cast<char>(body_bytes));
  return bytes;
}

void Totals::AddLocked(absl::string_view destination, uint64_t body_bytes) {
  ++all_.items;
  all_.body_bytes += body_bytes;
  auto found = destinations_.find(destination);
  if (found == destinations_.end()) {
    if (destinations_.size() >= kMostDestinations) return;
    found = destinations_.try_emplace(destination).first;
  }
  ++found->second.items;
  found->second.body_bytes += body_bytes;
}

void Totals::Add(absl::string_view destination, uint64_t body_bytes) {
  const absl::MutexLock lock(&mutex_);
  AddLocked(destination, body_bytes);
}

void Totals::Subtract(absl::string_view destination, uint64_t body_bytes) {
  const absl::MutexLock lock(&mutex_);
  --all_.items;
  all_.body_bytes -= body_bytes;
  const auto found = destinations_.find(destination);
  if (found == destinations_.end()) return;
  // It may have come when no more destinations were told apart, and others of its destination
  // later.
  Counts& counts = found->second;
  counts.body_bytes -= std::min(counts.body_bytes, body_bytes);
  if (--counts.items == 0) destinations_.erase(found);
}

absl::Status Totals::Rebuild(std::shared_ptr<const Tables> tables) {
  const absl::MutexLock lock(&mutex_);
  all_ = {};
  destinations_.clear();
  RowScan scan(std::move(tables), {.table = Table::kExpiry, .keep_in_cache = false});
  for (; scan.Valid(); scan.Next()) {
    const std::optional<TimedItem> row = ParseTimeKey(scan.key());
    if (!row.has_value()) {
      log::Error("store_damaged_key", {{"table", TableName(Table::kExpiry)}});
      continue;
    }
    AddLocked(row->item.substr(kIdBytes), DecodeSize(scan.value()));
  }
  return scan.status();
}

QueueTotals Totals::Get(size_t most_destinations) const {
  QueueTotals totals;
  {
    const absl::MutexLock lock(&mutex_);
    totals.items = all_.items;
    totals.body_bytes = all_.body_bytes;
    if (most_destinations == 0) return totals;
    totals.destinations.reserve(destinations_.size());
    for (const auto& [destination, counts] : destinations_) {
      totals.destinations.push_back(
          {.destination = destination, .items = counts.items, .body_bytes = counts.body_bytes});
    }
  }
  const auto larger = [](const DestinationTotals& a, const DestinationTotals& b) {
    return a.items != b.items ? a.items > b.items : a.destination < b.destination;
  };
  const size_t count = std::min(most_destinations, totals.destinations.size());
  std::partial_sort(totals.destinations.begin(),
                    totals.destinations.begin() + static_cast<std::ptrdiff_t>(count),
                    totals.destinations.end(), larger);
  totals.destinations.resize(count);
  return totals;
}

}  // namespace sluice::queue
