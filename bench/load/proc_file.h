// Files under /proc and /sys.
#ifndef SLUICE_BENCH_LOAD_PROC_FILE_H_
#define SLUICE_BENCH_LOAD_PROC_FILE_H_

#include <string>

namespace sluice::bench {

// Its text without white space at the ends; empty when it is not there or will not be read, as the
// speed of a virtual device.
std::string ProcFile(const std::string& path);

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_PROC_FILE_H_
