#include "tests/queue/spool_fixture.h"

#include <rocksdb/db.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace sluice::queue {
namespace {

rocksdb::DBOptions RawOptions(LossyDisk& disk) {
  rocksdb::DBOptions options;
  options.env = disk.env();
  options.max_file_opening_threads = 1;  // in order
  return options;
}

}  // namespace

bool SteppedExecutor::Step() {
  if (jobs_.empty()) return false;
  const size_t index = shuffled_ ? random_.Below(jobs_.size()) : 0;
  Job job = std::move(jobs_[index]);
  jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(index));
  std::move(job)();
  return true;
}

SpoolWorld::SpoolWorld(uint64_t seed, Machine machine)
    : machine_(machine),
      random_(seed),
      disk_(machine == Machine::kSimulated ? LossyDisk(seed, clock_) : LossyDisk(seed)),
      store_(seed) {
  options.data_dir = "/var/lib/sluice";
  options.env = disk_.env();
  options.clock = &clock_;
  options.store = &store_;
  options.memory_bytes = 16 << 20;
  const absl::Status opened = Open();
  if (!opened.ok()) std::cerr << opened << "\n";
  SLUICE_CHECK(opened.ok());
}

SpoolWorld::~SpoolWorld() { Close(); }

absl::Status SpoolWorld::Open() {
  SLUICE_CHECK(spool_ == nullptr);
  SLUICE_ASSIGN_OR_RETURN(spool_, Spool::Open(options));
  return absl::OkStatus();
}

void SpoolWorld::Close() {
  if (spool_ == nullptr) return;
  spool_->Close([](const absl::Status&) {});
  store_.RunAll();
  spool_.reset();
}

void SpoolWorld::Crash() {
  disk_.CutPower();
  store_.Drop();
  spool_.reset();
  disk_.Restore();
}

void SpoolWorld::RunBackgroundJobs() {
  if (machine_ == Machine::kSimulated) disk_.RunBackgroundJobs();
}

NewMessage SpoolWorld::Compose(const std::vector<std::string>& domains, std::string body) {
  NewMessage message;
  message.id = ids_.Next(Now());
  message.body = io::Body::Copy(body);
  for (const std::string& domain : domains) {
    Envelope& envelope = message.envelopes.emplace_back();
    envelope.id = message.id;
    envelope.destination = domain;
    envelope.sender = "alice@sender.example";
    envelope.recipients.push_back({.address = absl::StrCat("bob@", domain)});
    envelope.accepted_at = Now();
    envelope.deadline = Now() + absl::Hours(168);
  }
  return message;
}

template <typename T>
T SpoolWorld::RunUntil(std::optional<T>& answer) {
  while (!answer.has_value()) SLUICE_CHECK(store_.Step());
  return *std::move(answer);
}

absl::Status SpoolWorld::Accept(NewMessage message) {
  std::optional<absl::Status> answer;
  spool_->Accept(std::move(message), [&](absl::Status status) { answer = std::move(status); });
  return RunUntil(answer);
}

absl::StatusOr<Afterwards> SpoolWorld::Finish(AttemptResult result) {
  std::optional<absl::StatusOr<Afterwards>> answer;
  spool_->Finish(std::move(result), [&](absl::StatusOr<Afterwards> a) { answer = std::move(a); });
  return RunUntil(answer);
}

absl::StatusOr<TakenWork> SpoolWorld::TakeDue(size_t limit) {
  std::optional<absl::StatusOr<TakenWork>> answer;
  spool_->TakeDue(Now(), limit, [&](absl::StatusOr<TakenWork> a) { answer = std::move(a); });
  return RunUntil(answer);
}

absl::StatusOr<TakenWork> SpoolWorld::TakeExpired(size_t limit) {
  std::optional<absl::StatusOr<TakenWork>> answer;
  spool_->TakeExpired(Now(), limit, [&](absl::StatusOr<TakenWork> a) { answer = std::move(a); });
  return RunUntil(answer);
}

absl::StatusOr<io::Body> SpoolWorld::LoadBody(const Envelope& envelope) {
  std::optional<absl::StatusOr<io::Body>> answer;
  spool_->LoadBody(envelope.id, envelope.destination,
                   [&](absl::StatusOr<io::Body> a) { answer = std::move(a); });
  return RunUntil(answer);
}

absl::StatusOr<uint64_t> SpoolWorld::RetryNow(Selection selection) {
  std::optional<absl::StatusOr<uint64_t>> answer;
  spool_->RetryNow(std::move(selection),
                   [&](absl::StatusOr<uint64_t> a) { answer = std::move(a); });
  return RunUntil(answer);
}

