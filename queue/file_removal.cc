#include "queue/file_removal.h"

#include <rocksdb/file_system.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace sluice::queue {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// For the syncs that have been waiting meanwhile.
constexpr std::chrono::microseconds kBetweenSteps(500);

class SteppingFileSystem : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "sluice.SteppingFileSystem"; }

  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override {
    uint64_t names = 0;
    uint64_t bytes = 0;
    if (NumFileLinks(name, options, &names, debug).ok() && names == 1 &&
        GetFileSize(name, options, &bytes, debug).ok() && bytes > kRemovalStep) {
      Shorten(name, bytes, options, debug);
    }
    return FileSystemWrapper::DeleteFile(name, options, debug);
  }

 private:
  // To a step at most. Where it fails what remains goes at once.
  void Shorten(const std::string& name, uint64_t bytes, const IOOptions& options,
               IODebugContext* debug) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    IOStatus status = ReopenWritableFile(name, rocksdb::FileOptions(), &file, debug);
    while (status.ok() && bytes > kRemovalStep) {
      bytes -= kRemovalStep;
      status = file->Truncate(bytes, options, debug);
      std::this_thread::sleep_for(kBetweenSteps);
    }
    status.PermitUncheckedError();
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> RemoveInSteps(std::shared_ptr<rocksdb::FileSystem> files) {
  return std::make_shared<SteppingFileSystem>(std::move(files));
}

}  // namespace sluice::queue
