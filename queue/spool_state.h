// The inside of a Spool: what is behind its calls, and lives as long as any of them is under way.
//
// One concept, one file: accept.cc (mail comes in), take.cc (it is handed out), attempt_end.cc (how
// an attempt ended), parking.cc (it waits for its destination), orders.cc (what people do to it),
// keep_time.cc (the queue's own time), spool_state.cc (opening, closing, and going on after the disk
// failed).
//
// The store thread owns everything that decides: the cursors of the indexes, the end of the
// history, and what is written. Other threads see the database, as of some moment, and what is in
// flight.
#ifndef SLUICE_QUEUE_SPOOL_STATE_H_
#define SLUICE_QUEUE_SPOOL_STATE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/steady_clock.h"
#include "queue/batch.h"
#include "queue/commit_queue.h"
#include "queue/database.h"
#include "queue/history_log.h"
#include "queue/in_flight.h"
#include "queue/parked_counts.h"
#include "queue/row_scan.h"
#include "queue/spool.h"
#include "queue/time_index.h"
#include "queue/totals.h"

namespace sluice::queue {

class SpoolState : public std::enable_shared_from_this<SpoolState> {
 public:
  template <typename T>
  using Done = Spool::Done<T>;

  SpoolState(const SpoolOptions& options, std::unique_ptr<Database> database);
  absl::Status Load();
  // Once, before anything asks for the time.
  absl::Status LoadTime();

  AcceptTicket Accept(NewMessage message, Done<absl::Status> done);
  void Finish(AttemptResult result, Done<absl::StatusOr<Afterwards>> done);
  void Release(const MessageId& id, absl::string_view destination, absl::Time not_before,
               absl::AnyInvocable<void() &&> done);
  void TakeDue(absl::Time now, size_t limit, Done<absl::StatusOr<TakenWork>> done);
  void TakeExpired(absl::Time now, size_t limit, Done<absl::StatusOr<TakenWork>> done);
  absl::Time NextDue() const { return absl::FromUnixNanos(next_due_nanos_.load()); }
  void LoadBody(const MessageId& id, absl::string_view destination,
                Done<absl::StatusOr<io::Body>> done);
  void RetryNow(Selection selection, Done<absl::StatusOr<uint64_t>> done);
  void Hold(Selection selection, Reason reason, Done<absl::StatusOr<uint64_t>> done);
  void EndHold(Selection selection, Done<absl::StatusOr<uint64_t>> done);
  void Remove(Selection selection, Reason reason, Done<absl::StatusOr<uint64_t>> done);
  void TakeSelected(Selection selection, std::string position, size_t limit,
                    Done<absl::StatusOr<SelectedWork>> done);
  void TakeParked(std::string destination, std::string position, size_t limit,
                  Done<absl::StatusOr<SelectedWork>> done);
  absl::StatusOr<std::vector<ParkedDestination>> ReadParked() const;
  uint64_t Parked(absl::string_view destination) const { return parked_.of(destination); }
  absl::StatusOr<QueuePage> List(const QueueQuery& query) const;
  absl::StatusOr<io::Body> ReadBeginning(const MessageId& id, size_t least_bytes) const;
  absl::StatusOr<QueueTotals> Count(size_t most_destinations) const;
  absl::StatusOr<QueueSummary> Summarize(absl::string_view destination, size_t most) const;
  CommitFigures Commits() const { return commits_.Figures(); }
  void AppendHistory(HistoryEntry entry, Done<absl::Status> done);
  absl::StatusOr<HistoryPage> QueryHistory(const HistoryQuery& query) const;
  absl::StatusOr<HistoryRows> ReadHistoryRows(const HistoryRowQuery& query) const;
  void TrimHistory(absl::Time before, uint64_t most_bytes, Done<absl::Status> done);
  void TellHistoryHead();
  void WritePolicy(PolicyUpdate update, Done<absl::Status> done);
  void WriteSide(Table table, std::vector<SideWrite> writes, Done<absl::Status> done);
  absl::StatusOr<std::shared_ptr<const Tables>> Read() const { return database_->Read(); }
  absl::Time Now() const { return clock_.WallNow(); }
  absl::Duration WallAhead() const { return clock_.ahead(); }
  void KeepTime();
  void Close(Done<absl::Status> done);

