#include "queue/database.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/metadata.h>
#include <rocksdb/perf_level.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/crc32c.h"
#include "queue/database_options.h"
#include "queue/key_codec.h"
#include "queue/store_disk.h"
#include "queue/store_error.h"

namespace sluice::queue {
namespace {

constexpr absl::Duration kMendInterval = absl::Seconds(1);
// Written to see whether the disk takes anything; besides the logs, what opening needs.
constexpr size_t kProbeBytes = 64 << 10;
constexpr char kProbeName[] = "/probe";
// Holds DatabaseOptions::boot_id of the last run.
constexpr char kBootName[] = "/boot";

// The directory with those above it, made where they are missing. A name is on the disk only when
// the directory that it stands in has been synced, and RocksDB does that for its own files alone.
absl::Status MakeDirectories(rocksdb::Env& env, const std::string& directory) {
  for (size_t slash = 0; slash != std::string::npos;) {
    const size_t begin = slash;
    slash = directory.find('/', begin + 1);
    const std::string path = directory.substr(0, slash);
    if (path.empty() || path == "/" || env.FileExists(path).ok()) continue;
    rocksdb::Status made = env.CreateDirIfMissing(path);
    const std::string parent =
        begin == 0 ? (path[0] == '/' ? "/" : ".") : directory.substr(0, begin);
    std::unique_ptr<rocksdb::Directory> above;
    if (made.ok()) made = env.NewDirectory(parent, &above);
    if (made.ok()) made = above->Fsync();
    if (!made.ok()) return ExplainStoreError(directory, made);
  }
  return absl::OkStatus();
}

// RocksDB begins an empty store where CURRENT is missing, and clears away the files of the one that
// was there. Only where there never was one it may.
absl::Status RefuseToForget(rocksdb::Env& env, const std::string& directory) {
  if (env.FileExists(directory + "/CURRENT").ok()) return absl::OkStatus();
  std::vector<std::string> names;
  env.GetChildren(directory, &names).PermitUncheckedError();  // opening will say what is wrong
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".sst") && !absl::EndsWith(name, ".blob") &&
        !absl::EndsWith(name, ".log")) {
      continue;
    }
    return ExplainStoreError(directory, rocksdb::Status::Corruption(absl::StrCat(
                                            "it holds ", name, ", and CURRENT is missing, the ",
                                            "file with the name of the latest MANIFEST in it")));
  }
  return absl::OkStatus();
}

// RocksDB looks for its tables when it opens, and for the files with bodies only when one is read.
absl::Status CheckBodyFiles(rocksdb::Env& env, const Tables& tables, const std::string& directory) {
  rocksdb::ColumnFamilyMetaData bodies;
  tables.db().GetColumnFamilyMetaData(tables.of(Table::kBody), &bodies);
  for (const rocksdb::BlobMetaData& file : bodies.blob_files) {
    // Whether the name begins with a slash is RocksDB's whim.
    const std::string path = absl::StrCat(file.blob_file_path, "/",
                                          absl::StripPrefix(file.blob_file_name, "/"));
    uint64_t size = 0;
    rocksdb::Status found = env.GetFileSize(path, &size);
    if (found.ok() && size < file.blob_file_size) {
      found = rocksdb::Status::Corruption(absl::StrCat(path, " has ", size, " bytes instead of ",
                                                       file.blob_file_size));
    }
    if (!found.ok()) return ExplainStoreError(directory, found);
  }
  return absl::OkStatus();
}

// Refuses what a later version has written; marks what is new.
absl::Status CheckFormat(const Tables& tables, absl::string_view directory) {
  absl::StatusOr<std::optional<std::string>> found = tables.Get(Table::kDefault, kFormatKey);
  SLUICE_RETURN_IF_ERROR(found.status());
  if (!found->has_value()) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return ExplainStoreError(directory,
                             tables.db().Put(synced, tables.of(Table::kDefault),
                                             rocksdb::Slice(kFormatKey.data(), kFormatKey.size()),
                                             std::to_string(kFormat)));
  }
  int format = 0;
  if (absl::SimpleAtoi(**found, &format) && format == kFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the queue in ", directory, " has format ", log::Printable(**found),
      ", and this version knows only ", kFormat,
      ": run the version that wrote it until the queue is empty, or set another --data_dir"));
}

