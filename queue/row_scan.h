// One pass over the rows of a table, as they are when it begins, or were at a moment before.
//
//   RowScan scan(tables, {.table = Table::kDue, .from = cursor, .to = TimeKey(horizon)});
//   for (; scan.Valid(); scan.Next()) Use(scan.key(), scan.value());
//   SLUICE_RETURN_IF_ERROR(scan.status());
//
// One thread.
#ifndef SLUICE_QUEUE_ROW_SCAN_H_
#define SLUICE_QUEUE_ROW_SCAN_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "queue/database.h"

namespace rocksdb {
class Iterator;
class Snapshot;
}

namespace sluice::queue {

// How all tables stood when it was made, for scans that follow one another. While there is one, what
// has been erased since takes up room, and the database is not closed: not for long.
class Moment {
 public:
  explicit Moment(std::shared_ptr<const Tables> tables);
  ~Moment();
  Moment(const Moment&) = delete;
  Moment& operator=(const Moment&) = delete;

  const std::shared_ptr<const Tables>& tables() const { return tables_; }
  const rocksdb::Snapshot* snapshot() const { return snapshot_; }

 private:
  const std::shared_ptr<const Tables> tables_;
  const rocksdb::Snapshot* const snapshot_;
};

struct RowRange {
  Table table = Table::kDefault;
  std::string from;  // inclusive
  std::string to;    // exclusive; empty: to the end
  bool backward = false;
  // False for what walks over much and does not come back: it leaves the block cache alone.
  bool keep_in_cache = true;
};

class RowScan {
 public:
  RowScan(std::shared_ptr<const Tables> tables, RowRange range);
  // As they were at `moment`, which outlives the scan.
  RowScan(const Moment& moment, RowRange range);
  ~RowScan();
  RowScan(const RowScan&) = delete;
  RowScan& operator=(const RowScan&) = delete;

  bool Valid() const;
  void Next();
  absl::string_view key() const;    // until Next()
  absl::string_view value() const;  // until Next()
  // Why it ended; OK: there are no more rows.
  absl::Status status() const;

 private:
  struct Bounds;

  RowScan(std::shared_ptr<const Tables> tables, const rocksdb::Snapshot* snapshot, RowRange range);

  const std::shared_ptr<const Tables> tables_;
  const RowRange range_;
  const std::unique_ptr<const Bounds> bounds_;
  const std::unique_ptr<rocksdb::Iterator> iterator_;  // gone before what it points into
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_ROW_SCAN_H_
