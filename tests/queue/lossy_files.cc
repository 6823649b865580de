#include "tests/queue/lossy_files.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::queue {
namespace {

using Fault = LossyDisk::Fault;
using rocksdb::IOStatus;

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

IOStatus NoPower() { return IOStatus::IOError("the power is off"); }

// As RocksDB's own file system has it.
IOStatus NoSpace() {
  IOStatus status = IOStatus::NoSpace("the disk is full");
  status.SetRetryable(true);
  return status;
}

// After FNV-1a, eight octets at a time.
uint64_t Mix(uint64_t hash, const char* bytes, size_t size) {
  constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;
  hash = (hash ^ size) * kPrime;
  const auto add = [&hash](uint64_t word) {
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 32;
  };
  uint64_t word = 0;
  // (Of a size that is known when this is compiled: no call for each.)
  for (; size >= sizeof(word); size -= sizeof(word), bytes += sizeof(word)) {
    std::memcpy(&word, bytes, sizeof(word));
    add(word);
  }
  if (size == 0) return hash;
  word = 0;
  std::memcpy(&word, bytes, size);
  add(word);
  return hash;
}

// RocksDB does not open a MANIFEST with garbage at its end; it relies on a file system that writes
// data before it writes the size that covers them, as ext4 (unless told otherwise) and XFS do.
bool OnlyShortened(const LossyFile& file) {
  return file.name.find("/MANIFEST-") != std::string::npos;
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

LossyFiles::LossyFiles(uint64_t seed, BackgroundJobs* jobs)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), jobs_(jobs), random_(seed) {}

void LossyFiles::CutPowerAfter(size_t operations) {
  const std::lock_guard lock(mutex_);
  operations_left_ = operations;
}

void LossyFiles::Restore() {
  const std::lock_guard lock(mutex_);
  const size_t kept = random_.Below(changes_.size() + 1);
  for (size_t i = 0; i < kept; ++i) Apply(changes_[i], durable_);
  changes_.clear();
  live_ = durable_;
  Note("restore", "", kept);
  for (auto& [name, file] : live_) Tear(*file);
  CountUsed();
  locks_.clear();
  powered_ = true;
  operations_left_ = SIZE_MAX;
  fault_ = Fault::kNone;
  rates_ = {};
}

uint64_t LossyFiles::NextSeed() {
  const std::lock_guard lock(mutex_);
  return random_.Next();
}

void LossyFiles::CopyTo(LossyFiles& other) {
  const std::scoped_lock lock(mutex_, other.mutex_);
  // One file may stand under several names: in what is live, in what is durable, in what changed.
  std::map<const LossyFile*, FilePtr> copies;
  const auto copy_of = [&copies](const FilePtr& file) {
    if (file == nullptr) return file;
    FilePtr& copy = copies[file.get()];
    if (copy == nullptr) copy = std::make_shared<LossyFile>(*file);
    return copy;
  };
  for (const auto& [name, file] : live_) other.live_[name] = copy_of(file);
  for (const auto& [name, file] : durable_) other.durable_[name] = copy_of(file);
  for (const Change& change : changes_) {
    other.changes_.push_back({change.name, copy_of(change.file)});
  }
  other.directories_ = directories_;
  other.CountUsed();
}

void LossyFiles::SetFault(Fault fault, size_t after_bytes, std::string in_name) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  budget_ = after_bytes;
  in_name_ = std::move(in_name);
}

void LossyFiles::SetFaultRates(const LossyDisk::FaultRates& rates) {
  const std::lock_guard lock(mutex_);
  rates_ = rates;
}

