// Group commit: what many threads want written, in few batches.
//
//   commits.Push({.bytes = 5000, .durable = true,
//                 .prepare = [](Batch& batch) { batch.Put(…); return absl::OkStatus(); },
//                 .complete = [](absl::Status written) { … }});
//
// While one group is being synced the next one gathers; so a busy disk makes groups larger, and an
// idle one gives each request its own. A group is one batch: it is written as a whole or fails as a
// whole, and is synced when any request in it needs that.
//
// `prepare` and `complete` run on the store thread, one group after another, each group's
// `prepare`s before its `complete`s, in the order of Push. A `prepare` that returns an error has
// added nothing to the batch, and that error is its outcome. Since a `prepare` sees the database
// without what those in front of it in the group have added, one that decides by reading rows that
// others may change is pushed with `alone`.
//
// Push, Close and Figures: any thread. Run: the store's.
#ifndef SLUICE_QUEUE_COMMIT_QUEUE_H_
#define SLUICE_QUEUE_COMMIT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/clock.h"
#include "queue/batch.h"
#include "queue/commit_times.h"
#include "queue/database.h"

namespace sluice::queue {

struct CommitRequest {
  size_t bytes = 0;         // that it will add, roughly
  bool durable = false;     // answered only when synced
  bool alone = false;       // in a group of its own
  bool may_exceed = false;  // taken however much waits: it is needed to get rid of something
  absl::AnyInvocable<absl::Status(Batch&)> prepare;
  absl::AnyInvocable<void(absl::Status) &&> complete;
};

class CommitQueue {
 public:
  // A group ends with the request that reaches one of these. On the disks this was measured on,
  // throughput no longer grows beyond a megabyte for each sync.
  static constexpr size_t kGroupBytes = 1 << 20;
  static constexpr size_t kGroupRequests = 1024;

  // `schedule` sees to it that Run is called, once, on the store thread.
  CommitQueue(Database& database, const Clock& clock, size_t max_pending_bytes,
              absl::AnyInvocable<void()> schedule);
  ~CommitQueue();

  // Called with each batch that has been written, in front of its `complete`s. Before the first Push.
  void OnWritten(absl::AnyInvocable<void(const Batch&)> on_written) {
    on_written_ = std::move(on_written);
  }

  // On an error (ResourceExhausted: too much waits; Cancelled: closed) `request` is completed with
  // it at once, on this thread.
  void Push(CommitRequest request);

  // One group.
  void Run();

  // Nothing is taken any more after `last`.
  void Close(CommitRequest last);

  CommitFigures Figures() const;

 private:
  absl::Status Enqueue(CommitRequest& request, bool closing);
  std::vector<CommitRequest> TakeGroup();
  void Commit(std::vector<CommitRequest>& group);
  absl::Status Write(Batch& batch, bool sync, size_t requests);

  Database& database_;
  const Clock& clock_;
  const size_t max_pending_bytes_;
  absl::AnyInvocable<void(const Batch&)> on_written_;
  CommitTimes times_;
  // Of the group before: growing it anew for each one would have megabytes copied.
  std::unique_ptr<rocksdb::WriteBatch> batch_memory_;

  mutable absl::Mutex mutex_;
  absl::AnyInvocable<void()> schedule_ ABSL_GUARDED_BY(mutex_);
  std::deque<CommitRequest> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_COMMIT_QUEUE_H_