 private:
  struct AcceptJob;
  struct FinishJob;
  struct OrderJob;
  struct TakeJob;

  // Reads anew what is kept in memory of a database that has been opened again.
  absl::Status Reload(std::shared_ptr<const Tables> tables);

  // accept.cc
  void Accepted(const std::vector<Envelope>& envelopes);
  void Undo(const std::vector<Envelope>& envelopes);
  void AcceptedOrFailed(AcceptJob& job, absl::Status written);

  // attempt_end.cc
  absl::Status PrepareFinish(Batch& batch, FinishJob& job);
  void CompleteFinish(FinishJob& job, absl::Status written);
  void Postpone(std::string item, const ItemFacts& before, absl::Time until,
                absl::AnyInvocable<void() &&> done);
  // The item is in nobody's hands any more; the indexes find it again.
  void LetGo(absl::string_view item, const ItemFacts& facts);
  void LetGoNow(absl::string_view item, const ItemFacts& facts);
  void LowerDue(absl::Time due, absl::string_view item);

  // take.cc
  // Finds items from a position on, and moves it on; empty: there are no more.
  using FindItems = absl::AnyInvocable<absl::StatusOr<std::vector<TimeIndex::Found>>(
      std::shared_ptr<const Tables>, std::string& position)>;
  // On the store's thread: puts in flight what is found, and hands it out.
  void TakeFound(Table table, std::string position, FindItems find,
                 Done<absl::StatusOr<SelectedWork>> done);
  void Take(TimeIndex& index, Table table, absl::Time now, size_t limit,
            Done<absl::StatusOr<TakenWork>> done);
  void HandOut(Table table, std::shared_ptr<const Tables> tables,
               std::vector<TimeIndex::Found> found,
               Done<absl::StatusOr<std::vector<Envelope>>> done);
  void LoadTaken(TakeJob& job);
  absl::StatusOr<std::vector<TimeIndex::Found>> FindItemsOf(std::shared_ptr<const Tables> tables,
                                                            const Selection& selection);
  // Of a selection that is no message by itself: what is not in flight, in the order of due, up to
  // `limit`. Moves `position` on.
  absl::StatusOr<std::vector<TimeIndex::Found>> FindSelected(const Moment& moment,
                                                             const Selection& selection,
                                                             std::string& position,
                                                             size_t limit) const;
  // Row by row as they were found.
  static std::vector<Tables::Row> ReadEnvelopes(const Tables& tables,
                                                const std::vector<TimeIndex::Found>& found);
  absl::StatusOr<std::optional<Envelope>> CheckTakenItem(const Tables::Row& row, Table table,
                                                         const TimeIndex::Found& found);
  void EraseLeftover(Table table, TimeIndex::Found found, std::optional<ItemFacts> facts);

  // parking.cc
  absl::StatusOr<std::vector<TimeIndex::Found>> FindParked(std::shared_ptr<const Tables> tables,
                                                           const std::string& destination,
                                                           std::string& position, size_t limit);

  // keep_time.cc
  void PutTime(Batch& batch) const;

  // orders.cc
  void StartOrder(OrderJob order);
  void CarryOut(std::shared_ptr<OrderJob> job);
  absl::Status PrepareOrder(Batch& batch, OrderJob& job);
  absl::Status PrepareOrderOfMessage(Batch& batch, OrderJob& job);
  absl::Status Apply(Batch& batch, OrderJob& job, absl::string_view item, Envelope envelope);

  SteadyClock clock_;
  io::Executor& store_;
  io::Executor& readers_;
  const absl::Duration lease_;
  const std::unique_ptr<Database> database_;

  CommitQueue commits_;
  InFlight in_flight_;
  Totals totals_;
  ParkedCounts parked_;
  std::atomic<int64_t> next_due_nanos_{0};  // written by the store thread

  MonoTime keep_time_at_;                   // KeepTime's thread's
  std::atomic<bool> time_not_kept_{false};  // the last try failed

  // The store thread's:
  TimeIndex due_;
  TimeIndex expiry_;
  HistoryLog history_;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_SPOOL_STATE_H_
