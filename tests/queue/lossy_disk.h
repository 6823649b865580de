// A disk in memory that loses, when its power is cut, what had not been synced: for tests.
//
//   LossyDisk disk(seed);
//   … open a database on disk.env(), write to it …
//   disk.CutPower();                  // every write from now on fails
//   … close the database …
//   disk.Restore();                   // what a disk would still have
//
// What may be left of what had not been synced: of a file any prefix, now and then with garbage in
// it; of changes to a directory (files made, renamed, deleted) any number of the first ones, as in
// a journalling file system. Everything that had been synced is there. (The MANIFEST of a RocksDB
// is shortened and never garbled: lossy_files.cc.)
//
// Faults: appends write a part of what they were given and fail, as on a full or broken disk; syncs
// fail, and what they should have brought to the disk may be lost with the power even if it is
// synced again, as on Linux; reads fail. From now on, or after so many more bytes (SetFault); by
// chance (SetFaultRates); or when no more room is left (SetCapacity).
//
// In a simulation, with a clock, nothing is left to chance or to the machine: RocksDB's background
// jobs run when the owner says so (background_jobs.h), its time is the clock's, and what it draws
// at random comes from the seed (rocksdb_chance.h). The same calls then lead to the same operations
// on files in the same order, which Operations shows. The owner is the thread that makes the disk;
// the database is used by that thread alone.
//
// Thread-safe, except where a simulation has an owner.
#ifndef SLUICE_TESTS_QUEUE_LOSSY_DISK_H_
#define SLUICE_TESTS_QUEUE_LOSSY_DISK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"

namespace rocksdb {
class Env;
}

namespace sluice::queue {

class BackgroundJobs;
class LossyFiles;

class LossyDisk {
 public:
  static constexpr uint64_t kUnlimited = UINT64_MAX;
  enum class Fault { kNone, kFull, kBroken, kSyncFails };
  // How likely each operation is to fail, 0 to 1; drawn from the seed.
  struct FaultRates {
    double append = 0;
    double sync = 0;
    double read = 0;
  };
  // Something that takes a real disk its time.
  struct Operation {
    enum class Kind : uint8_t { kAppend, kSync } kind;
    const std::string& file;
    size_t bytes;  // that are appended
  };
  // Called in front of each, on the thread that does it.
  using Stall = std::function<void(const Operation&)>;
  // All that was done to files so far.
  struct Operations {
    uint64_t count = 0;
    uint64_t hash = 0;  // of kind, name, place and content of each, in their order
  };

  // RocksDB has its own threads and the machine's time.
  explicit LossyDisk(uint64_t seed);
  // A simulation; `clock` outlives the disk.
  LossyDisk(uint64_t seed, const Clock& clock);
  ~LossyDisk();  // all databases are closed
  LossyDisk(const LossyDisk&) = delete;
  LossyDisk& operator=(const LossyDisk&) = delete;

  rocksdb::Env* env() { return env_.get(); }

  void CutPower();
  // In the middle of what is to come: so many more writes, syncs and changes to directories
  // succeed.
  void CutPowerAfter(size_t operations);
  // Every file is closed. Faults are over; the capacity stays.
  void Restore();

  // For a process that is killed with its files open: from now on it sees nothing but errors, and
  // what is returned is the disk that the next one finds: with all that was written, or, when the
  // power has failed, with what a disk would still have. In a simulation.
  std::unique_ptr<LossyDisk> LeaveToSuccessor(bool power_failed);

  // Of files that were made under a path with `in_name` in it.
  void SetFault(Fault fault, size_t after_bytes = 0, const char* in_name = "");
  void SetFaultRates(const FaultRates& rates);
  // What all files together may hold; when they do, appends fail until some are deleted, or it is
  // raised.
  void SetCapacity(uint64_t bytes);
  void SetStall(Stall stall);

  // Flips a bit in the middle of each synced file whose name ends in `suffix`; how many.
  int Damage(const char* suffix);

  // In a simulation: until no job is left whose time has come.
  void RunBackgroundJobs();

  size_t syncs() const;
  uint64_t used_bytes() const;
  Operations operations() const;
  // With `keep` each operation from now on is kept as a line, to see where two runs part.
  void KeepOperations(bool keep);
  std::vector<std::string> kept_operations() const;
  // Of all files, their names and what is in them.
  uint64_t Fingerprint() const;

 private:
  LossyDisk(uint64_t seed, const Clock* clock);

  const Clock* const clock_;              // null: not a simulation
  std::unique_ptr<BackgroundJobs> jobs_;  // null: not a simulation
  const std::shared_ptr<LossyFiles> files_;
  const std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace sluice::queue

#endif  // SLUICE_TESTS_QUEUE_LOSSY_DISK_H_
