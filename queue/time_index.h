// The front of a table that is ordered by time (`due`, `expiry`): what is next.
//
// Rows are erased at the front all the time, and each erased row stands in the way of a scan until
// a compaction has removed it: 300,000 of them cost 60 ms. So the place is remembered up to which
// there is nothing to find, and a scan begins there:
//
//   Every row in front of the cursor is in flight or erased. Whoever lets go of an item in flight,
//   or puts a row, lowers the cursor to it.
//
// Rows of fresh mail do not lower it, as they are in flight from the start. A scan looks no further
// ahead than `look_ahead`, which is shorter than their lease: so it never walks through the rows
// that are being put and erased at this moment by the thousand.
//
// `now` may be any time, and go back: what is told of the rows in front of the cursor has nothing
// to do with it.
//
// The store thread's.
#ifndef SLUICE_QUEUE_TIME_INDEX_H_
#define SLUICE_QUEUE_TIME_INDEX_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "queue/database.h"
#include "queue/in_flight.h"

namespace sluice::queue {

class TimeIndex {
 public:
  TimeIndex(Table table, absl::Duration look_ahead) : table_(table), look_ahead_(look_ahead) {}

  struct Found {
    absl::Time time;
    std::string item;  // key of its envelope
  };
  struct Front {
    std::vector<Found> items;  // of a time <= now, not in flight
    absl::Time next;  // of the row after them; where there is none near, when to look again
  };
  // The caller puts all of `items` in flight, or lowers the cursor to them again.
  absl::StatusOr<Front> Scan(std::shared_ptr<const Tables> tables, absl::Time now, size_t limit,
                             const InFlight& in_flight);

  // There may be something to find at `time`.
  void Lower(absl::Time time, absl::string_view item);
  void Reset() { cursor_.clear(); }

 private:
  const Table table_;
  const absl::Duration look_ahead_;
  std::string cursor_;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_TIME_INDEX_H_
