// What a figure counts: the instructions that this thread executes while a Section stands.
//
//   StartCounting();
//   for (int i = 0; i < 16; ++i) {
//     … prepare …
//     const Section section;
//     … what the figure is about …
//   }
//
// Callgrind counts; outside of it nothing happens. It is started with counting switched off
// (guard.py), so that what prepares a figure runs at nearly full speed. A section costs a few
// instructions itself.
#ifndef SLUICE_BENCH_GUARD_SECTION_H_
#define SLUICE_BENCH_GUARD_SECTION_H_

#include <valgrind/callgrind.h>

namespace sluice::guard {

// Once, when all is prepared. From here on everything runs at a fiftieth of its speed.
inline void StartCounting() { CALLGRIND_START_INSTRUMENTATION; }

class Section {
 public:
  Section() { CALLGRIND_TOGGLE_COLLECT; }
  ~Section() { CALLGRIND_TOGGLE_COLLECT; }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
};

}  // namespace sluice::guard

#endif  // SLUICE_BENCH_GUARD_SECTION_H_
