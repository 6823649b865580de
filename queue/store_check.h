// Looks through a store without changing it, and says what of it can still be read.
//
//   SLUICE_ASSIGN_OR_RETURN(const StoreCheck check, CheckStore({.directory = "/var/lib/sluice"}));
//   if (!check.whole()) for (const DamagedMessage& message : check.damaged) …
//
// The store is opened for reading alone, with the log replayed in memory; no gateway may run on it,
// and none could start meanwhile. Every row is read, and every body, and the tables are held
// against each other: a message is whole when each of its envelopes can be decoded and stands in
// `due` and in `expiry` under its own times (and in `parked` when it is),
// and its body is what was accepted.
//
// Memory: the log that is replayed (as large as the gateway's --store_memory at most), a block
// cache of 64 MiB, and 40 bytes for each damaged message up to kMostRemembered. Any thread; it
// takes as long as reading the bodies twice does.
#ifndef SLUICE_QUEUE_STORE_CHECK_H_
#define SLUICE_QUEUE_STORE_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "queue/message_id.h"

namespace rocksdb {
class Env;
}

namespace sluice::queue {

struct StoreCheckOptions {
  std::string directory;
  rocksdb::Env* env = nullptr;  // null: the machine's
  size_t most_listed = 1000;    // damaged messages that are named
  // OK for what a row of the enforced-TLS list may hold, by key and value. Empty: not looked at.
  std::function<absl::Status(absl::string_view, absl::string_view)> check_policy_row;
};

struct TableCheck {
  std::string name;
  uint64_t rows = 0;        // that could be read
  uint64_t damaged = 0;     // of these: not what is written there
  uint64_t unreadable = 0;  // places, each a block of rows or more, that could not be read
  std::string error;        // of the first of either; empty: none
};

struct DamagedMessage {
  MessageId id;
  std::string what;  // the first thing that was found to be wrong with it
};

struct StoreCheck {
  static constexpr size_t kMostRemembered = 1'000'000;

  std::vector<TableCheck> tables;
  uint64_t messages = 0;  // with an envelope at least that can be read
  uint64_t whole_messages = 0;
  uint64_t damaged_messages = 0;  // those with nothing but a name too; from kMostRemembered on
                                  // they may be counted twice
  std::vector<DamagedMessage> damaged;  // the first of them
  // Rows in `due` that no envelope stands behind: a gateway erases them when it comes upon them.
  uint64_t leftovers = 0;
  uint64_t policy_entries = 0;
  std::optional<uint64_t> policy_generation;  // unset: there is none, or it cannot be read
  // Where the log breaks off before its end. After a loss of power that is how it has to be: what
  // was being written is torn, and was never answered with 250. Otherwise mail may be missing.
  std::string log_error;

  bool whole() const;
};

// NotFound: there is no store. FailedPrecondition: it is in use, or of another version. DataLoss:
// it cannot be opened at all. Else as ExplainStoreError (store_error.h).
absl::StatusOr<StoreCheck> CheckStore(const StoreCheckOptions& options);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_STORE_CHECK_H_
