#include "queue/salvage_scan.h"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>

#include <optional>
#include <utility>

namespace sluice::queue {
namespace {

// Positions between keys are numbers of so many octets, big-endian, as keys are ordered. Keys that
// agree in all of them are not told apart.
constexpr size_t kPositionBytes = 64;

rocksdb::Iterator* NewIterator(const Tables& tables, Table table) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.total_order_seek = true;
  options.readahead_size = 1 << 20;
  return tables.db().NewIterator(options, tables.of(table));
}

// position + 2^bit; unset: there is no such position.
std::optional<std::string> Plus(std::string position, size_t bit) {
  unsigned carry = 1U << (bit % 8);
  for (size_t i = kPositionBytes - bit / 8; i > 0 && carry > 0; --i) {
    carry += static_cast<unsigned char>(position[i - 1]);
    position[i - 1] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  if (carry > 0) return std::nullopt;
  return position;
}

// The first position behind all keys that are not told apart from `key`; unset: there is none.
std::optional<std::string> Behind(std::string key) {
  const bool whole = key.size() < kPositionBytes;
  key.resize(kPositionBytes, '\0');
  return whole ? key : Plus(std::move(key), 0);
}

// (a + b) / 2.
std::string Middle(const std::string& a, const std::string& b) {
  std::string sum(kPositionBytes, '\0');
  unsigned carry = 0;
  for (size_t i = kPositionBytes; i > 0; --i) {
    carry += static_cast<unsigned char>(a[i - 1]) + static_cast<unsigned char>(b[i - 1]);
    sum[i - 1] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  for (char& octet : sum) {
    const unsigned value = carry << 8 | static_cast<unsigned char>(octet);
    octet = static_cast<char>(value >> 1);
    carry = value & 1;
  }
  return sum;
}

}  // namespace

SalvageScan::SalvageScan(const Tables& tables, Table table)
    : tables_(tables), table_(table), iterator_(NewIterator(tables, table)) {
  iterator_->SeekToFirst();
  Settle();
}

SalvageScan::~SalvageScan() = default;

bool SalvageScan::Valid() const { return iterator_->Valid(); }

void SalvageScan::Next() {
  last_ = iterator_->key().ToString();
  iterator_->Next();
  Settle();
}

// With a new iterator: one that has come upon an error may end early after the next Seek.
bool SalvageScan::Readable(const std::string& position) {
  iterator_.reset(NewIterator(tables_, table_));
  iterator_->Seek(position);
  return iterator_->status().ok();
}

// On a row that can be read, or at the end.
void SalvageScan::Settle() {
  if (iterator_->Valid() || iterator_->status().ok()) return;
  ++gaps_;
  if (first_error_.ok()) first_error_ = tables_.ToStatus(iterator_->status());
  const std::optional<std::string> behind = Behind(last_);
  if (!behind.has_value() || Readable(*behind)) return;
  std::string damaged = *behind;
  std::optional<std::string> readable;
  for (size_t bit = 0; bit < kPositionBytes * 8 && !readable.has_value(); ++bit) {
    const std::optional<std::string> further = Plus(damaged, bit);
    if (!further.has_value()) break;
    if (Readable(*further)) {
      readable = *further;
    } else {
      damaged = *further;
    }
  }
  if (!readable.has_value()) return;  // nothing behind it can be read: not valid, so the end
  for (std::string middle = Middle(damaged, *readable); middle != damaged;
       middle = Middle(damaged, *readable)) {
    if (Readable(middle)) {
      readable = middle;
    } else {
      damaged = middle;
    }
  }
  Readable(*readable);
}

absl::string_view SalvageScan::key() const {
  return {iterator_->key().data(), iterator_->key().size()};
}
absl::string_view SalvageScan::value() const {
  return {iterator_->value().data(), iterator_->value().size()};
}

}  // namespace sluice::queue