absl::StatusOr<uint64_t> SpoolWorld::Hold(Selection selection, Reason reason) {
  std::optional<absl::StatusOr<uint64_t>> answer;
  spool_->Hold(std::move(selection), std::move(reason),
               [&](absl::StatusOr<uint64_t> a) { answer = std::move(a); });
  return RunUntil(answer);
}

absl::StatusOr<uint64_t> SpoolWorld::EndHold(Selection selection) {
  std::optional<absl::StatusOr<uint64_t>> answer;
  spool_->EndHold(std::move(selection), [&](absl::StatusOr<uint64_t> a) { answer = std::move(a); });
  return RunUntil(answer);
}

absl::StatusOr<uint64_t> SpoolWorld::Remove(Selection selection, Reason reason) {
  std::optional<absl::StatusOr<uint64_t>> answer;
  spool_->Remove(std::move(selection), std::move(reason),
                 [&](absl::StatusOr<uint64_t> a) { answer = std::move(a); });
  return RunUntil(answer);
}

absl::StatusOr<SelectedWork> SpoolWorld::TakeSelected(Selection selection, std::string position,
                                                      size_t limit) {
  std::optional<absl::StatusOr<SelectedWork>> answer;
  spool_->TakeSelected(std::move(selection), std::move(position), limit,
                       [&](absl::StatusOr<SelectedWork> a) { answer = std::move(a); });
  return RunUntil(answer);
}

absl::StatusOr<SelectedWork> SpoolWorld::TakeParked(std::string destination, std::string position,
                                                    size_t limit) {
  std::optional<absl::StatusOr<SelectedWork>> answer;
  spool_->TakeParked(std::move(destination), std::move(position), limit,
                     [&](absl::StatusOr<SelectedWork> a) { answer = std::move(a); });
  return RunUntil(answer);
}

void SpoolWorld::Release(const Envelope& envelope, absl::Time not_before) {
  spool_->Release(envelope.id, envelope.destination, not_before);
  store_.RunAll();
}

void SpoolWorld::KeepTime() {
  spool_->KeepTime();
  store_.RunAll();
}

absl::StatusOr<Afterwards> SpoolWorld::Deliver(Envelope envelope) {
  for (Recipient& recipient : envelope.recipients) recipient.state = RecipientState::kDelivered;
  return Finish({.envelope = std::move(envelope)});
}

absl::StatusOr<Afterwards> SpoolWorld::Defer(Envelope envelope, absl::Time next) {
  return Finish({.envelope = std::move(envelope), .next_attempt = next});
}

void SpoolWorld::PutRow(const std::string& table, const std::string& key,
                        const std::optional<std::string>& value) {
  Close();
  const rocksdb::DBOptions db_options = RawOptions(disk_);
  std::vector<std::string> names;
  SLUICE_CHECK(rocksdb::DB::ListColumnFamilies(db_options, options.data_dir, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> tables;
  for (const std::string& name : names) tables.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  SLUICE_CHECK(rocksdb::DB::Open(db_options, options.data_dir, tables, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    if (handle->GetName() == table) {
      const rocksdb::WriteOptions unsynced;
      SLUICE_CHECK((value.has_value() ? db->Put(unsynced, handle, key, *value)
                                      : db->Delete(unsynced, handle, key))
                       .ok());
    }
    SLUICE_CHECK(db->DestroyColumnFamilyHandle(handle).ok());
  }
}

std::map<std::string, size_t> SpoolWorld::CountRows() {
  Close();
  const rocksdb::DBOptions db_options = RawOptions(disk_);
  std::vector<std::string> names;
  SLUICE_CHECK(rocksdb::DB::ListColumnFamilies(db_options, options.data_dir, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> tables;
  for (const std::string& name : names) tables.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  SLUICE_CHECK(
      rocksdb::DB::OpenForReadOnly(db_options, options.data_dir, tables, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::map<std::string, size_t> rows;
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    size_t& count = rows[handle->GetName()];
    const std::unique_ptr<rocksdb::Iterator> iterator(
        db->NewIterator(rocksdb::ReadOptions(), handle));
    for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) ++count;
    SLUICE_CHECK(iterator->status().ok());
    SLUICE_CHECK(db->DestroyColumnFamilyHandle(handle).ok());
  }
  SLUICE_CHECK(Open().ok());
  return rows;
}

bool SpoolWorld::Empty() {
  std::map<std::string, size_t> rows = CountRows();
  return rows["envelope"] + rows["body"] + rows["due"] + rows["expiry"] == 0;
}

}  // namespace sluice::queue
