#include "tls/ticket_keys.h"

#include <openssl/rand.h>

#include <cstring>

#include "engine/base/check.h"

namespace sluice::tls {

TicketKeys::TicketKeys(const Clock& clock, absl::Duration lifetime)
    : clock_(clock), lifetime_(lifetime) {
  SLUICE_CHECK(lifetime > absl::ZeroDuration());
}

void TicketKeys::Rotate() {
  const MonoTime now = clock_.MonoNow();
  if (keys_.empty() || now - keys_.front().made >= lifetime_ / 2) {
    Key key;
    RAND_bytes(key.name.data(), key.name.size());
    RAND_bytes(key.aes.data(), key.aes.size());
    RAND_bytes(key.mac.data(), key.mac.size());
    key.made = now;
    keys_.push_front(key);
  }
  // It sealed for half a lifetime, and what it sealed last is valid for a whole one.
  while (now - keys_.back().made > lifetime_ * 3 / 2) keys_.pop_back();
}

TicketKeys::Key TicketKeys::ForSealing() {
  const absl::MutexLock lock(&mutex_);
  Rotate();
  return keys_.front();
}

std::optional<TicketKeys::Key> TicketKeys::ForOpening(const uint8_t name[16], bool& newest) {
  const absl::MutexLock lock(&mutex_);
  Rotate();
  for (const Key& key : keys_) {
    if (std::memcmp(key.name.data(), name, key.name.size()) == 0) {
      newest = &key == &keys_.front();
      return key;
    }
  }
  return std::nullopt;
}

}  // namespace sluice::tls