// What opening writes: the rows of the logs once more, as tables, and some bookkeeping.
uint64_t BytesToOpen(rocksdb::Env& env, const std::string& directory) {
  uint64_t bytes = uint64_t{1} << 20;
  std::vector<std::string> names;
  if (!env.GetChildren(directory, &names).ok()) return bytes;
  for (const std::string& name : names) {
    uint64_t size = 0;
    const bool is_log = absl::EndsWith(name, ".log");
    if (is_log && env.GetFileSize(absl::StrCat(directory, "/", name), &size).ok()) bytes += size;
  }
  return bytes;
}

rocksdb::Status WriteProbe(rocksdb::Env& env, const std::string& path) {
  std::unique_ptr<rocksdb::WritableFile> file;
  rocksdb::Status status = env.NewWritableFile(path, &file, rocksdb::EnvOptions());
  if (status.ok()) status = file->Append(std::string(kProbeBytes, '\0'));
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  return status;
}

}  // namespace

// What went wrong on RocksDB's own threads, and will not be repeated by them. Thread-safe.
class Database::BackgroundErrors : public rocksdb::EventListener {
 public:
  // Unset: nothing.
  std::optional<rocksdb::Status> first() const {
    const absl::MutexLock lock(&mutex_);
    return first_;
  }

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    // A compaction that lacks room is tried again by RocksDB, and nothing else waits for it.
    const bool compaction = reason == rocksdb::BackgroundErrorReason::kCompaction;
    if (compaction && status->severity() < rocksdb::Status::Severity::kHardError) {
      log::Warning("store_compaction_failed", {{"error", status->ToString()}});
      return;
    }
    const absl::MutexLock lock(&mutex_);
    if (!first_.has_value()) first_ = *status;
  }
  // RocksDB would look for free space every few seconds, on a thread and by a clock of its own.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*status*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  mutable absl::Mutex mutex_;
  std::optional<rocksdb::Status> first_ ABSL_GUARDED_BY(mutex_);
};

const char* TableName(Table table) {
  switch (table) {
    case Table::kDefault:
      return "default";
    case Table::kEnvelope:
      return "envelope";
    case Table::kBody:
      return "body";
    case Table::kDue:
      return "due";
    case Table::kExpiry:
      return "expiry";
    case Table::kHistory:
      return "history";
    case Table::kPolicy:
      return "policy";
    case Table::kMtaSts:
      return "mta_sts";
    case Table::kParked:
      return "parked";
    case Table::kTlsReports:
      return "tls_reports";
  }
  SLUICE_CHECK(false);
}

Tables::Tables(std::shared_ptr<rocksdb::Env> disk, std::unique_ptr<rocksdb::DB> db,
               std::array<rocksdb::ColumnFamilyHandle*, kTables> tables, std::string directory)
    : closed_(std::make_shared<std::atomic<bool>>(false)),
      disk_(std::move(disk)),
      db_(std::move(db)),
      tables_(tables),
      directory_(std::move(directory)) {}

Tables::~Tables() {
  for (rocksdb::ColumnFamilyHandle* table : tables_) {
    db_->DestroyColumnFamilyHandle(table).PermitUncheckedError();
  }
  // Nothing is lost where this fails: what counts was synced when it was written.
  const rocksdb::Status closed = db_->Close();
  if (!closed.ok()) log::Warning("store_close", {{"error", closed.ToString()}});
  db_.reset();
  closed_->store(true);
}

Tables::Row Tables::Get(Table table, absl::string_view key) const {
  std::string row;
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), of(table), rocksdb::Slice(key.data(), key.size()), &row);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return ToStatus(status);
  return row;
}

