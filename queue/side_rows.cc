#include "queue/side_rows.h"

#include "engine/base/status_macros.h"
#include "queue/row_scan.h"

namespace sluice::queue {
namespace {

constexpr size_t kMostKeyBytes = 1024;

}  // namespace

absl::Status CheckSideWrites(const std::vector<SideWrite>& writes) {
  for (const SideWrite& write : writes) {
    if (!write.key.empty() && write.key.size() <= kMostKeyBytes) continue;
    return absl::InvalidArgumentError("the key of a row has 1 to 1024 octets");
  }
  return absl::OkStatus();
}

size_t BytesOf(const std::vector<SideWrite>& writes) {
  size_t bytes = 64;
  for (const SideWrite& write : writes) {
    bytes += write.key.size() + write.value.value_or("").size() + 32;
  }
  return bytes;
}

void PutSide(Batch& batch, Table table, const std::vector<SideWrite>& writes) {
  for (const SideWrite& write : writes) {
    if (write.value.has_value()) {
      batch.Put(table, write.key, *write.value);
    } else {
      batch.Erase(table, write.key);
    }
  }
}

absl::StatusOr<SideRows> ReadSideRows(std::shared_ptr<const Tables> tables, Table table) {
  SideRows rows;
  RowScan scan(std::move(tables), {.table = table, .from = "", .to = "", .keep_in_cache = false});
  for (; scan.Valid(); scan.Next()) rows.emplace_back(scan.key(), scan.value());
  SLUICE_RETURN_IF_ERROR(scan.status());
  return rows;
}

}  // namespace sluice::queue
