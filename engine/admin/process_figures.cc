#include "engine/admin/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"

namespace sluice::admin {
namespace {

// Fields of /proc/self/stat, counted as in proc(5), from the one behind the command's name on.
constexpr size_t kFirstField = 3;
enum Field : size_t { kUtime = 14, kStime = 15, kStartTime = 22, kVsize = 23, kRss = 24 };

absl::StatusOr<std::string> Read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || text.empty()) return absl::UnavailableError(absl::StrCat(path, " cannot be read"));
  return text;
}

}  // namespace

absl::StatusOr<ProcessFigures> ParseProcessStat(absl::string_view self_stat, absl::string_view stat,
                                                int64_t ticks, int64_t page) {
  // The name, in parentheses, may hold anything, parentheses too.
  const size_t name_end = self_stat.rfind(')');
  if (name_end == absl::string_view::npos) {
    return absl::UnavailableError("/proc/self/stat has no command's name");
  }
  const std::vector<absl::string_view> fields =
      absl::StrSplit(self_stat.substr(name_end + 1), absl::ByAnyChar(" \n"), absl::SkipEmpty());
  uint64_t values[kRss + 1] = {};
  for (const Field field : {kUtime, kStime, kStartTime, kVsize, kRss}) {
    const size_t at = field - kFirstField;
    if (at >= fields.size() || !absl::SimpleAtoi(fields[at], &values[field])) {
      return absl::UnavailableError(
          absl::StrCat("/proc/self/stat has no number in field ", static_cast<size_t>(field)));
    }
  }
  uint64_t boot_seconds = 0;
  for (const absl::string_view line : absl::StrSplit(stat, '\n')) {
    if (!absl::StartsWith(line, "btime ")) continue;
    if (!absl::SimpleAtoi(line.substr(6), &boot_seconds)) break;
  }
  if (boot_seconds == 0) return absl::UnavailableError("/proc/stat has no btime");
  const auto per_second = static_cast<double>(ticks);
  ProcessFigures figures;
  figures.cpu_seconds = static_cast<double>(values[kUtime] + values[kStime]) / per_second;
  figures.start_time_seconds =
      static_cast<double>(boot_seconds) + static_cast<double>(values[kStartTime]) / per_second;
  figures.virtual_bytes = values[kVsize];
  figures.resident_bytes = values[kRss] * static_cast<uint64_t>(page);
  return figures;
}

absl::StatusOr<ProcessFigures> ReadProcessFigures() {
  SLUICE_ASSIGN_OR_RETURN(const std::string self_stat, Read("/proc/self/stat"));
  SLUICE_ASSIGN_OR_RETURN(const std::string stat, Read("/proc/stat"));
  SLUICE_ASSIGN_OR_RETURN(
      ProcessFigures figures,
      ParseProcessStat(self_stat, stat, sysconf(_SC_CLK_TCK), sysconf(_SC_PAGESIZE)));
  std::error_code error;
  for (std::filesystem::directory_iterator fd("/proc/self/fd", error), end; !error && fd != end;
       fd.increment(error)) {
    ++figures.open_fds;
  }
  rlimit limit{};
  if (error || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return absl::UnavailableError("/proc/self/fd cannot be read");
  }
  figures.max_fds = limit.rlim_cur;
  return figures;
}

}  // namespace sluice::admin
