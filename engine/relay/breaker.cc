#include "engine/relay/breaker.h"

#include <algorithm>

namespace sluice::relay {

absl::Duration Breakers::WaitAfter(int failed_probes) {
  const absl::Time epoch = absl::UnixEpoch();
  const absl::Time next = waits_.NextAttempt(failed_probes, epoch, absl::InfiniteFuture(), random_);
  return absl::Trunc(std::min(next - epoch, longest_), absl::Milliseconds(1));
}

bool Breakers::Open(const std::string& destination, Breaker breaker) {
  const auto found = open_.find(destination);
  if (found != open_.end()) {
    found->second.failure = std::move(breaker.failure);
    return false;
  }
  schedule_.emplace(breaker.next_probe.mono, destination);
  open_.emplace(destination, std::move(breaker));
  return true;
}

bool Breakers::Close(absl::string_view destination) {
  const auto found = open_.find(destination);
  if (found == open_.end()) return false;
  schedule_.erase({found->second.next_probe.mono, found->first});
  open_.erase(found);
  return true;
}

const Breaker* Breakers::Find(absl::string_view destination) const {
  const auto found = open_.find(destination);
  return found == open_.end() ? nullptr : &found->second;
}

std::optional<std::string> Breakers::TakeDue(MonoTime now) {
  if (schedule_.empty() || schedule_.begin()->first > now) return std::nullopt;
  return std::move(schedule_.extract(schedule_.begin()).value().second);
}

MonoTime Breakers::NextProbe() const {
  return schedule_.empty() ? MonoTime::Never() : schedule_.begin()->first;
}

void Breakers::ProbeFailed(absl::string_view destination,
                           std::optional<queue::AttemptFailure> failure, const Moment& now) {
  const auto found = open_.find(destination);
  if (found == open_.end()) return;
  Breaker& breaker = found->second;
  // Closed and opened again while the probe was under way: it has a time of its own already.
  schedule_.erase({breaker.next_probe.mono, found->first});
  if (failure.has_value()) breaker.failure = *std::move(failure);
  ++breaker.failed_probes;
  breaker.next_probe = now + WaitAfter(breaker.failed_probes);
  schedule_.emplace(breaker.next_probe.mono, found->first);
}

void Breakers::ForEach(absl::FunctionRef<void(const std::string&, const Breaker&)> function) const {
  for (const auto& [destination, breaker] : open_) function(destination, breaker);
}

}  // namespace sluice::relay
