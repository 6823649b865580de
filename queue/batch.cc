#include "queue/batch.h"

#include <rocksdb/write_batch.h>

#include <utility>

#include "engine/base/check.h"

namespace sluice::queue {
namespace {

// Of a batch, to be filled again: more than all groups but those with a message of megabytes.
constexpr size_t kMostKeptBytes = size_t{4} << 20;

rocksdb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }

// A batch is memory: it fails only when it is used against its contract.
void Added(const rocksdb::Status& status) { SLUICE_CHECK(status.ok()); }

}  // namespace

Batch::Batch(std::shared_ptr<const Tables> tables) : Batch(std::move(tables), nullptr) {}

Batch::Batch(std::shared_ptr<const Tables> tables, std::unique_ptr<rocksdb::WriteBatch> memory)
    : tables_(std::move(tables)), writes_(std::move(memory)) {
  if (writes_ == nullptr) writes_ = std::make_unique<rocksdb::WriteBatch>();
}

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

std::unique_ptr<rocksdb::WriteBatch> Batch::TakeMemory() {
  if (writes_->Data().capacity() > kMostKeptBytes) return nullptr;
  writes_->Clear();
  return std::move(writes_);
}

bool Batch::empty() const { return writes_->Count() == 0; }

}  // namespace sluice::queue
