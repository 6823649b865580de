// The writes of one group: several requests' worth, all of which reach the disk or none.
//
// One thread.
#ifndef SLUICE_QUEUE_BATCH_H_
#define SLUICE_QUEUE_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "queue/database.h"

namespace sluice::queue {

class Batch {
 public:
  explicit Batch(std::shared_ptr<const Tables> tables);
  // `memory`: of a batch that is done with (TakeMemory), to be filled again; null: none.
  Batch(std::shared_ptr<const Tables> tables, std::unique_ptr<rocksdb::WriteBatch> memory);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // What the database holds without this batch.
  const std::shared_ptr<const Tables>& tables() const { return tables_; }

  void Put(Table table, absl::string_view key, absl::string_view value);
  void Erase(Table table, absl::string_view key);
  // For a row that has been put once since it was last erased, and never rewritten: leaves no mark
  // behind where row and erasure meet in a write buffer. For any other row it would bring an older
  // version back.
  void EraseOnce(Table table, absl::string_view key);
  // From `from` up to, not including, `to`.
  void EraseRange(Table table, absl::string_view from, absl::string_view to);

  bool empty() const;
  // Ends it: what it has gathered is gone. Null where that was so much that its memory is better
  // given back.
  std::unique_ptr<rocksdb::WriteBatch> TakeMemory();
  // Becomes true when it has been written; for who keeps in memory what he adds here.
  const std::shared_ptr<bool>& written() const { return written_; }
  rocksdb::WriteBatch& writes() { return *writes_; }

  // How many rows of `parked` it adds for each destination, or (negative) erases.
  void CountParked(absl::string_view destination, int64_t change);
  const absl::flat_hash_map<std::string, int64_t>& parked_changes() const {
    return parked_changes_;
  }

  // Keys of the envelopes that this batch erases, for who asks whether a message has others left.
  absl::flat_hash_set<std::string>& erased_items() { return erased_items_; }

 private:
  const std::shared_ptr<const Tables> tables_;
  std::unique_ptr<rocksdb::WriteBatch> writes_;
  absl::flat_hash_set<std::string> erased_items_;
  absl::flat_hash_map<std::string, int64_t> parked_changes_;
  const std::shared_ptr<bool> written_ = std::make_shared<bool>(false);
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_BATCH_H_
