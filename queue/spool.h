// The spool: mail that was answered with 250 and has not reached its next hop yet, on disk.
//
//   absl::StatusOr<std::unique_ptr<Spool>> spool = Spool::Open(
//       {.data_dir = "/var/lib/sluice", .clock = &SystemClock(), .store = store.get()});
//
//   io::Answer<absl::Status> stored(core);
//   AcceptTicket ticket = spool->Accept(std::move(message), stored.Sender());
//   std::optional<absl::Status> answer = co_await stored.Wait(deadline);
//   if (answer.has_value() && answer->ok()) Say("250 2.0.0 queued");     // it is on disk, synced
//   else if (ticket.Withdraw()) Say("451 4.3.0 try again later");        // and it is not queued
//   else Say("250 2.0.0 queued");                                        // it just made it
//
// What is promised
//   A message whose Accept was answered OK is never lost: its body, envelopes, due and expiry rows
//   are one batch, which has been synced by then. It stays until each recipient is delivered or
//   failed in a Finish, or an administrator removes it. What can happen after a crash is a second
//   delivery: a Finish is not synced by itself, only together with the next message accepted.
//
// The life of an item (a message for one destination)
//   Accept puts it in flight, in the hands of the caller, who tries to deliver it at once. Finish
//   tells how the attempt ended: the item is gone, or it is deferred and waits for its due time.
//   Then TakeDue hands it out, in flight again. Or it is parked, waiting for its destination and for
//   no time, and TakeParked hands it out. TakeExpired hands out what has reached its
//   deadline, due or not. What is in flight is handed to nobody else until Finish or Release; that
//   is kept in memory, so after a crash what was in flight is simply due: at once, or, fresh from
//   Accept, when its lease is over.
//
// Time
//   Deadlines, due times, message ids and the history are in the queue's own time: wall time that
//   no step of the machine's clock moves (engine/base/steady_clock.h), over restarts too. Now()
//   says what time it is; callers reckon by it. WallAhead() is what to add where people look.
//
// Threads
//   All calls, from any thread. Everything that writes happens on the `store` executor, in groups:
//   what has gathered while one group was synced is the next group. Callbacks are called once, on
//   `store` or `readers`, or at once where a call is refused, and must not block. List, Find,
//   Count, Summarize, QueryHistory and all that begins with Read read on the calling thread and may
//   wait for the disk: never from a core.
//
// Errors
//   Unavailable       the disk does not take writes, and the message says why. It is tried again
//                     every second, and everything works again as soon as it does.
//   ResourceExhausted more waits for the disk than `max_pending_bytes`, or the disk is full.
//   DataLoss          what was read back is damaged.
//   Cancelled         Accept: withdrawn. Any call: after Close.
#ifndef SLUICE_QUEUE_SPOOL_H_
#define SLUICE_QUEUE_SPOOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/io/chunk.h"
#include "engine/io/executor.h"
#include "queue/commit_times.h"
#include "queue/envelope.h"
#include "queue/history.h"
#include "queue/message_id.h"
#include "queue/policy_rows.h"
#include "queue/queue_view.h"
#include "queue/side_rows.h"

namespace rocksdb {
class Env;
}

namespace sluice::queue {

class SpoolState;

struct SpoolOptions {
  std::string data_dir;             // made if it is missing, with those above it
  rocksdb::Env* env = nullptr;      // the disk; null: the machine's
  const Clock* clock = nullptr;     // these three and `env` outlive the spool and its callbacks
  io::Executor* store = nullptr;    // one thread (jobs one at a time; in any order)
  io::Executor* readers = nullptr;  // where bodies and envelopes are read; null: `store`
  // The machine's, new with each time it is booted (/proc/sys/kernel/random/boot_id); empty: not
  // known. Where the last run had the same one no power was lost since, so whatever was written is
  // there, and a log that breaks off anywhere but at its end is refused as damaged. Otherwise it
  // may, and what stands behind is taken for what had not been synced.
  std::string boot_id;
  // How long after its acceptance a message that was in flight in a crash is tried again.
  absl::Duration lease = absl::Seconds(60);
  size_t memory_bytes = size_t{256} << 20;       // write buffers and block cache; >= 8 MiB
  size_t max_pending_bytes = size_t{256} << 20;  // that may wait for the disk
};

// At least one envelope, all with `id`, and no destination twice.
struct NewMessage {
  MessageId id;
  io::Body body;
  std::vector<Envelope> envelopes;
};

// To take back a message that is being accepted. Thread-safe; may outlive the spool.
class AcceptTicket {
 public:
  // True: the message is not in the queue, and will not be; if it is being written at this moment
  // it is erased again, and only a crash in between can bring it back. False: it is safely in the
  // queue (and in flight, in the hands of whoever called Accept).
  bool Withdraw();

