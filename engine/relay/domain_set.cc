#include "engine/relay/domain_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "policy/domain_name.h"
#include "policy/pattern.h"

namespace sluice::relay {

DomainSet DomainSet::Parse(absl::Span<const std::string> patterns,
                           std::vector<std::string>& faults) {
  std::vector<policy::Pattern> parsed;
  for (const std::string& text : patterns) {
    absl::StatusOr<policy::Pattern> pattern =
        policy::Pattern::Parse(absl::StripAsciiWhitespace(text));
    if (pattern.ok()) {
      parsed.push_back(*std::move(pattern));
    } else {
      faults.push_back(absl::StrCat("'", text, "': ", pattern.status().message()));
    }
  }
  std::sort(parsed.begin(), parsed.end());
  parsed.erase(std::unique(parsed.begin(), parsed.end()), parsed.end());
  std::vector<policy::Trie::Rule> rules;
  for (const policy::Pattern& pattern : parsed) {
    rules.push_back({&pattern, policy::Trie::kFirst, 0});
  }
  DomainSet set;
  absl::StatusOr<policy::Trie> trie = policy::Trie::Build(rules);
  if (trie.ok()) {
    set.trie_ = *std::move(trie);
  } else {
    faults.push_back(std::string(trie.status().message()));
  }
  return set;
}

bool DomainSet::Contains(absl::string_view domain) const {
  return trie_.Lookup(policy::LookupName(domain), policy::Trie::kFirst).has_value();
}

}  // namespace sluice::relay
