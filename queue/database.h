// The RocksDB under the spool: opening and closing it, reading, writing, and getting it going again
// after the disk has failed.
//
//   SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, database->Read());
//   SLUICE_ASSIGN_OR_RETURN(std::optional<std::string> row, tables->Get(Table::kEnvelope, key));
//
// When the disk fails
//   RocksDB then refuses all writes until it is told to go on. A full disk is left behind with
//   DB::Resume, and reading goes on meanwhile. After anything else that fails in the log RocksDB
//   can only be closed and opened again, which is done here as soon as no reader holds it; until
//   then reading is refused too. Either is tried once a second, when something is to be written.
//   What was reported as written before stays written; a write that was reported as failed may
//   still be found after opening again, for its bytes may have reached the disk: see `due` in
//   key_codec.h.
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
enum class Table : uint8_t { kDefault, kEnvelope, kBody, kDue, kExpiry, kHistory, kPolicy };
inline constexpr size_t kTables = 7;
const char* TableName(Table table);

// An open database. It is closed when the last holder lets go of it.
class Tables {
 public:
  Tables(std::unique_ptr<rocksdb::DB> db, std::array<rocksdb::ColumnFamilyHandle*, kTables> tables,
         std::string directory);
  ~Tables();
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* of(Table table) const { return tables_[static_cast<size_t>(table)]; }

  // Unset: there is no such row.
  absl::StatusOr<std::optional<std::string>> Get(Table table, absl::string_view key) const;

  // Names the directory, and says what would help.
  absl::Status ToStatus(const rocksdb::Status& status) const;

 private:
  std::unique_ptr<rocksdb::DB> db_;
  const std::array<rocksdb::ColumnFamilyHandle*, kTables> tables_;
  const std::string directory_;
};

struct DatabaseOptions {
  std::string directory;
  rocksdb::Env* env = nullptr;  // null: the machine's
  const Clock* clock = nullptr;
  size_t memory_bytes = 0;
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

  // OK when writing makes sense; tries to mend what is broken. In front of every Write.
  absl::Status Ready();
  // All of the batch or nothing. `sync`: it and all that was written before are on the disk then.
  absl::Status Write(rocksdb::WriteBatch& batch, bool sync);

  // Syncs, and lets go of it for good.
  absl::Status Close();

 private:
  explicit Database(DatabaseOptions options);
  absl::Status OpenTables();
  absl::Status Mend();
  absl::Status Reopen();
  void Failed(absl::Status status);

  const DatabaseOptions options_;
  // Set by RocksDB's threads when a flush or a compaction has failed.
  const std::shared_ptr<std::atomic<bool>> background_failed_;

  mutable absl::Mutex mutex_;
  std::shared_ptr<const Tables> tables_ ABSL_GUARDED_BY(mutex_);
  absl::Status unavailable_ ABSL_GUARDED_BY(mutex_);  // why there are none

  // The store thread's:
  absl::Status failure_;  // of the last write; OK: none
  MonoTime mend_at_;
  std::weak_ptr<const Tables> closing_;  // being closed, once its readers are done
  bool must_reopen_ = false;
  Reopened on_reopened_;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_DATABASE_H_