void LossyFiles::SetCapacity(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void LossyFiles::SetStall(LossyDisk::Stall stall) {
  const std::lock_guard lock(mutex_);
  stall_ = std::move(stall);
}

int LossyFiles::Damage(const std::string& suffix) {
  const std::lock_guard lock(mutex_);
  int damaged = 0;
  for (auto& [name, file] : live_) {
    if (!name.ends_with(suffix) || file->synced < 64) continue;
    file->bytes[file->synced / 2] ^= 0x10;
    ++damaged;
  }
  return damaged;
}

size_t LossyFiles::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

uint64_t LossyFiles::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

LossyDisk::Operations LossyFiles::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void LossyFiles::KeepOperations(bool keep) {
  const std::lock_guard lock(mutex_);
  keep_ = keep;
}

std::vector<std::string> LossyFiles::kept_operations() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

uint64_t LossyFiles::Fingerprint() const {
  const std::lock_guard lock(mutex_);
  uint64_t hash = 0;
  for (const auto& [name, file] : live_) {
    hash = Mix(hash, name.data(), name.size());
    hash = Mix(hash, file->bytes.data(), file->bytes.size());
  }
  return hash;
}

IOStatus LossyFiles::Append(LossyFile& file, const Slice& data) {
  WaitForTurn();
  CallStall({LossyDisk::Operation::Kind::kAppend, file.name, data.size()});
  const std::lock_guard lock(mutex_);
  Note("append", file.name, file.bytes.size(), data);
  if (!Powered()) return NoPower();
  IOStatus status;
  const size_t size = Room(file, data.size(), status);
  file.bytes.append(data.data(), size);
  used_ += size;
  return status;
}

IOStatus LossyFiles::Sync(LossyFile& file) {
  WaitForTurn();
  CallStall({LossyDisk::Operation::Kind::kSync, file.name, 0});
  const std::lock_guard lock(mutex_);
  Note("sync", file.name, file.bytes.size());
  if (!Powered()) return NoPower();
  if ((fault_ == Fault::kSyncFails && HasFault(file)) || Draw(rates_.sync)) {
    if (random_.Below(2) == 0) ForgetUnsynced(file);
    return IOStatus::IOError("the disk cannot sync");
  }
  file.synced = file.bytes.size();
  ++syncs_;
  return IOStatus::OK();
}

IOStatus LossyFiles::TruncateOpen(LossyFile& file, uint64_t size) {
  WaitForTurn();
  const std::lock_guard lock(mutex_);
  Note("truncate", file.name, size);
  if (!Powered()) return NoPower();
  used_ += size - file.bytes.size();  // modulo 2^64
  file.bytes.resize(size);
  file.synced = std::min<size_t>(file.synced, size);
  return IOStatus::OK();
}

IOStatus LossyFiles::Read(const LossyFile& file, uint64_t offset, size_t size, Slice* result,
                          char* scratch) {
  WaitForTurn();
  const std::lock_guard lock(mutex_);
  *result = Slice(scratch, 0);
  if (Draw(rates_.read)) {
    Note("failed read", file.name, offset);
    return IOStatus::IOError("the disk cannot read");
  }
  const size_t begin = std::min<size_t>(offset, file.bytes.size());
  const size_t count = std::min(size, file.bytes.size() - begin);
  std::memcpy(scratch, file.bytes.data() + begin, count);
  *result = Slice(scratch, count);
  Note("read", file.name, offset, *result);
  return IOStatus::OK();
}

IOStatus LossyFiles::SyncDirectory(const std::string& directory) {
  WaitForTurn();
  const std::lock_guard lock(mutex_);
  Note("sync directory", directory, changes_.size());
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

IOStatus LossyFiles::FileExists(const std::string& name, const IOOptions&, IODebugContext*) {
  const std::lock_guard lock(mutex_);
  return live_.contains(name) || directories_.contains(name) ? IOStatus::OK()
                                                             : IOStatus::NotFound(name);
}

IOStatus LossyFiles::GetChildren(const std::string& directory, const IOOptions&,
                                 std::vector<std::string>* result, IODebugContext*) {
  WaitForTurn();
  const std::lock_guard lock(mutex_);
  result->clear();
  for (const auto& [name, file] : live_) {
    if (DirectoryOf(name) == directory) result->push_back(name.substr(directory.size() + 1));
  }
  return IOStatus::OK();
}

IOStatus LossyFiles::DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) {
  WaitForTurn();
  const std::lock_guard lock(mutex_);
  Note("delete", name, 0);
  if (!Powered()) return NoPower();
  if (!live_.contains(name)) return IOStatus::PathNotFound(name);
  Make({.name = name, .file = nullptr});
  return IOStatus::OK();
}

IOStatus LossyFiles::RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                                IODebugContext*) {
  WaitForTurn();
  const std::lock_guard lock(mutex_);
  Note("rename", from, 0, to);
  if (!Powered()) return NoPower();
  const auto found = live_.find(from);
  if (found == live_.end()) return IOStatus::PathNotFound(from);
  const FilePtr file = found->second;
  Make({.name = to, .file = file});
  Make({.name = from, .file = nullptr});
  return IOStatus::OK();
}

IOStatus LossyFiles::CreateDir(const std::string& name, const IOOptions&, IODebugContext*) {
  const std::lock_guard lock(mutex_);
  if (!Powered()) return NoPower();
  directories_.insert(name);
  return IOStatus::OK();
}

IOStatus LossyFiles::CreateDirIfMissing(const std::string& name, const IOOptions& options,
                                        IODebugContext* debug) {
  return CreateDir(name, options, debug);
}

IOStatus LossyFiles::DeleteDir(const std::string& name, const IOOptions&, IODebugContext*) {
  const std::lock_guard lock(mutex_);
  directories_.erase(name);
  return IOStatus::OK();
}

IOStatus LossyFiles::GetFileSize(const std::string& name, const IOOptions&, uint64_t* size,
                                 IODebugContext*) {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(name);
  if (found == live_.end()) return IOStatus::PathNotFound(name);
  *size = found->second->bytes.size();
  return IOStatus::OK();
}

IOStatus LossyFiles::GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time,
                                             IODebugContext*) {
  *time = 0;
  return IOStatus::OK();
}

IOStatus LossyFiles::GetFreeSpace(const std::string&, const IOOptions&, uint64_t* free,
                                  IODebugContext*) {
  const std::lock_guard lock(mutex_);
  *free = capacity_ - std::min(capacity_, used_);
  return IOStatus::OK();
}

