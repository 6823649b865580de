// BoringSSL's randomness and clock, taken over for a run, so that keys, nonces and the lengths of
// signatures are the same each time: the linker puts the functions of entropy.cc in the place of
// what BoringSSL asks the kernel and the processor for (--wrap, in CMakeLists.txt).
#ifndef SLUICE_TESTS_SIM_ENTROPY_H_
#define SLUICE_TESTS_SIM_ENTROPY_H_

#include <cstdint>

#include "engine/base/clock.h"

namespace sluice::sim {

// As long as it stands; one at a time, from before BoringSSL's first use in this process.
class Entropy {
 public:
  Entropy(uint64_t seed, const Clock& clock);
  ~Entropy();
  Entropy(const Entropy&) = delete;
  Entropy& operator=(const Entropy&) = delete;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_ENTROPY_H_
