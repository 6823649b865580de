#include "queue/store_check.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/database.h"
#include "queue/database_options.h"
#include "queue/envelope_codec.h"
#include "queue/history_codec.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"
#include "queue/salvage_scan.h"
#include "queue/store_error.h"

namespace sluice::queue {
namespace {

constexpr size_t kMemoryBytes = size_t{128} << 20;  // half of it for the block cache

// RocksDB says only in its log for people where it left off in its log of writes.
class ReplayLog : public rocksdb::Logger {
 public:
  explicit ReplayLog(std::string& first) : first_(first) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char line[512];
    vsnprintf(line, sizeof(line), format, arguments);
    if (first_.empty() && absl::StrContains(line, ": dropping ")) first_ = line;
  }

 private:
  std::string& first_;
};

class Checker {
 public:
  Checker(std::shared_ptr<const Tables> tables, const StoreCheckOptions& options, StoreCheck& check)
      : tables_(std::move(tables)), options_(options), check_(check) {
    for (size_t i = 0; i < kTables; ++i) {
      check_.tables.push_back({.name = TableName(static_cast<Table>(i))});
    }
  }

  absl::Status Run() {
    SLUICE_RETURN_IF_ERROR(CheckFormat());
    CheckTimes(Table::kExpiry);
    CheckTimes(Table::kDue);
    CheckParked();
    CheckBodies();
    CheckEnvelopes();
    CheckHistory();
    CheckPolicy();
    CheckSideRows(Table::kMtaSts);
    CheckSideRows(Table::kTlsReports);
    return absl::OkStatus();
  }

 private:
  TableCheck& Of(Table table) { return check_.tables[static_cast<size_t>(table)]; }

  // Reads a table from end to end; `row` says what is wrong with one.
  void ForEach(Table table,
               const std::function<absl::Status(absl::string_view, absl::string_view)>& row) {
    TableCheck& counts = Of(table);
    if (tables_->of(table) == nullptr) return;  // of a store that no later version has opened
    SalvageScan scan(*tables_, table);
    for (; scan.Valid(); scan.Next()) {
      ++counts.rows;
      const absl::Status valid = row(scan.key(), scan.value());
      if (valid.ok()) continue;
      ++counts.damaged;
      if (counts.error.empty()) counts.error = std::string(valid.message());
    }
    counts.unreadable = scan.gaps();
    if (counts.error.empty()) counts.error = std::string(scan.first_error().message());
  }

  void Damage(const MessageId& id, std::string what) {
    if (damaged_.size() < StoreCheck::kMostRemembered && !damaged_.insert(id).second) return;
    ++check_.damaged_messages;
    if (check_.damaged.size() < options_.most_listed) {
      check_.damaged.push_back({.id = id, .what = std::move(what)});
    }
  }

  absl::Status CheckFormat() {
    absl::Status newer;
    ForEach(Table::kDefault, [&newer](absl::string_view key, absl::string_view value) {
      if (key == kTimeKey && ParseTimeRow(value).has_value()) return absl::OkStatus();
      int format = 0;
      if (key != kFormatKey || !absl::SimpleAtoi(value, &format)) {
        return absl::DataLossError("a row that nobody writes");
      }
      if (format != kFormat) {
        newer = absl::FailedPreconditionError(
            absl::StrCat("it has format ", format, ", and this version knows only ", kFormat,
                         ": check it with the version that wrote it"));
      }
      return absl::OkStatus();
    });
    return newer;
  }

  // due, expiry: each row has its envelope, and that names the same time.
  void CheckTimes(Table table) {
    ForEach(table, [&](absl::string_view key, absl::string_view /*value*/) {
      const std::optional<TimedItem> row = ParseTimeKey(key);
      if (!row.has_value()) return absl::DataLossError("a key that nobody writes");
      const Item item = *ParseItemKey(row->item);
      const absl::StatusOr<std::optional<std::string>> found =
          tables_->Get(Table::kEnvelope, row->item);
      if (!found.ok()) {
        Damage(item.id, absl::StrCat("its envelope for ", item.destination,
                                     " cannot be read: ", found.status().message()));
        return absl::OkStatus();
      }
      const absl::StatusOr<Envelope> envelope = found->has_value()
                                                    ? DecodeEnvelope(row->item, **found)
                                                    : absl::NotFoundError("it is not there");
      if (absl::IsDataLoss(envelope.status())) return absl::OkStatus();  // see CheckEnvelopes
      const bool right = envelope.ok() && row->time == (table == Table::kDue ? envelope->next_due
                                                                             : envelope->deadline);
      if (right) return absl::OkStatus();
      if (table == Table::kDue) {
        ++check_.leftovers;
      } else if (envelope.ok()) {
        Damage(item.id, absl::StrCat(item.destination, " stands in expiry under another deadline"));
      } else {
        Damage(item.id, absl::StrCat("its envelope for ", item.destination, " is not there"));
      }
      return absl::OkStatus();
    });
  }

