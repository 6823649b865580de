#include "tests/sim/entropy.h"

#include <sys/syscall.h>
#include <sys/time.h>

#include <cstdarg>
#include <cstddef>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/random.h"

namespace sluice::sim {
namespace {

Random* generator = nullptr;
const Clock* time_source = nullptr;

void Fill(uint8_t* buffer, size_t size) {
  SLUICE_CHECK(generator != nullptr);
  for (size_t i = 0; i < size; ++i) buffer[i] = static_cast<uint8_t>(generator->Next() >> 56);
}

}  // namespace

Entropy::Entropy(uint64_t seed, const Clock& clock) {
  SLUICE_CHECK(generator == nullptr);
  generator = new Random(seed);
  time_source = &clock;
}

Entropy::~Entropy() {
  delete std::exchange(generator, nullptr);
  time_source = nullptr;
}

extern "C" {

int __real_gettimeofday(timeval* time, void* zone);
int64_t __real_syscall(int64_t number, ...);

int64_t __wrap_syscall(int64_t number, ...) {
  va_list arguments;
  va_start(arguments, number);
  int64_t a[6];
  for (int64_t& argument : a) argument = va_arg(arguments, int64_t);
  va_end(arguments);
  if (number != SYS_getrandom) return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  Fill(reinterpret_cast<uint8_t*>(a[0]), static_cast<size_t>(a[1]));
  return a[1];
}

int __wrap_CRYPTO_rdrand(uint8_t out[8]) {
  Fill(out, 8);
  return 1;
}

int __wrap_CRYPTO_rdrand_multiple8_buf(uint8_t* out, size_t size) {
  Fill(out, size);
  return 1;
}

int __wrap_gettimeofday(timeval* time, void* zone) {
  if (time_source == nullptr) return __real_gettimeofday(time, zone);
  const int64_t us = absl::ToUnixMicros(time_source->WallNow());
  time->tv_sec = us / 1'000'000;
  time->tv_usec = us % 1'000'000;
  return 0;
}

}  // extern "C"

}  // namespace sluice::sim
