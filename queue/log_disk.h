// A file system on which no log of RocksDB is begun before the one in front of it has been synced.
//
// RocksDB goes over to a new log while the old one may hold writes that nobody asked to sync, and
// later syncs the old one from two threads: the one that writes, and the one that flushes. Where
// the sync fails for one of them the other one may be waiting to do the same, and then touches a
// file that has seen an error; in a RocksDB built with assertions, as Debian's is, that ends the
// process (file/writable_file_writer.h, AssertFalseAndGetStatusForPrevError; db_impl_write.cc,
// PreprocessWrite; db_impl_compaction_flush.cc, SyncClosedLogs).
//
// Here the log is synced by the thread that writes, when it asks for the next one. Where that fails
// the next one is refused, so the write fails and the log stays the last one, which only that
// thread touches. A log that has one behind it has nothing left to sync, and so nothing that could
// fail.
#ifndef SLUICE_QUEUE_LOG_DISK_H_
#define SLUICE_QUEUE_LOG_DISK_H_

#include <memory>

namespace rocksdb {
class FileSystem;
}

namespace sluice::queue {

// For one database at a time. Thread-safe.
std::shared_ptr<rocksdb::FileSystem> SyncLogsInOrder(std::shared_ptr<rocksdb::FileSystem> files);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_LOG_DISK_H_
