#include "queue/log_disk.h"

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"

namespace sluice::queue {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class LogFile;

// The log that was begun last, while it is open.
struct LastLog {
  absl::Mutex mutex;
  LogFile* file ABSL_GUARDED_BY(mutex) = nullptr;
};

class LogFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LogFile(std::unique_ptr<FSWritableFile> file, std::shared_ptr<LastLog> last)
      : FSWritableFileOwnerWrapper(std::move(file)), last_(std::move(last)) {}
  ~LogFile() override {
    const absl::MutexLock lock(&last_->mutex);
    if (last_->file == this) last_->file = nullptr;
  }

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    unsynced_.store(true);
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    unsynced_.store(true);
    return FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (!unsynced_.load()) return IOStatus::OK();
    IOStatus synced = FSWritableFileOwnerWrapper::Sync(options, debug);
    if (synced.ok()) unsynced_.store(false);
    return synced;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }

 private:
  const std::shared_ptr<LastLog> last_;
  std::atomic<bool> unsynced_{false};
};

class LogFileSystem : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "sluice.LogFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* result,
                           IODebugContext* debug) override {
    if (!absl::EndsWith(name, ".log")) {
      return FileSystemWrapper::NewWritableFile(name, options, result, debug);
    }
    const absl::MutexLock lock(&last_->mutex);
    if (last_->file != nullptr) {
      IOStatus synced = last_->file->Sync(IOOptions(), debug);
      if (!synced.ok()) return synced;
    }
    std::unique_ptr<FSWritableFile> file;
    IOStatus made = FileSystemWrapper::NewWritableFile(name, options, &file, debug);
    if (!made.ok()) return made;
    auto log = std::make_unique<LogFile>(std::move(file), last_);
    last_->file = log.get();
    *result = std::move(log);
    return made;
  }

 private:
  const std::shared_ptr<LastLog> last_ = std::make_shared<LastLog>();
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> SyncLogsInOrder(std::shared_ptr<rocksdb::FileSystem> files) {
  return std::make_shared<LogFileSystem>(std::move(files));
}

}  // namespace sluice::queue
