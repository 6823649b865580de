#include "queue/parked_counts.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/log.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"

namespace sluice::queue {

void ParkedCounts::AddLocked(absl::string_view destination, int64_t change) {
  if (change == 0) return;
  uint64_t& count = destinations_[destination];
  // An envelope in a damaged store may say that it is parked where no row does.
  change = std::max(change, -static_cast<int64_t>(count));
  count += static_cast<uint64_t>(change);
  all_ += static_cast<uint64_t>(change);
  if (count == 0) destinations_.erase(destination);
}

absl::Status ParkedCounts::Rebuild(std::shared_ptr<const Tables> tables) {
  const absl::MutexLock lock(&mutex_);
  all_ = 0;
  destinations_.clear();
  RowScan scan(std::move(tables), {.table = Table::kParked, .keep_in_cache = false});
  for (; scan.Valid(); scan.Next()) {
    const std::optional<Item> row = ParseParkedKey(scan.key());
    if (row.has_value()) {
      AddLocked(row->destination, 1);
    } else {
      log::Error("store_damaged_key", {{"table", TableName(Table::kParked)}});
    }
  }
  return scan.status();
}

void ParkedCounts::Apply(const Batch& batch) {
  if (batch.parked_changes().empty()) return;
  const absl::MutexLock lock(&mutex_);
  for (const auto& [destination, change] : batch.parked_changes()) AddLocked(destination, change);
}

uint64_t ParkedCounts::all() const {
  const absl::MutexLock lock(&mutex_);
  return all_;
}

uint64_t ParkedCounts::of(absl::string_view destination) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = destinations_.find(destination);
  return found == destinations_.end() ? 0 : found->second;
}

std::vector<std::string> ParkedCounts::Destinations() const {
  std::vector<std::string> destinations;
  {
    const absl::MutexLock lock(&mutex_);
    destinations.reserve(destinations_.size());
    for (const auto& [destination, count] : destinations_) destinations.push_back(destination);
  }
  std::sort(destinations.begin(), destinations.end());
  return destinations;
}

}  // namespace sluice::queue
