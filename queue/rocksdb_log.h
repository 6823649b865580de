// What RocksDB has to say to people, in the daemon's own log.
//
// Its own (the files LOG and LOG.old.*) is not written: it would go through the same code as the
// store's files, which in a RocksDB built with assertions, as Debian's is, ends the process at the
// second write after one that failed (file/writable_file_writer.h,
// AssertFalseAndGetStatusForPrevError). A full disk would be enough.
//
//   warning store_says text="…"
//   error store_log_breaks_off text="…"      records were left out at the start; see the text
//
// Everything below a warning is at level debug.
#ifndef SLUICE_QUEUE_ROCKSDB_LOG_H_
#define SLUICE_QUEUE_ROCKSDB_LOG_H_

#include <memory>

namespace rocksdb {
class Logger;
}

namespace sluice::queue {

// Thread-safe.
std::shared_ptr<rocksdb::Logger> NewRocksdbLog();

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_ROCKSDB_LOG_H_
