#include "tests/queue/lossy_disk.h"

#include <rocksdb/env.h>

#include <atomic>
#include <cstdio>
#include <utility>

#include "engine/base/check.h"
#include "tests/queue/background_jobs.h"
#include "tests/queue/lossy_files.h"
#include "tests/queue/rocksdb_chance.h"

namespace sluice::queue {
namespace {

// RocksDB's view of a simulated machine.
class SimulatedEnv : public rocksdb::EnvWrapper {
 public:
  SimulatedEnv(const std::shared_ptr<LossyFiles>& files, BackgroundJobs& jobs, const Clock& clock)
      : EnvWrapper(rocksdb::NewCompositeEnv(files)), jobs_(jobs), clock_(clock) {
    file_system_ = files;
  }

  void Schedule(void (*run)(void*), void* argument, Priority priority, void* tag,
                void (*dropped)(void*)) override {
    jobs_.Schedule({.run = run,
                    .argument = argument,
                    .priority = static_cast<int>(priority),
                    .tag = tag,
                    .dropped = dropped});
  }
  int UnSchedule(void* tag, Priority priority) override {
    return jobs_.Drop(tag, static_cast<int>(priority));
  }
  unsigned GetThreadPoolQueueLen(Priority priority) const override {
    return static_cast<unsigned>(jobs_.Waiting(static_cast<int>(priority)));
  }
  void StartThread(void (* /*run*/)(void*), void* /*argument*/) override {
    SLUICE_CHECK(false);  // RocksDB does not, and it would not be in turn
  }
  void WaitForJoin() override {}
  void SetBackgroundThreads(int /*number*/, Priority /*priority*/) override {}
  int GetBackgroundThreads(Priority priority) override { return priority == BOTTOM ? 0 : 1; }
  void IncBackgroundThreadsIfNeeded(int /*number*/, Priority /*priority*/) override {}
  int ReserveThreads(int /*threads*/, Priority /*priority*/) override { return 0; }
  int ReleaseThreads(int /*threads*/, Priority /*priority*/) override { return 0; }
  void LowerThreadPoolIOPriority(Priority /*priority*/) override {}
  void LowerThreadPoolCPUPriority(Priority /*priority*/) override {}

  uint64_t NowMicros() override { return NowNanos() / 1000; }
  uint64_t NowNanos() override {
    return static_cast<uint64_t>(clock_.MonoNow().nanos() + slept_ns_.load());
  }
  uint64_t NowCPUNanos() override { return 0; }
  // At once, and yet the time has passed: RocksDB waits for it in loops.
  void SleepForMicroseconds(int micros) override {
    const int64_t ns = int64_t{micros} * 1000;
    if (!jobs_.Sleep(ns)) slept_ns_ += ns;
  }
  rocksdb::Status GetCurrentTime(int64_t* seconds) override {
    *seconds = absl::ToUnixSeconds(clock_.WallNow());
    return rocksdb::Status::OK();
  }
  rocksdb::Status GetHostName(char* name, uint64_t size) override {
    snprintf(name, size, "simulated");
    return rocksdb::Status::OK();
  }
  std::string GenerateUniqueId() override { return NextRocksDbName(); }

 private:
  BackgroundJobs& jobs_;
  const Clock& clock_;
  std::atomic<int64_t> slept_ns_{0};
};

std::unique_ptr<rocksdb::Env> MakeEnv(const std::shared_ptr<LossyFiles>& files,
                                      BackgroundJobs* jobs, const Clock* clock) {
  if (jobs == nullptr) return rocksdb::NewCompositeEnv(files);
  return std::make_unique<SimulatedEnv>(files, *jobs, *clock);
}

std::unique_ptr<BackgroundJobs> MakeJobs(uint64_t seed, const Clock* clock) {
  if (clock == nullptr) return nullptr;
  SeedRocksDb(seed);
  return std::make_unique<BackgroundJobs>(seed, [clock] { return clock->MonoNow().nanos(); });
}

}  // namespace

LossyDisk::LossyDisk(uint64_t seed) : LossyDisk(seed, nullptr) {}
LossyDisk::LossyDisk(uint64_t seed, const Clock& clock) : LossyDisk(seed, &clock) {}
LossyDisk::LossyDisk(uint64_t seed, const Clock* clock)
    : clock_(clock),
      jobs_(MakeJobs(seed, clock)),
      files_(std::make_shared<LossyFiles>(seed, jobs_.get())),
      env_(MakeEnv(files_, jobs_.get(), clock)) {}
LossyDisk::~LossyDisk() = default;

void LossyDisk::CutPower() { files_->CutPowerAfter(0); }
void LossyDisk::CutPowerAfter(size_t operations) { files_->CutPowerAfter(operations); }
void LossyDisk::Restore() { files_->Restore(); }
std::unique_ptr<LossyDisk> LossyDisk::LeaveToSuccessor(bool power_failed) {
  SLUICE_CHECK(clock_ != nullptr);
  files_->CutPowerAfter(0);
  std::unique_ptr<LossyDisk> next(new LossyDisk(files_->NextSeed(), clock_));
  files_->CopyTo(*next->files_);
  if (power_failed) next->Restore();
  return next;
}
void LossyDisk::SetFault(Fault fault, size_t after_bytes, const char* in_name) {
  files_->SetFault(fault, after_bytes, in_name);
}
void LossyDisk::SetFaultRates(const FaultRates& rates) { files_->SetFaultRates(rates); }
void LossyDisk::SetCapacity(uint64_t bytes) { files_->SetCapacity(bytes); }
void LossyDisk::SetStall(Stall stall) { files_->SetStall(std::move(stall)); }
int LossyDisk::Damage(const char* suffix) { return files_->Damage(suffix); }

void LossyDisk::RunBackgroundJobs() {
  SLUICE_CHECK(jobs_ != nullptr);
  jobs_->RunAll();
}

size_t LossyDisk::syncs() const { return files_->syncs(); }
uint64_t LossyDisk::used_bytes() const { return files_->used_bytes(); }
LossyDisk::Operations LossyDisk::operations() const { return files_->operations(); }
void LossyDisk::KeepOperations(bool keep) { files_->KeepOperations(keep); }
std::vector<std::string> LossyDisk::kept_operations() const { return files_->kept_operations(); }
uint64_t LossyDisk::Fingerprint() const { return files_->Fingerprint(); }

}  // namespace sluice::queue
