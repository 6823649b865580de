// A set of domains by pattern: who may be sent to by anyone (--relay_domains).
//
// Immutable once built; thread-safe.
#ifndef SLUICE_ENGINE_RELAY_DOMAIN_SET_H_
#define SLUICE_ENGINE_RELAY_DOMAIN_SET_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "policy/trie.h"

namespace sluice::relay {

class DomainSet {
 public:
  DomainSet() = default;
  // Patterns as in policy/pattern.h; what is wrong is added to `faults`.
  static DomainSet Parse(absl::Span<const std::string> patterns, std::vector<std::string>& faults);

  // In any case, U-labels or A-labels.
  bool Contains(absl::string_view domain) const;

 private:
  policy::Trie trie_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_DOMAIN_SET_H_