  // Each row has its envelope, which says that it is parked. (That each such envelope has its row is
  // seen with the envelopes.)
  void CheckParked() {
    ForEach(Table::kParked, [&](absl::string_view key, absl::string_view /*value*/) {
      const std::optional<Item> row = ParseParkedKey(key);
      if (!row.has_value()) return absl::DataLossError("a key that nobody writes");
      const std::string item = ItemKey(row->id, row->destination);
      const absl::StatusOr<std::optional<std::string>> found =
          tables_->Get(Table::kEnvelope, item);
      if (!found.ok() || !found->has_value()) {
        Damage(row->id, absl::StrCat("its envelope for ", row->destination,
                                     found.ok() ? " is not there"
                                                : absl::StrCat(" cannot be read: ",
                                                               found.status().message())));
        return absl::OkStatus();
      }
      const absl::StatusOr<Envelope> envelope = DecodeEnvelope(item, **found);
      if (envelope.ok() && !envelope->parked) {
        Damage(row->id, absl::StrCat(row->destination, " stands in parked, its envelope does not"));
      }
      return absl::OkStatus();
    });
  }

  // Each body has an envelope. What is in it is read with the envelopes.
  void CheckBodies() {
    MessageId last;
    ForEach(Table::kBody, [&](absl::string_view key, absl::string_view /*value*/) {
      const std::optional<MessageId> id = ParseIdKey(key.substr(0, kIdBytes));
      if (!id.has_value() || key.size() != kIdBytes + sizeof(uint32_t)) {
        return absl::DataLossError("a key that nobody writes");
      }
      if (*id == std::exchange(last, *id)) return absl::OkStatus();
      const RowScan envelopes(tables_, {.table = Table::kEnvelope,
                                        .from = IdKey(*id),
                                        .to = EndOfId(*id),
                                        .keep_in_cache = false});
      if (envelopes.Valid()) return absl::OkStatus();
      const absl::Status status = envelopes.status();
      Damage(*id, status.ok() ? "its body is there, and no envelope"
                              : absl::StrCat("its envelope cannot be read: ", status.message()));
      return absl::OkStatus();
    });
  }

  void CheckEnvelopes() {
    MessageId last;
    bool body_checked = false;
    ForEach(Table::kEnvelope, [&](absl::string_view key, absl::string_view value) {
      const absl::StatusOr<Envelope> envelope = DecodeEnvelope(key, value);
      if (!envelope.ok()) {
        const std::optional<Item> item = ParseItemKey(key);
        if (item.has_value()) Damage(item->id, std::string(envelope.status().message()));
        return envelope.status();
      }
      if (envelope->id != std::exchange(last, envelope->id)) {
        CountMessage();
        current_ = envelope->id;
        body_checked = false;
      }
      CheckRow(Table::kDue, TimeKey(envelope->next_due, key), *envelope);
      CheckRow(Table::kExpiry, TimeKey(envelope->deadline, key), *envelope);
      if (envelope->parked) {
        CheckRow(Table::kParked, ParkedKey(envelope->destination, envelope->id), *envelope);
      }
      if (!std::exchange(body_checked, true)) CheckBody(*envelope);
      return absl::OkStatus();
    });
    CountMessage();
  }

  // The one whose envelopes have just been read.
  void CountMessage() {
    if (!current_.has_value()) return;
    ++check_.messages;
    if (!damaged_.contains(*current_)) ++check_.whole_messages;
    current_.reset();
  }

  void CheckRow(Table table, absl::string_view key, const Envelope& envelope) {
    const absl::StatusOr<std::optional<std::string>> row = tables_->Get(table, key);
    if (row.ok() && row->has_value()) return;
    Damage(envelope.id,
           absl::StrCat("its row in ", TableName(table), " for ", envelope.destination,
                        row.ok() ? " is not there"
                                 : absl::StrCat(" cannot be read: ", row.status().message())));
  }

  void CheckBody(const Envelope& envelope) {
    uint64_t bytes = 0;
    for (uint32_t chunk = 0; chunk < envelope.body_chunks; ++chunk) {
      const absl::StatusOr<std::optional<std::string>> row =
          tables_->Get(Table::kBody, BodyKey(envelope.id, chunk));
      if (!row.ok() || !row->has_value()) {
        Damage(envelope.id,
               row.ok() ? absl::StrCat("chunk ", chunk, " of its body is not there")
                        : absl::StrCat("its body cannot be read: ", row.status().message()));
        return;
      }
      bytes += (*row)->size();
    }
    if (bytes != envelope.body_bytes) {
      Damage(envelope.id,
             absl::StrCat("its body has ", bytes, " bytes instead of ", envelope.body_bytes));
    }
  }

