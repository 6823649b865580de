// What RocksDB holds of the files of a LossyDisk that it has opened.
#include <utility>

#include "tests/queue/lossy_files.h"

namespace sluice::queue {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class OpenSequential : public rocksdb::FSSequentialFile {
 public:
  OpenSequential(std::shared_ptr<LossyFiles> files, LossyFiles::FilePtr file)
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
  const std::shared_ptr<LossyFiles> files_;
  const LossyFiles::FilePtr file_;
  uint64_t offset_ = 0;
};

class OpenRandomAccess : public rocksdb::FSRandomAccessFile {
 public:
  OpenRandomAccess(std::shared_ptr<LossyFiles> files, LossyFiles::FilePtr file)
      : files_(std::move(files)), file_(std::move(file)) {}
  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return files_->Read(*file_, offset, size, result, scratch);
  }

 private:
  const std::shared_ptr<LossyFiles> files_;
  const LossyFiles::FilePtr file_;
};

class OpenWritable : public rocksdb::FSWritableFile {
 public:
  OpenWritable(std::shared_ptr<LossyFiles> files, LossyFiles::FilePtr file)
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
  const std::shared_ptr<LossyFiles> files_;
  const LossyFiles::FilePtr file_;
};

class OpenDirectory : public rocksdb::FSDirectory {
 public:
  OpenDirectory(std::shared_ptr<LossyFiles> files, std::string name)
      : files_(std::move(files)), name_(std::move(name)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return files_->SyncDirectory(name_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const std::shared_ptr<LossyFiles> files_;
  const std::string name_;
};

}  // namespace

LossyFiles::FilePtr LossyFiles::FindForReading(const std::string& name) {
  WaitForTurn();
  FilePtr file = Find(name);
  const std::lock_guard lock(mutex_);
  Note("open", name, file != nullptr);
  return file;
}

IOStatus LossyFiles::NewSequentialFile(const std::string& name, const FileOptions&,
                                       std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                       IODebugContext*) {
  FilePtr file = FindForReading(name);
  if (file == nullptr) return IOStatus::PathNotFound(name);
  *result = std::make_unique<OpenSequential>(shared_from_this(), std::move(file));
  return IOStatus::OK();
}

IOStatus LossyFiles::NewRandomAccessFile(const std::string& name, const FileOptions&,
                                         std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                         IODebugContext*) {
  FilePtr file = FindForReading(name);
  if (file == nullptr) return IOStatus::PathNotFound(name);
  *result = std::make_unique<OpenRandomAccess>(shared_from_this(), std::move(file));
  return IOStatus::OK();
}

IOStatus LossyFiles::NewWritableFile(const std::string& name, const FileOptions&,
                                     std::unique_ptr<rocksdb::FSWritableFile>* result,
                                     IODebugContext*) {
  WaitForTurn();
  auto file = std::make_shared<LossyFile>(name);
  {
    const std::lock_guard lock(mutex_);
    Note("make", name, 0);
    if (!Powered()) return IOStatus::IOError("the power is off");
    Make({.name = name, .file = file});
  }
  *result = std::make_unique<OpenWritable>(shared_from_this(), std::move(file));
  return IOStatus::OK();
}

IOStatus LossyFiles::NewDirectory(const std::string& name, const IOOptions&,
                                  std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) {
  *result = std::make_unique<OpenDirectory>(shared_from_this(), name);
  return IOStatus::OK();
}

}  // namespace sluice::queue
