// Keys that session tickets are sealed with (RFC 5077, RFC 8446 §4.6.1). The newest seals, all
// open; a new one is made at half of the tickets' lifetime and each is forgotten when no ticket
// that it sealed is valid any more. So a stolen key opens the sessions of hours, not of months.
//
// Shared by all cores, so that a client may resume on any. Thread-safe.
#ifndef SLUICE_TLS_TICKET_KEYS_H_
#define SLUICE_TLS_TICKET_KEYS_H_

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"

namespace sluice::tls {

class TicketKeys {
 public:
  struct Key {
    std::array<uint8_t, 16> name;
    std::array<uint8_t, 32> aes;
    std::array<uint8_t, 32> mac;
    MonoTime made;
  };

  // `lifetime` > 0: of a ticket. `clock` outlives this.
  TicketKeys(const Clock& clock, absl::Duration lifetime);

  absl::Duration lifetime() const { return lifetime_; }
  Key ForSealing();
  // Unset when there is none of that name (any more); `newest`: it is the one that seals.
  std::optional<Key> ForOpening(const uint8_t name[16], bool& newest);

 private:
  void Rotate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const absl::Duration lifetime_;
  absl::Mutex mutex_;
  std::deque<Key> keys_ ABSL_GUARDED_BY(mutex_);  // newest first
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_TICKET_KEYS_H_
