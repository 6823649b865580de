// The program under test, where it runs on this machine: its CPU time and its memory, with those of
// all processes that descend from it.
//
// CPU time is user and system time of every process there is, and of those that have ended and been
// waited for by a parent that is still there (a mail server's master). What the kernel does on its
// behalf in interrupts is not in it.
//
// Memory is the proportional set size (PSS): what processes share is counted once. Where only
// root may read that, the resident set size.
#ifndef SLUICE_BENCH_LOAD_TARGET_H_
#define SLUICE_BENCH_LOAD_TARGET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sluice::bench {

class Target {
 public:
  // Nothing to look at: what it is asked is unset.
  Target() = default;
  // InvalidArgument for a process that is not there.
  static absl::StatusOr<Target> Find(const std::vector<int>& pids);

  std::optional<absl::Duration> CpuTime() const;
  std::optional<uint64_t> MemoryBytes() const;

 private:
  std::vector<int> pids_;
};

// Bytes that the files below `directory` take up on disk; 0 when it is not there.
uint64_t DiskBytes(const std::string& directory);

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_TARGET_H_
