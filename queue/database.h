// The RocksDB under the spool: opening and closing it, reading, writing, and getting it going again
// after the disk has failed.
//
//   SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, database->Read());
//   SLUICE_ASSIGN_OR_RETURN(std::optional<std::string> row, tables->Get(Table::kEnvelope, key));
//
// When the disk fails
//   After a failed write or sync of its log, or a failure of its background work that it does not
//   repeat by itself, RocksDB is never written to again: it is closed and opened anew, from what is
//   on the disk. (DB::Resume would write on behind what failed. In a RocksDB built with assertions,
//   as Debian's is, that ends the process.) It is tried once a second, when something is to be
//   written: a probe says whether the disk takes writes and has the room that opening needs.
//   - Until the probe succeeds the failed database is still read, as it was before what failed.
//   - Then reading is refused: until its readers are done and it is closed, while it is opened, and
//     for as long as opening fails.
//   What was reported as synced stays. What was reported as written without a sync may be gone;
//   what was reported as failed may be found after opening again, for its bytes may have reached
//   the disk: see `due` in key_codec.h.
//
// Read: any thread. All else: the store's.
#ifndef SLUICE_QUEUE_DATABASE_H_
#define SLUICE_QUEUE_DATABASE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/clock.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class Status;
class WriteBatch;
}  // namespace rocksdb

namespace sluice::queue {

// Column families: key_codec.h says what stands in them.
enum class Table : uint8_t {
  kDefault,
  kEnvelope,
  kBody,
  kDue,
  kExpiry,
  kHistory,
  kPolicy,
  kMtaSts,
  kParked,
  kTlsReports,
};
inline constexpr size_t kTables = 10;
const char* TableName(Table table);

// An open database. It is closed when the last holder lets go of it.
class Tables {
 public:
  // `disk` is what it was opened on, where that has to be kept for it.
  Tables(std::shared_ptr<rocksdb::Env> disk, std::unique_ptr<rocksdb::DB> db,
         std::array<rocksdb::ColumnFamilyHandle*, kTables> tables, std::string directory);
  ~Tables();
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  rocksdb::DB& db() const { return *db_; }
  // Becomes true when it has been closed; outlives it.
  std::shared_ptr<const std::atomic<bool>> closed() const { return closed_; }
  rocksdb::ColumnFamilyHandle* of(Table table) const { return tables_[static_cast<size_t>(table)]; }

  // Unset: there is no such row.
  using Row = absl::StatusOr<std::optional<std::string>>;
  Row Get(Table table, absl::string_view key) const;
  // The same of each key: at once, so that what stands in one block is read once.
  std::vector<Row> GetAll(Table table, const std::vector<absl::string_view>& keys) const;

  // What the rows from `from` on take on the disk and in memory, roughly.
  uint64_t Bytes(Table table, absl::string_view from) const;
  // Gives back, at once and without rewriting anything, the files that hold only rows in front of
  // `end`; those rows have been erased, or are.
  absl::Status DropFilesInFrontOf(Table table, absl::string_view end) const;

  // Names the directory, and says what would help.
  absl::Status ToStatus(const rocksdb::Status& status) const;

 private:
  const std::shared_ptr<std::atomic<bool>> closed_;
  const std::shared_ptr<rocksdb::Env> disk_;
  std::unique_ptr<rocksdb::DB> db_;
  const std::array<rocksdb::ColumnFamilyHandle*, kTables> tables_;
  const std::string directory_;
};

struct DatabaseOptions {
  std::string directory;
  rocksdb::Env* env = nullptr;  // null: the machine's
  const Clock* clock = nullptr;
  size_t memory_bytes = 0;
  std::string boot_id;  // as in SpoolOptions
};

class Database {
 public:
  // Makes the directory and what is missing in it; refuses another format than kFormat.
  static absl::StatusOr<std::unique_ptr<Database>> Open(DatabaseOptions options);
  ~Database();

  absl::StatusOr<std::shared_ptr<const Tables>> Read() const;

  // Called each time it has been opened again, before anything else is done with it: what was known
  // of its contents may not hold any more. On an error it counts as not opened.
  using Reopened = absl::AnyInvocable<absl::Status(std::shared_ptr<const Tables>)>;
  void OnReopened(Reopened reopened) { on_reopened_ = std::move(reopened); }

  // OK when writing makes sense; mends what is broken when it is time to. In front of every group
  // of writes, and not in the middle of one: what is known in memory may be read anew.
  absl::Status Ready();
  // All of the batch or nothing. `sync`: it and all that was written before are on the disk then.
  // Refused after a failure, until Ready has mended it.
  absl::Status Write(rocksdb::WriteBatch& batch, bool sync);

  // Syncs, and lets go of it for good.
  absl::Status Close();

 private:
  class BackgroundErrors;

  explicit Database(DatabaseOptions options);
  enum class LogMay : uint8_t { kBreakOff, kLackItsEnd };
  absl::Status OpenTables(LogMay log_may);
  absl::Status Mend();
  absl::Status ProbeDisk();
  absl::Status Reopen();
  void Failed(absl::Status status);

  const DatabaseOptions options_;
  rocksdb::Env& disk_;                              // as it was handed in
  const std::shared_ptr<rocksdb::Env> store_disk_;  // what the database is opened on

  mutable absl::Mutex mutex_;
  std::shared_ptr<const Tables> tables_ ABSL_GUARDED_BY(mutex_);
  absl::Status unavailable_ ABSL_GUARDED_BY(mutex_);  // why there are none

  // The store thread's:
  std::shared_ptr<BackgroundErrors> background_;
  absl::Status failure_;  // why nothing is written; OK: nothing has failed
  MonoTime mend_at_;
  std::shared_ptr<const std::atomic<bool>> closing_;  // of the last one; null: none is being closed
  Reopened on_reopened_;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_DATABASE_H_
