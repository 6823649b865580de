#include "tests/queue/lossy_disk.h"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/random.h"

namespace sluice::queue {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

struct File {
  explicit File(std::string path) : name(std::move(path)) {}
  const std::string name;  // that it was made under
  std::string bytes;
  size_t synced = 0;
};
using FilePtr = std::shared_ptr<File>;
using Names = std::map<std::string, FilePtr>;

// A change to a directory that has not been synced.
struct Change {
  std::string name;
  FilePtr file;  // null: the name is gone
};

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// FNV-1a.
uint64_t Mix(uint64_t hash, const std::string& bytes) {
  hash ^= bytes.size();
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

class SilentLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
  size_t GetLogFileSize() const override { return 0; }
};

class Lock : public rocksdb::FileLock {
 public:
  explicit Lock(std::string path) : name(std::move(path)) {}
  const std::string name;
};

}  // namespace

class LossyDisk::Files : public rocksdb::FileSystemWrapper,
                         public std::enable_shared_from_this<LossyDisk::Files> {
 public:
  explicit Files(uint64_t seed) : FileSystemWrapper(FileSystem::Default()), random_(seed) {}
  const char* Name() const override { return "LossyDisk"; }

  void CutPower() {
    const std::lock_guard lock(mutex_);
    powered_ = false;
  }

  void Restore() {
    const std::lock_guard lock(mutex_);
    const size_t kept = random_.Below(changes_.size() + 1);
    for (size_t i = 0; i < kept; ++i) Apply(changes_[i], durable_);
    changes_.clear();
    live_ = durable_;
    for (auto& [name, file] : live_) Tear(*file);
    locks_.clear();
    powered_ = true;
    operations_left_ = kForever;
    fault_ = Fault::kNone;
  }

  void CutPowerAfter(size_t operations) {
    const std::lock_guard lock(mutex_);
    operations_left_ = operations;
  }

  void SetFault(Fault fault, size_t after_bytes, std::string in_name) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    budget_ = after_bytes;
    in_name_ = std::move(in_name);
  }

  int Damage(const std::string& suffix) {
    const std::lock_guard lock(mutex_);
    int damaged = 0;
    for (auto& [name, file] : live_) {
      if (!name.ends_with(suffix) || file->synced < 64) continue;
      file->bytes[file->synced / 2] ^= 0x10;
      ++damaged;
    }
    return damaged;
  }

  size_t syncs() const {
    const std::lock_guard lock(mutex_);
    return syncs_;
  }

  uint64_t Fingerprint() const {
    const std::lock_guard lock(mutex_);
    uint64_t hash = 0;
    for (const auto& [name, file] : live_) {
      hash = Mix(hash, name);
      hash = Mix(hash, file->bytes);
    }
    return hash;
  }

  // Of open files.
  IOStatus Append(File& file, const Slice& data) {
    const std::lock_guard lock(mutex_);
    if (!Powered()) return NoPower();
    size_t size = data.size();
    IOStatus status;
    if ((fault_ == Fault::kFull || fault_ == Fault::kBroken) && HasFault(file)) {
      if (size > budget_) {
        size = budget_;
        status = fault_ == Fault::kFull ? IOStatus::NoSpace("the disk is full")
                                        : IOStatus::IOError("the disk is broken");
        // As RocksDB's own file system has it.
        if (fault_ == Fault::kFull) status.SetRetryable(true);
      }
      budget_ -= size;
    }
    file.bytes.append(data.data(), size);
    return status;
  }
  IOStatus Sync(File& file) {
    const std::lock_guard lock(mutex_);
    if (!Powered()) return NoPower();
    if (fault_ == Fault::kSyncFails && HasFault(file)) {
      if (random_.Below(2) == 0) LoseUnsynced(file);
      return IOStatus::IOError("the disk cannot sync");
    }
    file.synced = file.bytes.size();
    ++syncs_;
    return IOStatus::OK();
  }
  IOStatus TruncateOpen(File& file, uint64_t size) {
    const std::lock_guard lock(mutex_);
    if (!Powered()) return NoPower();
    file.bytes.resize(size);
    file.synced = std::min<size_t>(file.synced, size);
    return IOStatus::OK();
  }
  IOStatus SyncDirectory(const std::string& directory) {
    const std::lock_guard lock(mutex_);
    if (!Powered()) return NoPower();
    // A journal is written in order: all before the last change of this directory goes with it.
    size_t end = 0;
    for (size_t i = 0; i < changes_.size(); ++i) {
      if (DirectoryOf(changes_[i].name) == directory) end = i + 1;
    }
    for (size_t i = 0; i < end; ++i) Apply(changes_[i], durable_);
    changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(end));
    return IOStatus::OK();
  }
  IOStatus Read(const File& file, uint64_t offset, size_t size, Slice* result, char* scratch) {
    const std::lock_guard lock(mutex_);
    const size_t begin = std::min<size_t>(offset, file.bytes.size());
    const size_t count = std::min(size, file.bytes.size() - begin);
    std::memcpy(scratch, file.bytes.data() + begin, count);
    *result = Slice(scratch, count);
    return IOStatus::OK();
  }

  IOStatus NewSequentialFile(const std::string& name, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext*) override;
  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override;
  IOStatus NewWritableFile(const std::string& name, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override;
  IOStatus NewDirectory(const std::string& name, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override;

  IOStatus FileExists(const std::string& name, const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    return live_.contains(name) || directories_.contains(name) ? IOStatus::OK()
                                                               : IOStatus::NotFound(name);
  }
  IOStatus GetChildren(const std::string& directory, const IOOptions&,
                       std::vector<std::string>* result, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    result->clear();
    for (const auto& [name, file] : live_) {
      if (DirectoryOf(name) == directory) result->push_back(name.substr(directory.size() + 1));
    }
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    if (!Powered()) return NoPower();
    if (!live_.contains(name)) return IOStatus::PathNotFound(name);
    Make({.name = name, .file = nullptr});
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    if (!Powered()) return NoPower();
    const FilePtr file = FindLocked(from);
    if (file == nullptr) return IOStatus::PathNotFound(from);
    Make({.name = to, .file = file});
    Make({.name = from, .file = nullptr});
    return IOStatus::OK();
  }
  IOStatus CreateDir(const std::string& name, const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    if (!Powered()) return NoPower();
    directories_.insert(name);
    return IOStatus::OK();
  }
  IOStatus CreateDirIfMissing(const std::string& name, const IOOptions& options,
                              IODebugContext* debug) override {
    return CreateDir(name, options, debug);
  }
  IOStatus DeleteDir(const std::string& name, const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    directories_.erase(name);
    return IOStatus::OK();
  }
  IOStatus GetFileSize(const std::string& name, const IOOptions&, uint64_t* size,
                       IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    const FilePtr file = FindLocked(name);
    if (file == nullptr) return IOStatus::PathNotFound(name);
    *size = file->bytes.size();
    return IOStatus::OK();
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time,
                                   IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* result,
                       IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    *result = directories_.contains(path);
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result,
                           IODebugContext*) override {
    *result = path;
    return IOStatus::OK();
  }
  IOStatus LockFile(const std::string& name, const IOOptions&, rocksdb::FileLock** result,
                    IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    if (!locks_.insert(name).second) return IOStatus::IOError("While lock file: " + name, "busy");
    *result = new Lock(name);
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* held, const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    auto* ours = static_cast<Lock*>(held);
    locks_.erase(ours->name);
    delete ours;
    return IOStatus::OK();
  }
  IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>* result,
                     IODebugContext*) override {
    *result = std::make_shared<SilentLogger>();
    return IOStatus::OK();
  }

 private:
  class OpenSequential;
  class OpenRandomAccess;
  class OpenWritable;
  class OpenDirectory;

  // Of something that changes what is on the disk.
  bool Powered() {
    if (operations_left_ == 0) powered_ = false;
    if (operations_left_ != kForever) --operations_left_;
    return powered_;
  }
  bool HasFault(const File& file) const { return file.name.find(in_name_) != std::string::npos; }
  // As Linux does: it takes pages that could not be written for clean, and forgets them some time.
  void LoseUnsynced(File& file) {
    const size_t unsynced = file.bytes.size() - file.synced;
    for (size_t i = file.synced + random_.Below(unsynced + 1); i < file.bytes.size(); ++i) {
      file.bytes[i] = 0;
    }
  }
  static IOStatus NoPower() { return IOStatus::IOError("the power is off"); }

  FilePtr FindLocked(const std::string& name) const {
    const auto found = live_.find(name);
    return found == live_.end() ? nullptr : found->second;
  }
  FilePtr Find(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return FindLocked(name);
  }
  static void Apply(const Change& change, Names& names) {
    if (change.file == nullptr) {
      names.erase(change.name);
    } else {
      names[change.name] = change.file;
    }
  }
  void Make(Change change) {
    Apply(change, live_);
    changes_.push_back(std::move(change));
  }
  // What is left of a file. Garbage stays within what had not been synced.
  void Tear(File& file) {
    const size_t unsynced = file.bytes.size() - file.synced;
    file.bytes.resize(file.synced + random_.Below(unsynced + 1));
    const size_t left = file.bytes.size() - file.synced;
    if (left > 0 && random_.Below(3) == 0) {
      const size_t begin = file.synced + random_.Below(left);
      const size_t end = std::min(begin + 512, file.bytes.size());
      for (size_t i = begin; i < end; ++i) file.bytes[i] = 0;
    }
    file.synced = file.bytes.size();
  }

  mutable std::mutex mutex_;
  Random random_;
  Names live_;
  Names durable_;
  std::vector<Change> changes_;
  std::set<std::string> directories_ = {"/"};
  std::set<std::string> locks_;
  bool powered_ = true;
  static constexpr size_t kForever = SIZE_MAX;
  size_t operations_left_ = kForever;
  Fault fault_ = Fault::kNone;
  size_t budget_ = 0;
  std::string in_name_;
  size_t syncs_ = 0;
};

