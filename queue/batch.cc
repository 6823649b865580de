#include "queue/batch.h"

#include <rocksdb/write_batch.h>

#include <utility>

#include "engine/base/check.h"

namespace sluice::queue {
namespace {

rocksdb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }

// A batch is memory: it fails only when it is used against its contract.
void Added(const rocksdb::Status& status) { SLUICE_CHECK(status.ok()); }

}  // namespace

Batch::Batch(std::shared_ptr<const Tables> tables)
    : tables_(std::move(tables)), writes_(new rocksdb::WriteBatch) {}

Batch::~Batch() = default;

void Batch::Put(Table table, absl::string_view key, absl::string_view value) {
  Added(writes_->Put(tables_->of(table), ToSlice(key), ToSlice(value)));
}

void Batch::Erase(Table table, absl::string_view key) {
  Added(writes_->Delete(tables_->of(table), ToSlice(key)));
}

void Batch::EraseOnce(Table table, absl::string_view key) {
  Added(writes_->SingleDelete(tables_->of(table), ToSlice(key)));
}

void Batch::EraseRange(Table table, absl::string_view from, absl::string_view to) {
  Added(writes_->DeleteRange(tables_->of(table), ToSlice(from), ToSlice(to)));
}

void Batch::CountParked(absl::string_view destination, int64_t change) {
  parked_changes_[destination] += change;
}

bool Batch::empty() const { return writes_->Count() == 0; }

}  // namespace sluice::queue
