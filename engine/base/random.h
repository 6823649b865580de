// Randomness, handed in and never reached for: a simulation replays a run from its seed.
// Not for keys: BoringSSL has its own generator.
#ifndef SLUICE_ENGINE_BASE_RANDOM_H_
#define SLUICE_ENGINE_BASE_RANDOM_H_

#include <cstdint>

namespace sluice {

// xoshiro256** (Blackman and Vigna, 2018). Not thread-safe: each core and each service has its own.
class Random {
 public:
  // The same seed gives the same sequence.
  explicit Random(uint64_t seed);
  // Seeded by the kernel (getrandom(2)).
  static Random FromSystem();

  uint64_t Next();
  // Uniform in [0, bound); `bound` > 0. (Lemire's multiplication; the bias is below 2^-32 for the
  // bounds used here.)
  uint64_t Below(uint64_t bound);
  // Uniform in [0, 1).
  double Unit();

 private:
  uint64_t state_[4];
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_RANDOM_H_
