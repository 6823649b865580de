// How long one thing takes as a multiple of another, measured in turns, so that both meet the same
// machine: its other load, its clock, its caches. Processor time.
//
//   state.counters["x_bound"] = InTurns([&] { Ours(); }, [&] { Bound(); });
//
// Each call takes a few hundred microseconds at least. The median over all rounds: what strikes one
// of them does not count.
#ifndef SLUICE_BENCH_PARTS_IN_TURNS_H_
#define SLUICE_BENCH_PARTS_IN_TURNS_H_

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace sluice {

inline double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <typename Ours, typename Bound>
double InTurns(Ours ours, Bound bound, size_t rounds = 51) {
  const auto seconds = [](auto& work) {
    const double began_s = ThreadSeconds();
    work();
    return ThreadSeconds() - began_s;
  };
  std::vector<double> ratios;
  for (size_t round = 0; round < rounds; ++round) {
    const double ours_s = seconds(ours);
    ratios.push_back(ours_s / seconds(bound));
  }
  std::nth_element(ratios.begin(), ratios.begin() + static_cast<std::ptrdiff_t>(rounds / 2),
                   ratios.end());
  return ratios[rounds / 2];
}

}  // namespace sluice

#endif  // SLUICE_BENCH_PARTS_IN_TURNS_H_
