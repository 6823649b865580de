#include "queue/row_scan.h"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>

#include <utility>

namespace sluice::queue {

// Slices into the range's strings: RocksDB keeps pointers to these.
struct RowScan::Bounds {
  rocksdb::Slice lower;
  rocksdb::Slice upper;
};

namespace {

rocksdb::Iterator* NewIterator(const Tables& tables, const rocksdb::Snapshot* snapshot,
                               const RowRange& range, const rocksdb::Slice& lower,
                               const rocksdb::Slice& upper) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.fill_cache = range.keep_in_cache;
  options.iterate_lower_bound = &lower;
  // The bound keeps a scan from walking over erased rows behind the last one that is asked for.
  if (!range.to.empty()) options.iterate_upper_bound = &upper;
  // Else an iterator on a table with a prefix extractor may end with the prefix it began in.
  options.total_order_seek = true;
  return tables.db().NewIterator(options, tables.of(range.table));
}

absl::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

Moment::Moment(std::shared_ptr<const Tables> tables)
    : tables_(std::move(tables)), snapshot_(tables_->db().GetSnapshot()) {}

Moment::~Moment() { tables_->db().ReleaseSnapshot(snapshot_); }

RowScan::RowScan(std::shared_ptr<const Tables> tables, RowRange range)
    : RowScan(std::move(tables), nullptr, std::move(range)) {}

RowScan::RowScan(const Moment& moment, RowRange range)
    : RowScan(moment.tables(), moment.snapshot(), std::move(range)) {}

RowScan::RowScan(std::shared_ptr<const Tables> tables, const rocksdb::Snapshot* snapshot,
                 RowRange range)
    : tables_(std::move(tables)),
      range_(std::move(range)),
      bounds_(new Bounds{range_.from, range_.to}),
      iterator_(NewIterator(*tables_, snapshot, range_, bounds_->lower, bounds_->upper)) {
  if (range_.backward) {
    iterator_->SeekToLast();  // within the bounds
  } else {
    iterator_->Seek(range_.from);
  }
}

RowScan::~RowScan() = default;

bool RowScan::Valid() const { return iterator_->Valid(); }

void RowScan::Next() {
  if (range_.backward) {
    iterator_->Prev();
  } else {
    iterator_->Next();
  }
}

absl::string_view RowScan::key() const { return ToView(iterator_->key()); }
absl::string_view RowScan::value() const { return ToView(iterator_->value()); }

absl::Status RowScan::status() const { return tables_->ToStatus(iterator_->status()); }

}  // namespace sluice::queue
