// How RocksDB is set up for a mail queue. For database.cc alone: brings in RocksDB's options.
//
// A queue is not the load that a database is made for: almost every row is erased soon after it was
// put, most of them before they have left memory, and what is asked for again and again is the
// front of a table from which everything has been erased. Each setting says what it does about
// that.
#ifndef SLUICE_QUEUE_DATABASE_OPTIONS_H_
#define SLUICE_QUEUE_DATABASE_OPTIONS_H_

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <cstddef>
#include <vector>

namespace sluice::queue {

// `env` may be null: the machine's. `memory_bytes` is shared by write buffers and block cache.
rocksdb::DBOptions MakeDatabaseOptions(rocksdb::Env* env, size_t memory_bytes);

// One for each Table, in their order.
std::vector<rocksdb::ColumnFamilyDescriptor> MakeTableOptions(size_t memory_bytes);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_DATABASE_OPTIONS_H_
