// A file system on which a large file is removed step by step.
//
// To unlink a log of 64 MiB takes ext4 some 25 ms, in which no other file can be synced: mail that
// waits for its 250 waits for that. Here it is made shorter by a megabyte at a time, and the syncs
// of others come in between. (RocksDB's own DeleteScheduler syncs after each step, on a thread of
// its own, and gives up where what is to be removed is large beside the database.)
//
// Nothing may need the file any more, as it is with all that RocksDB removes. One that has another
// name as well, in a backup of hard links, is unlinked as it is.
#ifndef SLUICE_QUEUE_FILE_REMOVAL_H_
#define SLUICE_QUEUE_FILE_REMOVAL_H_

#include <cstddef>
#include <memory>

namespace rocksdb {
class FileSystem;
}

namespace sluice::queue {

constexpr size_t kRemovalStep = size_t{1} << 20;

// Of a file with n megabytes DeleteFile takes a millisecond or two for each. Thread-safe.
std::shared_ptr<rocksdb::FileSystem> RemoveInSteps(std::shared_ptr<rocksdb::FileSystem> files);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_FILE_REMOVAL_H_
