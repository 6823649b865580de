#include "queue/in_flight.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::queue {

ItemFacts FactsOf(const Envelope& envelope) {
  return {.due = envelope.next_due,
          .deadline = envelope.deadline,
          .attempts = envelope.attempts,
          .body_bytes = envelope.body_bytes,
          .body_chunks = envelope.body_chunks,
          .sole_destination = envelope.sole_destination,
          .revision = envelope.revision,
          .parked = envelope.parked};
}

bool InFlight::Add(absl::string_view item, const ItemFacts& facts) {
  const absl::MutexLock lock(&mutex_);
  const bool added = items_.try_emplace(item, Entry{.facts = facts}).second;
  size_.store(items_.size(), std::memory_order_relaxed);
  return added;
}

void InFlight::Set(absl::string_view item, const ItemFacts& facts) {
  const absl::MutexLock lock(&mutex_);
  const auto found = items_.find(item);
  SLUICE_CHECK(found != items_.end());
  found->second = {.facts = facts};
}

void InFlight::Remove(absl::string_view item) {
  const absl::MutexLock lock(&mutex_);
  items_.erase(item);
  size_.store(items_.size(), std::memory_order_relaxed);
}

bool InFlight::Contains(absl::string_view item) const {
  const absl::MutexLock lock(&mutex_);
  return items_.contains(item);
}

std::optional<ItemFacts> InFlight::Find(absl::string_view item) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = items_.find(item);
  if (found == items_.end()) return std::nullopt;
  return found->second.facts;
}

std::vector<std::string> InFlight::Items() const {
  std::vector<std::string> items;
  {
    const absl::MutexLock lock(&mutex_);
    items.reserve(items_.size());
    for (const auto& [item, entry] : items_) items.push_back(item);
  }
  std::sort(items.begin(), items.end());
  return items;
}

std::optional<ItemFacts> InFlight::Reserve(absl::string_view item) {
  const absl::MutexLock lock(&mutex_);
  const auto found = items_.find(item);
  if (found == items_.end() || found->second.reserved) return std::nullopt;
  found->second.reserved = true;
  return found->second.facts;
}

void InFlight::Unreserve(absl::string_view item) {
  const absl::MutexLock lock(&mutex_);
  const auto found = items_.find(item);
  SLUICE_CHECK(found != items_.end() && found->second.reserved);
  found->second.reserved = false;
}

}  // namespace sluice::queue
