#include "queue/time_index.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/base/status_macros.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"

namespace sluice::queue {

absl::StatusOr<TimeIndex::Front> TimeIndex::Scan(std::shared_ptr<const Tables> tables,
                                                 absl::Time now, size_t limit,
                                                 const InFlight& in_flight) {
  const absl::Time horizon = now + look_ahead_;
  Front front;
  front.next = horizon;
  std::string end = TimeKey(horizon);
  // There is nothing in front of the cursor. (It is further ahead than the clock after that was set
  // back; who asks is told to ask again soon all the same, as it may be set forward again.)
  if (cursor_ >= end) return front;
  RowScan scan(std::move(tables), {.table = table_, .from = cursor_, .to = end});
  for (; scan.Valid(); scan.Next()) {
    const std::optional<TimedItem> row = ParseTimeKey(scan.key());
    if (!row.has_value()) {
      log::Error("store_damaged_key", {{"table", TableName(table_)}});
      continue;
    }
    if (in_flight.Contains(row->item) && !SLUICE_PLANTED_BUG(InFlightHandedOut)) continue;
    const bool early = table_ == Table::kExpiry && SLUICE_PLANTED_BUG(ExpiredBeforeDeadline);
    if (row->time > now + (early ? absl::Minutes(10) : absl::ZeroDuration()) ||
        front.items.size() == limit) {
      front.next = row->time;
      cursor_ = std::string(scan.key());
      return front;
    }
    front.items.push_back({.time = row->time, .item = std::string(row->item)});
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  cursor_ = std::move(end);
  return front;
}

void TimeIndex::Lower(absl::Time time, absl::string_view item) {
  std::string key = TimeKey(time, item);
  if (key < cursor_) cursor_ = std::move(key);
}

}  // namespace sluice::queue