 private:
  friend class SpoolState;
  enum class State : uint8_t { kWaiting, kWriting, kStored, kFailed, kWithdrawn };
  AcceptTicket() : state_(std::make_shared<std::atomic<State>>(State::kWaiting)) {}

  std::shared_ptr<std::atomic<State>> state_;
};

// How an attempt ended. The item is gone when no recipient is pending any more: for expiry and
// deletion, mark those that are left as failed.
struct AttemptResult {
  Envelope envelope;        // as it is now: recipients, last failure, policy digest
  absl::Time next_attempt;  // when a recipient is pending; the deadline at the latest
  // Where a recipient is pending: it waits, whatever next_attempt says, until TakeParked finds it, an
  // administrator wants it, or its deadline comes.
  bool park = false;
  // Of what is parked: when it is handed out as due all the same, to be seen to and parked again.
  absl::Time look_again = absl::InfiniteFuture();
  bool attempted = true;  // false: it was not tried, and this is not counted
  std::vector<HistoryEntry> history;
  std::vector<NewMessage> notifications;  // accepted with it, in flight as after Accept
};

enum class Afterwards : uint8_t {
  kGone,
  kDeferred,
  kExpired,  // recipients are pending and the deadline has come: it is still in flight, and Finish
             // is to be called again, with nothing pending
};

struct TakenWork {
  // In flight now. Whose deadline has come is to be expired, whichever call it came through.
  std::vector<Envelope> items;
  // When to ask again: the due time (deadline) of the next item, or a little while from now if none
  // is near.
  absl::Time next;
};

struct SelectedWork {
  std::vector<Envelope> items;  // in flight now
  std::string next;             // where to go on; empty: all have been looked at
};

// Where mail waits for its destination, and why the one of it that was found first did not get through.
struct ParkedDestination {
  std::string destination;
  std::optional<AttemptFailure> last_failure;
};

class Spool {
 public:
  template <typename T>
  using Done = absl::AnyInvocable<void(T) &&>;

  // Blocks while the log of the last run is replayed and the queue is counted (about a second for
  // two million items). The error names the directory and says what to do.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(SpoolOptions options);
  // What has been asked for is still done, and the database is closed after it; Close says when.
  ~Spool();

  // InvalidArgument for an envelope that cannot be stored.
  AcceptTicket Accept(NewMessage message, Done<absl::Status> done);

  // FailedPrecondition when the item is not in flight (after an error and a second call: the first
  // turned out to have been written after all). After any other error it still is, and nothing has
  // changed: call again later, or Release it, and it may be sent twice.
  void Finish(AttemptResult result, Done<absl::StatusOr<Afterwards>> done);

  // Gives an item back without an attempt. It is due when it was before, or at `not_before` if that
  // is later. `done` is called, on `store`, when it is no longer in flight.
  void Release(const MessageId& id, absl::string_view destination,
               absl::Time not_before = absl::InfinitePast(),
               absl::AnyInvocable<void() &&> done = nullptr);

  void TakeDue(absl::Time now, size_t limit, Done<absl::StatusOr<TakenWork>> done);
  void TakeExpired(absl::Time now, size_t limit, Done<absl::StatusOr<TakenWork>> done);
  // Not later than the due time of any item that is not in flight. Lowered at once by whatever
  // makes an item due earlier; raised by TakeDue.
  absl::Time NextDue() const;

  // Of an item in flight. DataLoss when it is not what was accepted.
  void LoadBody(const MessageId& id, absl::string_view destination,
                Done<absl::StatusOr<io::Body>> done);

  // What people do to items. What is in flight is left alone; where a message is selected by itself,
  // that is FailedPrecondition, and NotFound when it is not queued. In small steps, so that mail goes
  // on being accepted: after an error some of many may have been changed. Answers how many were.

