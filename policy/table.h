// The writer's side of the enforced-TLS list: works out the next snapshot from a set of changes,
// all of them or none.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<Table> table, Table::Load(entries, generation));
//   Proposal proposal = table->Propose(transaction);
//   if (!proposal.faults.empty()) …            // every bad row, nothing applied
//   … write proposal.written to the store, in one batch …
//   table->Publish(proposal);                  // cores take table->current() between ticks
//
// Cost. A change rebuilds the snapshot's overlay, which holds at most kSmallestOverlay entries or
// 1/256 of the list, whichever is more, counting what it hides: a millisecond or so, also with a
// million entries. When it grows past that, and for a change that touches as much at once, base and
// overlay are merged and compiled anew: one to three seconds for a million entries, which falls to
// one change in thousands. Both happen on the calling thread, never on a core's.
//
// current() from any thread. Propose() and Publish() from one writer at a time; a proposal that is
// not published is just dropped.
#ifndef SLUICE_POLICY_TABLE_H_
#define SLUICE_POLICY_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "policy/entry.h"
#include "policy/snapshot.h"

namespace sluice::policy {

// What is wrong with one row of a file or one change of a request.
struct Fault {
  int line;  // of the file, or the number of the change; from 1. 0: the whole of it
  std::string reason;
};

struct Change {
  enum class Kind {
    kAdd,     // the pattern must not be on the list
    kSet,     // the pattern must be on the list
    kPut,     // either
    kRemove,  // the pattern must be on the list; only entry.pattern is looked at
  };
  Kind kind;
  Entry entry;   // what the list records (created, changed, …) is filled in
  int line = 1;  // for Fault
};

struct Transaction {
  std::vector<Change> changes;  // no pattern twice
  bool replace_all = false;     // entries that `changes` does not name are removed
  Stamp author;
};

// One write to the store: key after->pattern.text(), or deletion of before->pattern.text().
struct Written {
  EntryPtr before;  // null: added
  EntryPtr after;   // null: removed
};

struct Proposal {
  std::vector<Fault> faults;     // of every bad change; when there are any, the rest is empty
  std::vector<Written> written;  // in the list's order; a change that changes nothing is not there
  std::shared_ptr<const Snapshot> next;

 private:
  friend class Table;
  std::shared_ptr<const Snapshot> replaced;
};

class Table {
 public:
  static constexpr size_t kMaxEntries = 10'000'000;
  static constexpr size_t kSmallestOverlay = 1024;

  // `entries` in any order, each valid; `generation` is the last one that was published, so that a
  // number is never used twice. InvalidArgument for a pattern that is there twice.
  static absl::StatusOr<std::unique_ptr<Table>> Load(std::vector<Entry> entries,
                                                     uint64_t generation);

  std::shared_ptr<const Snapshot> current() const;

  Proposal Propose(const Transaction& transaction) const;
  // Notes a ping in the entry of `pattern`. This is no change of policy: stamps and generations
  // stay.
  Proposal ProposePing(const Pattern& pattern, const PingRecord& ping) const;

  // `proposal` is without faults and was worked out from current() (checked).
  void Publish(const Proposal& proposal);

 private:
  explicit Table(std::shared_ptr<const Snapshot> first) : current_(std::move(first)) {}
  static absl::StatusOr<Snapshot::Tier> Compile(std::vector<EntryPtr> in_order);
  // `written` in the list's order.
  static absl::StatusOr<std::shared_ptr<const Snapshot>> Next(const Snapshot& last,
                                                              const std::vector<Written>& written,
                                                              uint64_t generation);
  // Works out proposal.next from the rest of it.
  static void Finish(uint64_t generation, Proposal& proposal);

  mutable absl::Mutex mutex_;
  std::shared_ptr<const Snapshot> current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_TABLE_H_
