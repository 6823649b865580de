// What the kernel knows of this process, for the metrics that every Prometheus client library has
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
#ifndef SLUICE_ENGINE_ADMIN_PROCESS_FIGURES_H_
#define SLUICE_ENGINE_ADMIN_PROCESS_FIGURES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::admin {

struct ProcessFigures {
  double cpu_seconds = 0;         // of all threads, in user and in system mode
  double start_time_seconds = 0;  // since 1970
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_fds = 0;
  uint64_t max_fds = 0;
};

// Unavailable where /proc cannot be read, or is not what proc(5) says.
absl::StatusOr<ProcessFigures> ReadProcessFigures();

// For the above: of /proc/self/stat and /proc/stat. `ticks` and `page` are sysconf's.
absl::StatusOr<ProcessFigures> ParseProcessStat(absl::string_view self_stat, absl::string_view stat,
                                                int64_t ticks, int64_t page);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_PROCESS_FIGURES_H_
