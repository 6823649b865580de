#include "tests/sim/policy_book.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"

namespace sluice::sim {
namespace {

// From the first byte of a policy to its being taken: a fetch is given up after a minute.
constexpr absl::Duration kLongestFetch = absl::Minutes(2);

}  // namespace

void PolicyBook::Served(absl::string_view domain, const StsPolicy& policy, Proof proof,
                        MonoTime now) {
  domains_[std::string(domain)].served.push_back({now, policy, proof});
}

bool PolicyBook::Taken(absl::string_view name, MonoTime now) {
  const auto found = domains_.find(name);
  if (found == domains_.end()) return false;
  Domain& domain = found->second;
  Held held;
  held.from = now;
  held.none = false;
  // Of several, one that was given up included, it is one or the other.
  for (const Copy& copy : domain.served) {
    if (copy.served_at + kLongestFetch >= now && copy.proof == Proof::kGood) {
      held.copies.push_back(copy);
    }
  }
  if (held.copies.empty()) return false;
  domain.held.push_back(std::move(held));
  return true;
}

void PolicyBook::MemoryIsGone(MonoTime now) {
  for (auto& [name, domain] : domains_) {
    Held any;
    any.from = now;
    for (const Held& held : domain.held) {
      for (const Copy& copy : held.copies) {
        const auto same = [&copy](const Copy& other) { return other.served_at == copy.served_at; };
        if (std::none_of(any.copies.begin(), any.copies.end(), same)) any.copies.push_back(copy);
      }
    }
    domain.held.push_back(std::move(any));
  }
}

std::vector<std::optional<StsPolicy>> PolicyBook::Possible(absl::string_view name, MonoTime since,
                                                           MonoTime now) const {
  const auto found = domains_.find(name);
  if (found == domains_.end()) return {std::nullopt};
  std::vector<std::optional<StsPolicy>> possible;
  const std::vector<Held>& held = found->second.held;
  for (size_t i = 0; i < held.size(); ++i) {
    const bool over = i + 1 < held.size() && held[i + 1].from < since;
    if (over || held[i].from > now) continue;
    if (held[i].none) possible.push_back(std::nullopt);
    for (const Copy& copy : held[i].copies) {
      possible.push_back(copy.policy);
      // Unless it was handed out again: then it holds for longer.
      if (copy.served_at + copy.policy.max_age <= now) possible.push_back(std::nullopt);
    }
  }
  return possible;
}

bool PolicyBook::MayEnforce(absl::string_view domain, MonoTime since, MonoTime now) const {
  const auto possible = Possible(domain, since, now);
  return std::any_of(possible.begin(), possible.end(), [](const std::optional<StsPolicy>& policy) {
    return policy.has_value() && policy->mode == sts::Mode::kEnforce;
  });
}

}  // namespace sluice::sim
