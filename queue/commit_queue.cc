#include "queue/commit_queue.h"

#include <rocksdb/write_batch.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/planted_bug.h"

namespace sluice::queue {

CommitQueue::CommitQueue(Database& database, const Clock& clock, size_t max_pending_bytes,
                         absl::AnyInvocable<void()> schedule)
    : database_(database),
      clock_(clock),
      max_pending_bytes_(max_pending_bytes),
      schedule_(std::move(schedule)) {}

CommitQueue::~CommitQueue() = default;

void CommitQueue::Push(CommitRequest request) {
  absl::Status refused = Enqueue(request, /*closing=*/false);
  if (!refused.ok()) std::move(request.complete)(std::move(refused));
}

void CommitQueue::Close(CommitRequest last) {
  absl::Status refused = Enqueue(last, /*closing=*/true);
  if (!refused.ok()) std::move(last.complete)(std::move(refused));
}

absl::Status CommitQueue::Enqueue(CommitRequest& request, bool closing) {
  const absl::MutexLock lock(&mutex_);
  if (closed_) return absl::CancelledError("the queue has been closed");
  // One request may reach beyond the bound, so that no message is too large for an idle disk.
  if (waiting_bytes_ > max_pending_bytes_ && !request.may_exceed && !closing) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", max_pending_bytes_, " bytes wait to be written to the queue"));
  }
  closed_ = closing;
  waiting_bytes_ += request.bytes;
  waiting_.push_back(std::move(request));
  if (!scheduled_) {
    scheduled_ = true;
    schedule_();
  }
  return absl::OkStatus();
}

std::vector<CommitRequest> CommitQueue::TakeGroup() {
  const absl::MutexLock lock(&mutex_);
  std::vector<CommitRequest> group;
  for (size_t bytes = 0;
       !waiting_.empty() && bytes < kGroupBytes && group.size() < kGroupRequests;) {
    if (!group.empty() && (group.back().alone || waiting_.front().alone)) break;
    bytes += waiting_.front().bytes;
    waiting_bytes_ -= waiting_.front().bytes;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return group;
}

void CommitQueue::Commit(std::vector<CommitRequest>& group) {
  absl::Status written = database_.Ready();
  absl::StatusOr<std::shared_ptr<const Tables>> tables = database_.Read();
  if (written.ok()) written = tables.status();
  if (!written.ok()) {
    times_.CountFailed(group.size());
    for (CommitRequest& request : group) std::move(request.complete)(written);
    return;
  }
  std::vector<absl::Status> prepared;
  prepared.reserve(group.size());
  {
    Batch batch(*std::move(tables), std::move(batch_memory_));
    bool sync = false;
    bool any = false;
    for (CommitRequest& request : group) {
      prepared.push_back(request.prepare(batch));
      any = any || prepared.back().ok();
      sync = sync || (request.durable && prepared.back().ok() &&
                      !SLUICE_PLANTED_BUG(AnsweredBeforeSync));
    }
    if (any && !batch.empty()) {
      written = Write(batch, sync, group.size());
    }
    batch_memory_ = batch.TakeMemory();
  }
  for (size_t i = 0; i < group.size(); ++i) {
    std::move(group[i].complete)(prepared[i].ok() ? written : std::move(prepared[i]));
  }
}

absl::Status CommitQueue::Write(Batch& batch, bool sync, size_t requests) {
  const MonoTime begun = clock_.MonoNow();
  absl::Status written = database_.Write(batch.writes(), sync);
  *batch.written() = written.ok();
  if (!written.ok()) {
    times_.CountFailed(requests);
    return written;
  }
  times_.CountWritten(sync, requests, clock_.MonoNow() - begun);
  if (on_written_) on_written_(batch);
  return written;
}

CommitFigures CommitQueue::Figures() const {
  CommitFigures figures = times_.Read();
  const absl::MutexLock lock(&mutex_);
  figures.waiting_bytes = waiting_bytes_;
  return figures;
}

void CommitQueue::Run() {
  std::vector<CommitRequest> group = TakeGroup();
  Commit(group);
  group.clear();
  const absl::MutexLock lock(&mutex_);
  scheduled_ = !waiting_.empty();
  if (scheduled_) schedule_();
}

}  // namespace sluice::queue
