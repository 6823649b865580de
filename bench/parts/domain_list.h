// A list of patterns like those of real lists, and names to look up in it: the same ones each time.
//
// hot: 64 names over and over. cold: names in random order over the whole list, so that each lookup
// finds its part of the list outside the caches. miss: names that no pattern matches.
#ifndef SLUICE_BENCH_PARTS_DOMAIN_LIST_H_
#define SLUICE_BENCH_PARTS_DOMAIN_LIST_H_

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/random.h"
#include "policy/pattern.h"
#include "policy/trie.h"

namespace sluice::policy {

inline constexpr uint64_t kListSeed = 1;

// Names like those of real lists: most are second-level domains, some stand below.
inline std::string RandomDomain(Random& random) {
  static constexpr absl::string_view kTops[] = {"com", "net", "org", "de", "co.uk", "com.br"};
  std::string label(5 + random.Below(12), 'a');
  for (char& c : label) c = static_cast<char>('a' + random.Below(26));
  const absl::string_view below = random.Below(4) == 0 ? "mail." : "";
  return absl::StrCat(below, label, ".", kTops[random.Below(std::size(kTops))]);
}

enum class Names { kHot, kCold, kMiss };

// Names one behind the other, as they would come out of a receive buffer: reading the next one is
// not what is measured.
class Sample {
 public:
  void Add(const std::string& name) {
    octets_ += name;
    ends_.push_back(octets_.size());
  }
  absl::string_view Next() {
    const absl::string_view name(octets_.data() + begin_, ends_[next_] - begin_);
    begin_ = ends_[next_];
    if (++next_ == ends_.size()) next_ = begin_ = 0;
    return name;
  }

 private:
  std::string octets_;
  std::vector<size_t> ends_;
  size_t next_ = 0;
  size_t begin_ = 0;
};

struct DomainList {
  std::vector<Pattern> patterns;  // in the list's order

  explicit DomainList(size_t size) {
    Random random(kListSeed);
    patterns.reserve(size);
    while (patterns.size() < size) {
      const absl::string_view wildcard = random.Below(3) == 0 ? "*." : "";
      patterns.push_back(Pattern::Parse(absl::StrCat(wildcard, RandomDomain(random))).value());
    }
    std::sort(patterns.begin(), patterns.end());
    patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
  }

  // The value of each pattern is its place in the list.
  Trie Compile() const {
    std::vector<Trie::Rule> rules;
    rules.reserve(patterns.size());
    for (const Pattern& pattern : patterns) {
      rules.push_back(
          {&pattern, Trie::kFirst | Trie::kSecond, static_cast<uint32_t>(rules.size())});
    }
    return Trie::Build(rules).value();
  }

  Sample SampleOf(Names kind) const {
    Random random(kListSeed + 1);
    Sample sample;
    const size_t size = kind == Names::kHot ? 64 : size_t{1} << 20;
    for (size_t i = 0; i < size; ++i) {
      const Pattern& pattern = patterns[random.Below(patterns.size())];
      const absl::string_view below = pattern.kind() == Pattern::Kind::kBelow ? "mx1." : "";
      sample.Add(kind == Names::kMiss ? absl::StrCat("x", random.Next(), ".com")
                                      : absl::StrCat(below, pattern.domain()));
    }
    return sample;
  }
};

}  // namespace sluice::policy

#endif  // SLUICE_BENCH_PARTS_DOMAIN_LIST_H_
