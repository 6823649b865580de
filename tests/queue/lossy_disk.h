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
// a journalling file system. Everything that had been synced is there.
//
// Faults: from now on, or after so many more bytes, appends write a part of what they were given
// and fail, as a full or broken disk does. Thread-safe.
#ifndef SLUICE_TESTS_QUEUE_LOSSY_DISK_H_
#define SLUICE_TESTS_QUEUE_LOSSY_DISK_H_

#include <rocksdb/env.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::queue {

class LossyDisk {
 public:
  enum class Fault { kNone, kFull, kBroken, kSyncFails };

  explicit LossyDisk(uint64_t seed);
  ~LossyDisk();

  rocksdb::Env* env() { return env_.get(); }

  void CutPower();
  // In the middle of what is to come: so many more writes, syncs and changes to directories
  // succeed.
  void CutPowerAfter(size_t operations);
  // Every file is closed.
  void Restore();

  // Of files that were made under a path with `in_name` in it. What a sync that fails should have
  // brought to the disk may be gone, as on Linux.
  void SetFault(Fault fault, size_t after_bytes = 0, const char* in_name = "");

  // Flips a bit in the middle of each synced file whose name ends in `suffix`; how many.
  int Damage(const char* suffix);

  size_t syncs() const;
  // Of all files, their names and what is in them.
  uint64_t Fingerprint() const;

 private:
  class Files;

  std::shared_ptr<Files> files_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace sluice::queue

#endif  // SLUICE_TESTS_QUEUE_LOSSY_DISK_H_
