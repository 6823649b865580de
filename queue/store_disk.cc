#include "queue/store_disk.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "queue/file_removal.h"
#include "queue/log_disk.h"

namespace sluice::queue {
namespace {

class StoreDisk : public rocksdb::EnvWrapper {
 public:
  explicit StoreDisk(rocksdb::Env& disk) : EnvWrapper(&disk) {
    file_system_ = SyncLogsInOrder(RemoveInSteps(disk.GetFileSystem()));
    system_clock_ = disk.GetSystemClock();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> MakeStoreDisk(rocksdb::Env& disk) {
  return std::make_unique<StoreDisk>(disk);
}

}  // namespace sluice::queue
