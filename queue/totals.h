// How much is queued, in all and for each destination: counted in memory, so that it can be asked
// for at any time.
//
// Memory is bounded: a destination that comes when kMostDestinations are being told apart is
// counted in the sums alone. The sums are always right.
//
// Rebuild walks over the keys of `expiry`, one row of about 50 bytes for each item: half a second
// for a million of them. Thread-safe.
#ifndef SLUICE_QUEUE_TOTALS_H_
#define SLUICE_QUEUE_TOTALS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "queue/database.h"
#include "queue/queue_view.h"

namespace sluice::queue {

// The value of a row in `expiry`.
std::string EncodeSize(uint64_t body_bytes);

class Totals {
 public:
  static constexpr size_t kMostDestinations = 100'000;

  void Add(absl::string_view destination, uint64_t body_bytes);
  void Subtract(absl::string_view destination, uint64_t body_bytes);
  // Forgets everything and counts what is there.
  absl::Status Rebuild(std::shared_ptr<const Tables> tables);

  // Items, bytes and the largest destinations; the rest is left alone.
  QueueTotals Get(size_t most_destinations) const;

 private:
  struct Counts {
    uint64_t items = 0;
    uint64_t body_bytes = 0;
  };
  void AddLocked(absl::string_view destination, uint64_t body_bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  Counts all_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Counts> destinations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_TOTALS_H_
