#include "bench/load/target.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/load/proc_file.h"

namespace sluice::bench {
namespace {

struct Process {
  int parent = 0;
  int64_t ticks = 0;  // its own, and those of its children that it has waited for
};

// From /proc/PID/stat (proc(5)). Unset when it has gone.
std::optional<Process> Look(int pid) {
  const std::string stat = ProcFile(absl::StrCat("/proc/", pid, "/stat"));
  const size_t name_end = stat.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(stat).substr(name_end + 1), ' ', absl::SkipEmpty());
  constexpr size_t kParent = 1;      // fields behind the name: state, ppid, …
  constexpr size_t kFirstTime = 11;  // utime, stime, cutime, cstime
  if (fields.size() < kFirstTime + 4) return std::nullopt;
  Process process;
  if (!absl::SimpleAtoi(fields[kParent], &process.parent)) return std::nullopt;
  for (size_t i = kFirstTime; i < kFirstTime + 4; ++i) {
    int64_t ticks = 0;
    if (absl::SimpleAtoi(fields[i], &ticks)) process.ticks += ticks;
  }
  return process;
}

// `roots` and all that descends from them.
std::map<int, Process> Family(const std::vector<int>& roots) {
  std::map<int, Process> all;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    if (const std::optional<Process> process = Look(pid)) all[pid] = *process;
  }
  std::map<int, Process> family;
  for (const auto& [pid, process] : all) {
    int ancestor = pid;
    while (ancestor > 1 && std::find(roots.begin(), roots.end(), ancestor) == roots.end()) {
      const auto found = all.find(ancestor);
      ancestor = found == all.end() ? 0 : found->second.parent;
    }
    if (ancestor > 1) family[pid] = process;
  }
  return family;
}

// "Pss:   123 kB" of a file under /proc.
std::optional<uint64_t> KibField(const std::string& text, absl::string_view name) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipWhitespace());
    uint64_t kib = 0;
    if (words.size() >= 2 && words[0] == name && absl::SimpleAtoi(words[1], &kib)) return kib;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<Target> Target::Find(const std::vector<int>& pids) {
  for (const int pid : pids) {
    if (!Look(pid).has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--pid: there is no process ", pid,
                       "; name the program under test, which "
                       "runs on this machine, or leave the flag out"));
    }
  }
  Target target;
  target.pids_ = pids;
  return target;
}

std::optional<absl::Duration> Target::CpuTime() const {
  if (pids_.empty()) return std::nullopt;
  int64_t ticks = 0;
  for (const auto& [pid, process] : Family(pids_)) ticks += process.ticks;
  return absl::Seconds(static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

std::optional<uint64_t> Target::MemoryBytes() const {
  if (pids_.empty()) return std::nullopt;
  uint64_t kib = 0;
  for (const auto& [pid, process] : Family(pids_)) {
    const std::optional<uint64_t> shared =
        KibField(ProcFile(absl::StrCat("/proc/", pid, "/smaps_rollup")), "Pss:");
    kib += shared.has_value()
               ? *shared
               : KibField(ProcFile(absl::StrCat("/proc/", pid, "/status")), "VmRSS:").value_or(0);
  }
  return kib * 1024;
}

uint64_t DiskBytes(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator file(directory, error), end;
       !error && file != end; file.increment(error)) {
    struct stat info {};
    if (lstat(file->path().c_str(), &info) == 0) {
      bytes += static_cast<uint64_t>(info.st_blocks) * 512;
    }
  }
  return bytes;
}

}  // namespace sluice::bench