std::vector<Tables::Row> Tables::GetAll(Table table,
                                        const std::vector<absl::string_view>& keys) const {
  if (keys.empty()) return {};
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const absl::string_view key : keys) slices.emplace_back(key.data(), key.size());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> found(keys.size());
  db_->MultiGet(rocksdb::ReadOptions(), of(table), keys.size(), slices.data(), values.data(),
                found.data());
  std::vector<Row> rows;
  rows.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (found[i].IsNotFound()) {
      rows.emplace_back(std::nullopt);
    } else if (!found[i].ok()) {
      rows.emplace_back(ToStatus(found[i]));
    } else {
      rows.emplace_back(values[i].ToString());
    }
  }
  return rows;
}

uint64_t Tables::Bytes(Table table, absl::string_view from) const {
  // Above every key: none is longer.
  const std::string end(1024, '\xFF');
  const rocksdb::Range range(rocksdb::Slice(from.data(), from.size()), end);
  rocksdb::SizeApproximationOptions what;
  what.include_memtables = true;
  uint64_t bytes = 0;
  const rocksdb::Status status = db_->GetApproximateSizes(what, of(table), &range, 1, &bytes);
  return status.ok() ? bytes : 0;
}

absl::Status Tables::DropFilesInFrontOf(Table table, absl::string_view end) const {
  const rocksdb::Slice slice(end.data(), end.size());
  const rocksdb::Status status =
      rocksdb::DeleteFilesInRange(db_.get(), of(table), nullptr, &slice, /*include_end=*/false);
  return status.ok() ? absl::OkStatus() : ToStatus(status);
}

absl::Status Tables::ToStatus(const rocksdb::Status& status) const {
  return ExplainStoreError(directory_, status);
}

Database::Database(DatabaseOptions options)
    : options_(std::move(options)),
      disk_(options_.env == nullptr ? *rocksdb::Env::Default() : *options_.env),
      store_disk_(MakeStoreDisk(disk_)) {}

Database::~Database() = default;

absl::StatusOr<std::unique_ptr<Database>> Database::Open(DatabaseOptions options) {
  // RocksDB takes our sums for its own (crc32c.h): with wrong ones it would read nothing back.
  SLUICE_CHECK(ExtendCrc32c(0, "123456789") == 0xe3069283);
  std::unique_ptr<Database> database(new Database(std::move(options)));
  SLUICE_RETURN_IF_ERROR(MakeDirectories(database->disk_, database->options_.directory));
  rocksdb::Env& disk = database->disk_;
  const std::string& boot_id = database->options_.boot_id;
  const std::string boot_path = database->options_.directory + kBootName;
  std::string last_boot;
  rocksdb::ReadFileToString(&disk, boot_path, &last_boot).PermitUncheckedError();  // none: empty
  const bool lost_power = boot_id.empty() || boot_id != last_boot;
  SLUICE_RETURN_IF_ERROR(
      database->OpenTables(lost_power ? LogMay::kBreakOff : LogMay::kLackItsEnd));
  if (lost_power && !boot_id.empty()) {
    // Where it cannot be written the next start is only less strict.
    rocksdb::WriteStringToFile(&disk, boot_id, boot_path, /*should_sync=*/true)
        .PermitUncheckedError();
  }
  return database;
}

