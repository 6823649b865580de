// Many seeds, each in a process of its own, as many side by side as there are processors.
#ifndef SLUICE_TESTS_SIM_BATCH_H_
#define SLUICE_TESTS_SIM_BATCH_H_

#include <cstdint>
#include <string>

#include "tests/sim/world.h"

namespace sluice::sim {

struct BatchOptions {
  uint64_t seeds = 100;
  uint64_t start = 1;
  double minutes = 0;  // no new ones are begun after so long; 0: no limit
  int jobs = 0;        // side by side; 0: one for each processor
  std::string bug;     // planted in each; empty: none
};

// Prints what was run, and of a seed that broke a promise the line that replays it and the end of
// its story. Returns an exit status.
int RunBatch(const BatchOptions& options);

// One line, for people and for RunBatch, which adds them up.
std::string FormatReport(uint64_t seed, const Report& report);

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_BATCH_H_
