#include "queue/queue_summary.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/status_macros.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"

namespace sluice::queue {
namespace {

size_t AgeIndex(absl::Duration age) {
  size_t index = 0;
  for (absl::Duration limit = absl::Minutes(5);
       index + 1 < DestinationSummary::kAges && age > limit; limit *= 2) {
    ++index;
  }
  return index;
}

void Add(size_t age, const DueNote& note, DestinationSummary& summary) {
  ++summary.items;
  ++summary.by_age[age];
  summary.held += static_cast<uint64_t>(note.held);
  summary.tls += static_cast<uint64_t>(note.tls);
  summary.parked += static_cast<uint64_t>(note.parked);
  ++summary.by_reason[note.word];
}

}  // namespace

absl::StatusOr<QueueSummary> SummarizeQueue(std::shared_ptr<const Tables> tables, absl::Time now,
                                            absl::string_view destination, size_t most) {
  QueueSummary summary;
  absl::flat_hash_map<std::string, DestinationSummary> by_destination;
  RowScan scan(std::move(tables), {.table = Table::kDue, .keep_in_cache = false});
  for (; scan.Valid(); scan.Next()) {
    const std::optional<TimedItem> row = ParseTimeKey(scan.key());
    const std::optional<Item> item = row.has_value() ? ParseItemKey(row->item) : std::nullopt;
    if (!item.has_value()) continue;
    if (!destination.empty() && item->destination != destination) continue;
    const size_t age = AgeIndex(now - item->id.time());
    const DueNote note = ParseDueRow(scan.value());
    Add(age, note, summary.all);
    auto found = by_destination.find(item->destination);
    if (found == by_destination.end()) {
      if (by_destination.size() == kMostSummaryDestinations) continue;
      found = by_destination.try_emplace(item->destination).first;
    }
    Add(age, note, found->second);
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  summary.destinations_total = by_destination.size();
  summary.destinations.reserve(by_destination.size());
  for (auto& [name, counts] : by_destination) {
    counts.destination = name;
    summary.destinations.push_back(std::move(counts));
  }
  const auto larger = [](const DestinationSummary& a, const DestinationSummary& b) {
    return a.items != b.items ? a.items > b.items : a.destination < b.destination;
  };
  const size_t count = std::min(most, summary.destinations.size());
  std::partial_sort(summary.destinations.begin(),
                    summary.destinations.begin() + static_cast<std::ptrdiff_t>(count),
                    summary.destinations.end(), larger);
  summary.destinations.resize(count);
  return summary;
}

}  // namespace sluice::queue
