// Tables of rows that others keep in the store beside the mail, under keys of their own: what
// stands in them is the caller's, and no mail hangs on it. Their owners bound how many there are.
//
// Plain data, and functions that add to a batch (the store thread's) or read (any thread but a
// core's).
#ifndef SLUICE_QUEUE_SIDE_ROWS_H_
#define SLUICE_QUEUE_SIDE_ROWS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "queue/batch.h"
#include "queue/database.h"

namespace sluice::queue {

struct SideWrite {
  std::string key;                   // 1 to 1024 octets
  std::optional<std::string> value;  // unset: the row is deleted
};

using SideRows = std::vector<std::pair<std::string, std::string>>;  // in the order of keys

absl::Status CheckSideWrites(const std::vector<SideWrite>& writes);
size_t BytesOf(const std::vector<SideWrite>& writes);
void PutSide(Batch& batch, Table table, const std::vector<SideWrite>& writes);

absl::StatusOr<SideRows> ReadSideRows(std::shared_ptr<const Tables> tables, Table table);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_SIDE_ROWS_H_