class LossyDisk::Files::OpenSequential : public rocksdb::FSSequentialFile {
 public:
  OpenSequential(std::shared_ptr<Files> files, FilePtr file)
      : files_(std::move(files)), file_(std::move(file)) {}
  IOStatus Read(size_t size, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    const IOStatus status = files_->Read(*file_, offset_, size, result, scratch);
    offset_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t size) override {
    offset_ += size;
    return IOStatus::OK();
  }

 private:
  const std::shared_ptr<Files> files_;
  const FilePtr file_;
  uint64_t offset_ = 0;
};

class LossyDisk::Files::OpenRandomAccess : public rocksdb::FSRandomAccessFile {
 public:
  OpenRandomAccess(std::shared_ptr<Files> files, FilePtr file)
      : files_(std::move(files)), file_(std::move(file)) {}
  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return files_->Read(*file_, offset, size, result, scratch);
  }

 private:
  const std::shared_ptr<Files> files_;
  const FilePtr file_;
};

class LossyDisk::Files::OpenWritable : public rocksdb::FSWritableFile {
 public:
  OpenWritable(std::shared_ptr<Files> files, FilePtr file)
      : files_(std::move(files)), file_(std::move(file)) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    return files_->Append(*file_, data);
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    return files_->TruncateOpen(*file_, size);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return files_->Sync(*file_); }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return file_->bytes.size(); }
  bool IsSyncThreadSafe() const override { return true; }  // DB::SyncWAL asks for it

 private:
  const std::shared_ptr<Files> files_;
  const FilePtr file_;
};