absl::Status Database::OpenTables(LogMay log_may) {
  SLUICE_RETURN_IF_ERROR(RefuseToForget(disk_, options_.directory));
  background_ = std::make_shared<BackgroundErrors>();
  rocksdb::DBOptions options = MakeDatabaseOptions(store_disk_.get(), options_.memory_bytes);
  options.listeners.push_back(background_);
  if (log_may == LogMay::kLackItsEnd) {
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  }
  rocksdb::DB* opened = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status status = rocksdb::DB::Open(
      options, options_.directory, MakeTableOptions(options_.memory_bytes), &handles, &opened);
  if (!status.ok()) return ExplainStoreError(options_.directory, status);
  SLUICE_CHECK(handles.size() == kTables);
  std::array<rocksdb::ColumnFamilyHandle*, kTables> by_table;
  std::copy(handles.begin(), handles.end(), by_table.begin());
  auto tables = std::make_shared<const Tables>(store_disk_, std::unique_ptr<rocksdb::DB>(opened),
                                               by_table, options_.directory);
  SLUICE_RETURN_IF_ERROR(CheckBodyFiles(disk_, *tables, options_.directory));
  SLUICE_RETURN_IF_ERROR(CheckFormat(*tables, options_.directory));
  const absl::MutexLock lock(&mutex_);
  tables_ = std::move(tables);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Tables>> Database::Read() const {
  const absl::MutexLock lock(&mutex_);
  if (tables_ == nullptr) return unavailable_;
  return tables_;
}

void Database::Failed(absl::Status status) {
  if (failure_.ok()) log::Error("store_failed", {{"error", status.message()}});
  failure_ = std::move(status);
  mend_at_ = options_.clock->MonoNow() + kMendInterval;
}

absl::Status Database::Ready() {
  if (failure_.ok()) {
    const std::optional<rocksdb::Status> error = background_->first();
    if (!error.has_value()) return absl::OkStatus();
    Failed(ExplainStoreError(options_.directory, *error));
  }
  if (options_.clock->MonoNow() < mend_at_) return failure_;
  return Mend();
}

absl::Status Database::Mend() {
  absl::Status mended = ProbeDisk();
  if (mended.ok()) mended = Reopen();
  if (!mended.ok()) {
    Failed(std::move(mended));
    return failure_;
  }
  failure_ = absl::OkStatus();
  log::Info("store_recovered");
  return absl::OkStatus();
}

absl::Status Database::ProbeDisk() {
  const uint64_t needed = BytesToOpen(disk_, options_.directory);
  uint64_t free = 0;
  if (disk_.GetFreeSpace(options_.directory, &free).ok() && free < needed) {
    return ExplainStoreError(options_.directory,
                             rocksdb::Status::NoSpace(absl::StrCat(free, " bytes are free, and ",
                                                                   needed, " are needed")));
  }
  const std::string path = options_.directory + kProbeName;
  const rocksdb::Status written = WriteProbe(disk_, path);
  // Where it stays it is in nobody's way, and the next probe writes over it.
  disk_.DeleteFile(path).PermitUncheckedError();
  return ExplainStoreError(options_.directory, written);
}

absl::Status Database::Reopen() {
  {
    const absl::MutexLock lock(&mutex_);
    if (tables_ != nullptr) {
      unavailable_ = absl::UnavailableError(
          absl::StrCat("the queue in ", options_.directory, " is being opened again"));
      closing_ = tables_->closed();
      tables_ = nullptr;
    }
  }
  if (closing_ != nullptr && !closing_->load()) {
    return absl::UnavailableError(absl::StrCat("the queue in ", options_.directory,
                                               " is opened again once its readers are done"));
  }
  SLUICE_RETURN_IF_ERROR(OpenTables(LogMay::kBreakOff));
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, Read());
  return on_reopened_(std::move(tables));
}

absl::Status Database::Write(rocksdb::WriteBatch& batch, bool sync) {
  if (!failure_.ok()) return failure_;
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<const Tables> tables, Read());
  // It counts into memory of each thread's own, for nobody to look at.
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  rocksdb::WriteOptions options;
  options.sync = sync;
  const rocksdb::Status written = tables->db().Write(options, &batch);
  if (!written.ok()) Failed(ExplainStoreError(options_.directory, written));
  return failure_;
}

absl::Status Database::Close() {
  std::shared_ptr<const Tables> tables;
  {
    const absl::MutexLock lock(&mutex_);
    tables = std::move(tables_);
    tables_ = nullptr;
    unavailable_ = absl::CancelledError("the queue has been closed");
  }
  if (!failure_.ok()) return failure_;
  return ExplainStoreError(options_.directory, tables->db().SyncWAL());
}

}  // namespace sluice::queue
