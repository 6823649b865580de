// One pass over a table that may be damaged in places: what can be read is read.
//
//   SalvageScan scan(tables, Table::kExpiry);
//   for (; scan.Valid(); scan.Next()) Use(scan.key(), scan.value());
//   if (scan.gaps() > 0) Report(scan.first_error());
//
// RocksDB stops at a block that does not match its checksum, and does not say where the next one
// begins. It is looked for: in larger and larger steps until something can be read, and then by
// halves. Rows of other files that lie in the range of a damaged block are passed over with it.
//
// One thread.
#ifndef SLUICE_QUEUE_SALVAGE_SCAN_H_
#define SLUICE_QUEUE_SALVAGE_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "queue/database.h"

namespace rocksdb {
class Iterator;
}

namespace sluice::queue {

class SalvageScan {
 public:
  SalvageScan(const Tables& tables, Table table);  // `tables` outlives it
  ~SalvageScan();
  SalvageScan(const SalvageScan&) = delete;
  SalvageScan& operator=(const SalvageScan&) = delete;

  bool Valid() const;
  void Next();
  absl::string_view key() const;    // until Next()
  absl::string_view value() const;  // until Next()

  // Places that could not be read so far, and why the first of them could not.
  uint64_t gaps() const { return gaps_; }
  const absl::Status& first_error() const { return first_error_; }

 private:
  void Settle();
  // Goes to the first row from `position` on; false: it cannot be read.
  bool Readable(const std::string& position);

  const Tables& tables_;
  const Table table_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  std::string last_;  // key of the last row that was read; empty: none
  uint64_t gaps_ = 0;
  absl::Status first_error_;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_SALVAGE_SCAN_H_