class LossyDisk::Files::OpenDirectory : public rocksdb::FSDirectory {
 public:
  OpenDirectory(std::shared_ptr<Files> files, std::string name)
      : files_(std::move(files)), name_(std::move(name)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return files_->SyncDirectory(name_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const std::shared_ptr<Files> files_;
  const std::string name_;
};

IOStatus LossyDisk::Files::NewSequentialFile(const std::string& name, const FileOptions&,
                                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                             IODebugContext*) {
  FilePtr file = Find(name);
  if (file == nullptr) return IOStatus::PathNotFound(name);
  *result = std::make_unique<OpenSequential>(shared_from_this(), std::move(file));
  return IOStatus::OK();
}

IOStatus LossyDisk::Files::NewRandomAccessFile(const std::string& name, const FileOptions&,
                                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                               IODebugContext*) {
  FilePtr file = Find(name);
  if (file == nullptr) return IOStatus::PathNotFound(name);
  *result = std::make_unique<OpenRandomAccess>(shared_from_this(), std::move(file));
  return IOStatus::OK();
}

IOStatus LossyDisk::Files::NewWritableFile(const std::string& name, const FileOptions&,
                                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                                           IODebugContext*) {
  auto file = std::make_shared<File>(name);
  {
    const std::lock_guard lock(mutex_);
    if (!Powered()) return NoPower();
    Make({.name = name, .file = file});
  }
  *result = std::make_unique<OpenWritable>(shared_from_this(), std::move(file));
  return IOStatus::OK();
}

IOStatus LossyDisk::Files::NewDirectory(const std::string& name, const IOOptions&,
                                        std::unique_ptr<rocksdb::FSDirectory>* result,
                                        IODebugContext*) {
  *result = std::make_unique<OpenDirectory>(shared_from_this(), name);
  return IOStatus::OK();
}

LossyDisk::LossyDisk(uint64_t seed)
    : files_(std::make_shared<Files>(seed)), env_(rocksdb::NewCompositeEnv(files_)) {}
LossyDisk::~LossyDisk() = default;

void LossyDisk::CutPower() { files_->CutPower(); }
void LossyDisk::CutPowerAfter(size_t operations) { files_->CutPowerAfter(operations); }
void LossyDisk::Restore() { files_->Restore(); }
void LossyDisk::SetFault(Fault fault, size_t after_bytes, const char* in_name) {
  files_->SetFault(fault, after_bytes, in_name);
}
int LossyDisk::Damage(const char* suffix) { return files_->Damage(suffix); }
uint64_t LossyDisk::Fingerprint() const { return files_->Fingerprint(); }
size_t LossyDisk::syncs() const { return files_->syncs(); }

}  // namespace sluice::queue