  // Makes items due at once, as far as they are not yet; what is parked, too.
  // What is on hold stays there; FailedPrecondition where that is a message by itself.
  void RetryNow(Selection selection, Done<absl::StatusOr<uint64_t>> done);
  // On hold, items are not tried until EndHold, which makes them due at once. Their deadlines hold
  // nevertheless.
  void Hold(Selection selection, Reason reason, Done<absl::StatusOr<uint64_t>> done);
  void EndHold(Selection selection, Done<absl::StatusOr<uint64_t>> done);
  // Erases without a notification.
  void Remove(Selection selection, Reason reason, Done<absl::StatusOr<uint64_t>> done);
  // Puts items in flight and hands them out, on hold or not, due or not, up to `limit` at a time:
  // to be finished in whatever way; a message by itself whole. `position` is empty, or `next` of the
  // call before.
  void TakeSelected(Selection selection, std::string position, size_t limit,
                    Done<absl::StatusOr<SelectedWork>> done);

  // Puts items of `destination` that are parked in flight and hands them out, the oldest first, up to
  // `limit` at a time; `position` as above. They stay parked until Finish says otherwise, and Release
  // gives them back as such.
  void TakeParked(std::string destination, std::string position, size_t limit,
                  Done<absl::StatusOr<SelectedWork>> done);
  // All destinations for which something is parked. Reads one envelope of each.
  absl::StatusOr<std::vector<ParkedDestination>> ReadParked() const;
  // How many items are parked for it, those in flight included. Any thread, a core's too: in memory.
  uint64_t Parked(absl::string_view destination) const;

  // Items as they were when the call was made; what changes meanwhile is not seen.
  absl::StatusOr<QueuePage> List(const QueueQuery& query) const;
  // All of one message; empty when it is not queued.
  absl::StatusOr<std::vector<QueueItem>> Find(const MessageId& id) const;
  // Of its body, as far as is asked for and some (queue_list.h); empty when it is not queued.
  absl::StatusOr<io::Body> ReadBeginning(const MessageId& id, size_t least_bytes) const;
  // `most_destinations`: how many of the largest are told apart. Kept in memory, so that it can be
  // answered whatever the disk does; only the oldest message is looked up, and unset where it
  // cannot be.
  absl::StatusOr<QueueTotals> Count(size_t most_destinations) const;
  // By destination, age and reason (queue_summary.h). Reads 60 bytes for each item queued.
  absl::StatusOr<QueueSummary> Summarize(absl::string_view destination, size_t most) const;

  // In memory, too.
  CommitFigures Commits() const;

  // For what is refused before it is accepted. Not synced by itself.
  void AppendHistory(HistoryEntry entry, Done<absl::Status> done);
  absl::StatusOr<HistoryPage> QueryHistory(const HistoryQuery& query) const;
  absl::StatusOr<HistoryRows> ReadHistoryRows(const HistoryRowQuery& query) const;
  // Forgets entries from before `before`, and of the rest the oldest, until they take some
  // `most_bytes` at most.
  void TrimHistory(absl::Time before, uint64_t most_bytes, Done<absl::Status> done);
  // Tells the log where the history stands (history_chain.h).
  void TellHistoryHead();

  // All rows or none, synced.
  void WritePolicy(PolicyUpdate update, Done<absl::Status> done);
  absl::StatusOr<PolicyRows> ReadPolicy() const;
  absl::StatusOr<PolicyChanges> ReadPolicyChanges(const PolicyChangeQuery& query) const;
  absl::StatusOr<std::vector<PolicyPing>> ReadPolicyPings(absl::string_view key) const;

  // Rows that others keep beside the mail (side_rows.h). All or none; not synced by itself.
  void WriteMtaSts(std::vector<SideWrite> writes, Done<absl::Status> done);
  absl::StatusOr<SideRows> ReadMtaSts() const;
  void WriteTlsReports(std::vector<SideWrite> writes, Done<absl::Status> done);
  absl::StatusOr<SideRows> ReadTlsReports() const;

  absl::Time Now() const;
  absl::Duration WallAhead() const;
  // Every second or so, by one thread: notices when the machine's clock is stepped, logs it, and
  // keeps where the queue's time stands for the next run.
  void KeepTime();

  // Takes nothing more, finishes what it has, syncs, closes, answers.
  void Close(Done<absl::Status> done);

 private:
  explicit Spool(std::shared_ptr<SpoolState> state);

  const std::shared_ptr<SpoolState> state_;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_SPOOL_H_
