// The disk as the store has it: what RocksDB asks of it beyond reading and writing.
#ifndef SLUICE_QUEUE_STORE_DISK_H_
#define SLUICE_QUEUE_STORE_DISK_H_

#include <memory>

namespace rocksdb {
class Env;
}

namespace sluice::queue {

// Logs are synced in order (log_disk.h), and large files removed in steps (file_removal.h).
// Threads, clocks and all else are those of `disk`, which outlives what is returned. For one
// database at a time. Thread-safe.
std::unique_ptr<rocksdb::Env> MakeStoreDisk(rocksdb::Env& disk);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_STORE_DISK_H_
