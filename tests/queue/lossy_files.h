// The files of a LossyDisk: what is in them, what of it would survive a loss of power, and what
// fails. For lossy_disk.cc and lossy_file_handles.cc alone. Thread-safe.
#ifndef SLUICE_TESTS_QUEUE_LOSSY_FILES_H_
#define SLUICE_TESTS_QUEUE_LOSSY_FILES_H_

#include <rocksdb/file_system.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "tests/queue/background_jobs.h"
#include "tests/queue/lossy_disk.h"

namespace sluice::queue {

struct LossyFile {
  explicit LossyFile(std::string path) : name(std::move(path)) {}
  const std::string name;  // that it was made under
  std::string bytes;
  size_t synced = 0;
  // From where to where a sync that failed has left nothing on the disk, though it can still be
  // read.
  std::vector<std::pair<size_t, size_t>> forgotten;
};

class LossyFiles : public rocksdb::FileSystemWrapper,
                   public std::enable_shared_from_this<LossyFiles> {
 public:
  using FilePtr = std::shared_ptr<LossyFile>;
  using FileOptions = rocksdb::FileOptions;
  using IODebugContext = rocksdb::IODebugContext;
  using IOOptions = rocksdb::IOOptions;
  using IOStatus = rocksdb::IOStatus;
  using Slice = rocksdb::Slice;

  LossyFiles(uint64_t seed, BackgroundJobs* jobs);
  const char* Name() const override { return "LossyDisk"; }

  // As in LossyDisk.
  void CutPowerAfter(size_t operations);
  void Restore();
  uint64_t NextSeed();
  // All that is written, and what of it is durable, into one that is empty. No locks.
  void CopyTo(LossyFiles& other);
  void SetFault(LossyDisk::Fault fault, size_t after_bytes, std::string in_name);
  void SetFaultRates(const LossyDisk::FaultRates& rates);
  void SetCapacity(uint64_t bytes);
  void SetStall(LossyDisk::Stall stall);
  int Damage(const std::string& suffix);
  size_t syncs() const;
  uint64_t used_bytes() const;
  LossyDisk::Operations operations() const;
  void KeepOperations(bool keep);
  std::vector<std::string> kept_operations() const;
  uint64_t Fingerprint() const;

  // Of open files.
  IOStatus Append(LossyFile& file, const Slice& data);
  IOStatus Sync(LossyFile& file);
  IOStatus TruncateOpen(LossyFile& file, uint64_t size);
  IOStatus Read(const LossyFile& file, uint64_t offset, size_t size, Slice* result, char* scratch);
  IOStatus SyncDirectory(const std::string& directory);

  IOStatus NewSequentialFile(const std::string& name, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext* debug) override;
  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext* debug) override;
  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override;
  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* debug) override;
  IOStatus FileExists(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override;
  IOStatus GetChildren(const std::string& directory, const IOOptions& options,
                       std::vector<std::string>* result, IODebugContext* debug) override;
  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override;
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override;
  IOStatus CreateDir(const std::string& name, const IOOptions& options,
                     IODebugContext* debug) override;
  IOStatus CreateDirIfMissing(const std::string& name, const IOOptions& options,
                              IODebugContext* debug) override;
  IOStatus DeleteDir(const std::string& name, const IOOptions& options,
                     IODebugContext* debug) override;
  IOStatus GetFileSize(const std::string& name, const IOOptions& options, uint64_t* size,
                       IODebugContext* debug) override;
  IOStatus GetFileModificationTime(const std::string& name, const IOOptions& options,
                                   uint64_t* time, IODebugContext* debug) override;
  IOStatus GetFreeSpace(const std::string& path, const IOOptions& options, uint64_t* free,
                        IODebugContext* debug) override;
  IOStatus IsDirectory(const std::string& path, const IOOptions& options, bool* result,
                       IODebugContext* debug) override;
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions& options, std::string* result,
                           IODebugContext* debug) override;
  IOStatus LockFile(const std::string& name, const IOOptions& options, rocksdb::FileLock** result,
                    IODebugContext* debug) override;
  IOStatus UnlockFile(rocksdb::FileLock* held, const IOOptions& options,
                      IODebugContext* debug) override;
  IOStatus NewLogger(const std::string& name, const IOOptions& options,
                     std::shared_ptr<rocksdb::Logger>* result, IODebugContext* debug) override;

 private:
  using Names = std::map<std::string, FilePtr>;
  // To a directory, not synced yet.
  struct Change {
    std::string name;
    FilePtr file;  // null: the name is gone
  };

  static void Apply(const Change& change, Names& names);

  void WaitForTurn() {
    if (jobs_ != nullptr) jobs_->WaitForTurn();
  }
  void CallStall(const LossyDisk::Operation& operation);
  FilePtr Find(const std::string& name) const;
  FilePtr FindForReading(const std::string& name);

  // With mutex_ held.
  void Note(const char* what, const std::string& name, uint64_t number, const Slice& content = "");
  bool Draw(double rate) { return rate > 0 && random_.Unit() < rate; }
  // Of something that changes what is on the disk.
  bool Powered();
  bool HasFault(const LossyFile& file) const;
  // How much of `size` bytes can be appended, and why not all of them.
  size_t Room(const LossyFile& file, size_t size, IOStatus& status);
  // After a sync that failed: Linux takes what could not be written for clean, and does not write
  // it again; it is there until the power fails.
  void ForgetUnsynced(LossyFile& file);
  // What is left of a file after a loss of power. Garbage stays within what had not been synced.
  void Tear(LossyFile& file);
  void Make(Change change);
  void CountUsed();

  BackgroundJobs* const jobs_;
  mutable std::mutex mutex_;
  Random random_;
  Names live_;
  Names durable_;
  std::vector<Change> changes_;
  std::set<std::string> directories_ = {"/"};
  std::set<std::string> locks_;
  bool powered_ = true;
  size_t operations_left_ = SIZE_MAX;  // that; SIZE_MAX: for ever

  LossyDisk::Fault fault_ = LossyDisk::Fault::kNone;
  size_t budget_ = 0;
  std::string in_name_;
  LossyDisk::FaultRates rates_;
  uint64_t capacity_ = LossyDisk::kUnlimited;
  uint64_t used_ = 0;
  LossyDisk::Stall stall_;

  size_t syncs_ = 0;
  LossyDisk::Operations operations_;
  bool keep_ = false;
  std::vector<std::string> kept_;
};

}  // namespace sluice::queue

#endif  // SLUICE_TESTS_QUEUE_LOSSY_FILES_H_
