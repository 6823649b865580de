// Marks files full of deletions for compaction.
//
// A scan has to step over each deleted row until a compaction has removed it, and 300,000 of them
// at the front of a table cost 60 ms each time. RocksDB compacts by size, and deletions are small.
// It has a collector for this purpose (NewCompactOnDeletionCollectorFactory), but that one does not
// count single deletions, which are the ones a queue makes.
//
// A file is marked when it holds a run of kDeletionRun deletions without a living row in between,
// or when half of its rows, and at least kDeletionRun, are deletions. Thread-safe factory.
#ifndef SLUICE_QUEUE_DELETION_COLLECTOR_H_
#define SLUICE_QUEUE_DELETION_COLLECTOR_H_

#include <cstddef>
#include <memory>

namespace rocksdb {
class TablePropertiesCollectorFactory;
}

namespace sluice::queue {

inline constexpr size_t kDeletionRun = 1024;

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> NewDeletionCollectorFactory();

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_DELETION_COLLECTOR_H_
