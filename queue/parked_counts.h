// How many items are parked for each destination: counted in memory, so that it can be asked for at
// any time.
//
// It follows from the batches that have been written (Batch::CountParked), and is counted anew from
// the rows of `parked` whenever the database is opened. One entry for each destination that has
// something parked. Thread-safe.
#ifndef SLUICE_QUEUE_PARKED_COUNTS_H_
#define SLUICE_QUEUE_PARKED_COUNTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "queue/batch.h"
#include "queue/database.h"

namespace sluice::queue {

class ParkedCounts {
 public:
  // Forgets everything and counts what is there.
  absl::Status Rebuild(std::shared_ptr<const Tables> tables);
  // `batch` has been written.
  void Apply(const Batch& batch);

  uint64_t all() const;
  uint64_t of(absl::string_view destination) const;
  std::vector<std::string> Destinations() const;  // in the order of their names

 private:
  void AddLocked(absl::string_view destination, int64_t change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  uint64_t all_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, uint64_t> destinations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_PARKED_COUNTS_H_
