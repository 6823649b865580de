// How the store's writes go, since the start: what a slow disk, or one that fails, shows up in first.
// The store's thread counts, any thread reads.
#ifndef SLUICE_QUEUE_COMMIT_TIMES_H_
#define SLUICE_QUEUE_COMMIT_TIMES_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "engine/base/counter.h"
#include "engine/base/histogram.h"

namespace sluice::queue {

// What was read of it. Plain data.
struct CommitFigures {
  HistogramCounts synced;    // groups that were synced, in front of which 250 was not said
  HistogramCounts unsynced;  // groups that were only written
  uint64_t failed = 0;  // groups that could not be written, not in the above
  uint64_t requests = 0;       // that were in groups; by how many groups: how well they gather
  uint64_t waiting_bytes = 0;  // that wait to be written, now
};

class CommitTimes {
 public:
  // The store's thread, for each group.
  void CountWritten(bool synced, size_t requests, absl::Duration took) {
    (synced ? synced_ : unsynced_).Observe(took);
    requests_.Add(requests);
  }
  void CountFailed(size_t requests) {
    failed_.Add();
    requests_.Add(requests);
  }

  CommitFigures Read() const {
    return {.synced = synced_.Read(),
            .unsynced = unsynced_.Read(),
            .failed = failed_.value(),
            .requests = requests_.value()};
  }

 private:
  StepHistogram synced_;
  StepHistogram unsynced_;
  Counter failed_;
  Counter requests_;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_COMMIT_TIMES_H_
