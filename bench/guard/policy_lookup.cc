#include "bench/guard/figures.h"
#include "bench/guard/section.h"
#include "bench/parts/domain_list.h"
#include "engine/base/check.h"
#include "policy/domain_name.h"

namespace sluice::guard {

int PolicyLookup() {
  constexpr size_t kPatterns = 1'000'000;
  constexpr int kLookups = 4096;
  const policy::DomainList list(kPatterns);
  const policy::Trie trie = list.Compile();
  policy::Sample names = list.SampleOf(policy::Names::kHot);
  StartCounting();
  int found = 0;
  for (int i = 0; i < kLookups; ++i) {
    const absl::string_view text = names.Next();
    const Section section;
    const policy::LookupName name(text);
    found += trie.Lookup(name, policy::Trie::kFirst).has_value() ? 1 : 0;
  }
  SLUICE_CHECK(found == kLookups);
  return kLookups;
}

}  // namespace sluice::guard