  void CheckHistory() {
    ForEach(Table::kHistory, [](absl::string_view key, absl::string_view value) {
      const std::optional<HistoryPosition> position = ParseHistoryKey(key);
      if (!position.has_value()) return absl::DataLossError("a key that nobody writes");
      return DecodeHistoryEntry(*position, value).status();
    });
  }

  void CheckPolicy() {
    ForEach(Table::kPolicy, [this](absl::string_view key, absl::string_view value) {
      if (key == kPolicyGenerationKey) {
        check_.policy_generation = ParseBigEndian64(value);
        return check_.policy_generation.has_value()
                   ? absl::OkStatus()
                   : absl::DataLossError("the generation of the list is damaged");
      }
      // Of what was changed and pinged: for people, no mail hangs on it.
      if (absl::StartsWith(key, kPolicyChangePrefix) || absl::StartsWith(key, kPolicyPingPrefix)) {
        return absl::OkStatus();
      }
      if (!absl::StartsWith(key, kPolicyRowPrefix)) {
        return absl::DataLossError("a key that nobody writes");
      }
      key.remove_prefix(kPolicyRowPrefix.size());
      absl::Status valid;
      if (options_.check_policy_row) valid = options_.check_policy_row(key, value);
      if (valid.ok()) ++check_.policy_entries;
      return valid;
    });
  }

  // What stands in them is fetched anew, or not reported, where it cannot be read: no mail hangs on
  // it.
  void CheckSideRows(Table table) {
    ForEach(table, [](absl::string_view /*key*/, absl::string_view /*value*/) {
      return absl::OkStatus();
    });
  }

  const std::shared_ptr<const Tables> tables_;
  const StoreCheckOptions& options_;
  StoreCheck& check_;
  absl::flat_hash_set<MessageId> damaged_;
  std::optional<MessageId> current_;
};

// Held for as long as the check takes, so that no gateway starts meanwhile.
class StoreLock {
 public:
  explicit StoreLock(rocksdb::Env& env) : env_(env) {}
  ~StoreLock() {
    if (lock_ != nullptr) env_.UnlockFile(lock_).PermitUncheckedError();
  }
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

  absl::Status Take(const std::string& directory) {
    const std::string name = directory + "/LOCK";
    if (!env_.FileExists(directory + "/CURRENT").ok()) {
      return absl::NotFoundError(absl::StrCat("there is no store in ", directory,
                                              ": name the directory with --data_dir=DIR"));
    }
    return ExplainStoreError(directory, env_.LockFile(name, &lock_));
  }

 private:
  rocksdb::Env& env_;
  rocksdb::FileLock* lock_ = nullptr;
};

// Where that cannot be told, opening says why.
bool HasTable(const rocksdb::DBOptions& options, const std::string& directory, Table table) {
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(options, directory, &names).ok()) return true;
  return std::find(names.begin(), names.end(), TableName(table)) != names.end();
}

absl::StatusOr<std::shared_ptr<const Tables>> OpenToRead(const StoreCheckOptions& options,
                                                         std::string& log_error) {
  rocksdb::DBOptions db_options = MakeDatabaseOptions(options.env, kMemoryBytes);
  db_options.create_if_missing = false;
  db_options.create_missing_column_families = false;
  db_options.info_log = std::make_shared<ReplayLog>(log_error);
  std::vector<rocksdb::ColumnFamilyDescriptor> tables = MakeTableOptions(kMemoryBytes);
  // Younger than the format: a store that no later version has opened yet is without them.
  for (const Table younger : {Table::kTlsReports, Table::kParked, Table::kMtaSts}) {
    if (!HasTable(db_options, options.directory, younger)) tables.pop_back();
  }
  rocksdb::DB* opened = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(db_options, options.directory, tables,
                                                              &handles, &opened);
  if (!status.ok()) return ExplainStoreError(options.directory, status);
  SLUICE_CHECK(handles.size() == tables.size());
  std::array<rocksdb::ColumnFamilyHandle*, kTables> by_table{};
  std::copy(handles.begin(), handles.end(), by_table.begin());
  return std::make_shared<const Tables>(nullptr, std::unique_ptr<rocksdb::DB>(opened), by_table,
                                        options.directory);
}

}  // namespace

bool StoreCheck::whole() const {
  const auto is_whole = [](const TableCheck& t) { return t.damaged == 0 && t.unreadable == 0; };
  return damaged_messages == 0 && log_error.empty() &&
         std::all_of(tables.begin(), tables.end(), is_whole);
}

absl::StatusOr<StoreCheck> CheckStore(const StoreCheckOptions& options) {
  StoreLock lock(options.env == nullptr ? *rocksdb::Env::Default() : *options.env);
  SLUICE_RETURN_IF_ERROR(lock.Take(options.directory));
  StoreCheck check;
  std::string log_error;
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, OpenToRead(options, log_error));
  SLUICE_RETURN_IF_ERROR(Checker(std::move(tables), options, check).Run());
  check.log_error = log::Printable(log_error);
  return check;
}

}  // namespace sluice::queue
