// What one thread counts and any thread may read: relaxed atomics with a single writer, so that
// counting is a plain add and reading holds nobody up. Each value is right by itself; values read
// one after another are not of one moment.
//
// Those of two writers belong on cache lines of their own (alignas(64) on what holds them).
#ifndef SLUICE_ENGINE_BASE_COUNTER_H_
#define SLUICE_ENGINE_BASE_COUNTER_H_

#include <atomic>
#include <cstdint>

namespace sluice {

class Counter {
 public:
  // The writer only: no locked instruction.
  void Add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// What is held at the moment.
class Gauge {
 public:
  void Add(uint64_t n) { Set(value() + n); }
  void Subtract(uint64_t n) { Set(value() - n); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::atomic<uint64_t> value_{0};
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_COUNTER_H_