IOStatus LossyFiles::IsDirectory(const std::string& path, const IOOptions&, bool* result,
                                 IODebugContext*) {
  const std::lock_guard lock(mutex_);
  *result = directories_.contains(path);
  return IOStatus::OK();
}

IOStatus LossyFiles::GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result,
                                     IODebugContext*) {
  *result = path;
  return IOStatus::OK();
}

IOStatus LossyFiles::LockFile(const std::string& name, const IOOptions&, rocksdb::FileLock** result,
                              IODebugContext*) {
  const std::lock_guard lock(mutex_);
  if (!locks_.insert(name).second) return IOStatus::IOError("While lock file: " + name, "busy");
  *result = new Lock(name);
  return IOStatus::OK();
}

IOStatus LossyFiles::UnlockFile(rocksdb::FileLock* held, const IOOptions&, IODebugContext*) {
  const std::lock_guard lock(mutex_);
  auto* ours = static_cast<Lock*>(held);
  locks_.erase(ours->name);
  delete ours;
  return IOStatus::OK();
}

IOStatus LossyFiles::NewLogger(const std::string&, const IOOptions&,
                               std::shared_ptr<rocksdb::Logger>* result, IODebugContext*) {
  *result = std::make_shared<SilentLogger>();
  return IOStatus::OK();
}

void LossyFiles::Apply(const Change& change, Names& names) {
  if (change.file == nullptr) {
    names.erase(change.name);
  } else {
    names[change.name] = change.file;
  }
}

LossyFiles::FilePtr LossyFiles::Find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(name);
  return found == live_.end() ? nullptr : found->second;
}

void LossyFiles::CallStall(const LossyDisk::Operation& operation) {
  LossyDisk::Stall stall;
  {
    const std::lock_guard lock(mutex_);
    stall = stall_;
  }
  if (stall) stall(operation);
}

void LossyFiles::Note(const char* what, const std::string& name, uint64_t number,
                      const Slice& content) {
  uint64_t& hash = operations_.hash;
  hash = Mix(hash, what, std::strlen(what));
  hash = Mix(hash, name.data(), name.size());
  hash = Mix(hash, reinterpret_cast<const char*>(&number), sizeof(number));
  hash = Mix(hash, content.data(), content.size());
  ++operations_.count;
  if (!keep_) return;
  kept_.push_back(absl::StrCat(what, " ", name, " ", number, " ", content.size(), " ",
                               absl::Hex(Mix(0, content.data(), content.size()))));
}

bool LossyFiles::Powered() {
  if (operations_left_ == 0) powered_ = false;
  if (operations_left_ != SIZE_MAX && operations_left_ > 0) --operations_left_;
  return powered_;
}

bool LossyFiles::HasFault(const LossyFile& file) const {
  return file.name.find(in_name_) != std::string::npos;
}

size_t LossyFiles::Room(const LossyFile& file, size_t size, IOStatus& status) {
  if ((fault_ == Fault::kFull || fault_ == Fault::kBroken) && HasFault(file)) {
    if (size > budget_) {
      size = budget_;
      status = fault_ == Fault::kFull ? NoSpace() : IOStatus::IOError("the disk is broken");
    }
    budget_ -= size;
  }
  if (size > 0 && Draw(rates_.append)) {
    size = random_.Below(size);
    status = IOStatus::IOError("the disk is broken");
  }
  const uint64_t room = capacity_ - std::min(capacity_, used_);
  if (size > room) {
    size = room;
    status = NoSpace();
  }
  return size;
}

void LossyFiles::ForgetUnsynced(LossyFile& file) {
  const size_t unsynced = file.bytes.size() - file.synced;
  const size_t begin = file.synced + random_.Below(unsynced + 1);
  Note("forget", file.name, begin);
  file.forgotten.emplace_back(begin, file.bytes.size());
}

void LossyFiles::Tear(LossyFile& file) {
  const size_t unsynced = file.bytes.size() - file.synced;
  file.bytes.resize(file.synced + random_.Below(unsynced + 1));
  const size_t left = file.bytes.size() - file.synced;
  if (left > 0 && random_.Below(3) == 0) {
    const size_t begin = file.synced + random_.Below(left);
    Note("garbage", file.name, begin);
    file.forgotten.emplace_back(begin, begin + 512);
  }
  for (auto [begin, end] : file.forgotten) {
    if (OnlyShortened(file)) break;
    end = std::min(end, file.bytes.size());
    for (size_t i = begin; i < end; ++i) file.bytes[i] = 0;
  }
  file.forgotten.clear();
  file.synced = file.bytes.size();
}

void LossyFiles::Make(Change change) {
  Apply(change, live_);
  changes_.push_back(std::move(change));
  CountUsed();
}

void LossyFiles::CountUsed() {
  used_ = 0;
  for (const auto& [name, file] : live_) used_ += file->bytes.size();
}

}  // namespace sluice::queue
