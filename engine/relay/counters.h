// What a core counts. Written by that core alone, read by any thread: relaxed atomics that no two
// cores share a cache line of.
#ifndef SLUICE_ENGINE_RELAY_COUNTERS_H_
#define SLUICE_ENGINE_RELAY_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/smtp/client_result.h"

namespace sluice::relay {

class Counter {
 public:
  // The owning core only: a plain add, no locked instruction.
  void Add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// What is held at the moment; as a Counter, the owning core only.
class Gauge {
 public:
  void Add(uint64_t n) { Set(value() + n); }
  void Subtract(uint64_t n) { Set(value() - n); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::atomic<uint64_t> value_{0};
};

struct alignas(64) Counters {
  // In.
  Counter connections;           // taken
  Counter connections_refused;   // 421: too many
  Counter sessions_ended;        // of those taken
  Counter handshakes;            // inbound TLS
  Counter handshakes_resumed;
  Counter handshakes_failed;
  Counter messages_accepted;     // answered with 250
  Counter messages_refused;      // after their body, with 4xx or 5xx
  Counter tls_required;          // MAIL FROM of a listed domain without the TLS it demands
  Counter tls_would_be_required; // the same, for entries in monitor mode
  // Out.
  Counter outbound_connections;  // usable, handshake and policy included
  Counter outbound_failed;       // not
  // Connections that could not be used, by the word for why (FailureWord): TLS's reason, or the stage.
  std::array<Counter, 26> failures_by_reason;
  Counter delivered;             // recipients
  Counter deferred;              // attempts
  Counter tls_deferred;          // attempts that failed because of TLS
  Counter tls_would_defer;       // the same, for entries in monitor mode
  Counter failed;                // recipients, for good
  Counter expired;               // messages (for one destination)
  Counter deleted_tls_policy;    // of these, because of TLS policy
  Gauge kept_body_bytes;         // of attempts in lanes
};

// Where a failure is counted in Counters::failures_by_reason, and the word for that place.
inline constexpr size_t kFailureWords = 26;  // of 13 stages and 13 reasons
size_t FailureIndex(const smtp::Failure& failure);
std::string FailureWord(size_t index);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_COUNTERS_H_
