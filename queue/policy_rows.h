// The table `policy`: the enforced-TLS list, what was changed in it, and what pings of its entries
// found. What stands in the rows is the caller's (policy/entry_codec.h, policy/change_codec.h).
//
//   entry   under its pattern: the list as it is
//   change  under the generation that it made and its number in it: the audit trail
//   ping    under its pattern and time: the last kMostPings of each entry, gone with the entry
//
// Plain data, and functions that add to a batch (the store thread's) or read (any thread but a
// core's).
#ifndef SLUICE_QUEUE_POLICY_ROWS_H_
#define SLUICE_QUEUE_POLICY_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "queue/batch.h"
#include "queue/database.h"

namespace sluice::queue {

inline constexpr size_t kMostPings = 20;

struct PolicyWrite {
  std::string key;                   // 1 to 1024 octets, none of them NUL
  std::optional<std::string> value;  // unset: the row is deleted
};

struct PolicyPing {
  std::string key;  // the entry's
  absl::Time at;
  std::string value;
};

struct PolicyUpdate {
  std::vector<PolicyWrite> entries;
  std::vector<std::string> changes;  // numbered in this order
  std::vector<PolicyPing> pings;
  uint64_t generation = 0;  // of the list, once it is written
};

struct PolicyRows {
  uint64_t generation = 0;  // of the last update; 0: there was none
  std::vector<std::pair<std::string, std::string>> rows;  // entries in the order of keys
};

struct PolicyChangeQuery {
  std::string cursor;  // PolicyChanges::next of the page before; empty: from the newest
  size_t limit = 100;
};

struct PolicyChanges {
  struct Row {
    uint64_t generation;
    std::string value;
    std::string cursor;  // with it a query goes on behind this row
  };
  std::vector<Row> rows;  // the newest first
  std::string next;       // empty: no more
};

absl::Status CheckPolicyUpdate(const PolicyUpdate& update);
size_t BytesOf(const PolicyUpdate& update);
absl::Status PutPolicy(Batch& batch, const PolicyUpdate& update);

absl::StatusOr<PolicyRows> ReadPolicyRows(std::shared_ptr<const Tables> tables);
absl::StatusOr<PolicyChanges> ReadPolicyChanges(std::shared_ptr<const Tables> tables,
                                                const PolicyChangeQuery& query);
// The newest first.
absl::StatusOr<std::vector<PolicyPing>> ReadPolicyPings(std::shared_ptr<const Tables> tables,
                                                        absl::string_view key);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_POLICY_ROWS_H_
