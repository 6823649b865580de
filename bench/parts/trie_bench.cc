// Lookup in the enforced-TLS list: the compiled trie against a hash map of all patterns that is
// asked once for each suffix of the name, which is what one would write first.
//
//   trie_bench --benchmark_filter=Million
//
// hot: 64 names over and over. cold: names in random order over the whole list, so that each lookup
// finds its part of the list outside the caches. miss: names that no pattern matches.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "engine/base/random.h"
#include "policy/domain_name.h"
#include "policy/pattern.h"
#include "policy/trie.h"

namespace sluice::policy {
namespace {

constexpr uint64_t kSeed = 1;

// Names like those of real lists: most are second-level domains, some stand below.
std::string RandomDomain(Random& random) {
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

struct List {
  std::vector<Pattern> patterns;  // in the list's order
  Trie trie;
  absl::flat_hash_map<std::string, uint32_t> map;  // by pattern text
  size_t map_bytes = 0;

  explicit List(size_t size) {
    Random random(kSeed);
    while (patterns.size() < size) {
      const absl::string_view wildcard = random.Below(3) == 0 ? "*." : "";
      patterns.push_back(Pattern::Parse(absl::StrCat(wildcard, RandomDomain(random))).value());
    }
    std::sort(patterns.begin(), patterns.end());
    patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
    trie = Compile();
    for (size_t i = 0; i < patterns.size(); ++i) {
      const std::string text = patterns[i].text();
      const size_t outside = text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
      map_bytes += outside;
      map.emplace(text, static_cast<uint32_t>(i));
    }
    map_bytes += map.capacity() * (sizeof(std::pair<std::string, uint32_t>) + 1);
  }

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
    Random random(kSeed + 1);
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

const List& ListOf(size_t size) {
  static auto* const lists = new absl::flat_hash_map<size_t, std::unique_ptr<List>>;
  std::unique_ptr<List>& list = (*lists)[size];
  if (list == nullptr) list = std::make_unique<List>(size);
  return *list;
}

// The pattern texts that could match, most specific first.
const uint32_t* LookupInMap(const List& list, absl::string_view name, std::string& key) {
  const auto find = [&](absl::string_view text) {
    const auto found = list.map.find(text);
    return found == list.map.end() ? nullptr : &found->second;
  };
  if (const uint32_t* value = find(name)) return value;
  key.assign(".");
  key.append(name.data(), name.size());
  if (const uint32_t* value = find(key)) return value;
  for (size_t dot = name.find('.'); dot != absl::string_view::npos; dot = name.find('.', dot + 1)) {
    key.assign("*");
    key.append(name.data() + dot, name.size() - dot);
    if (const uint32_t* value = find(key)) return value;
    if (const uint32_t* value = find(absl::string_view(key).substr(1))) return value;
  }
  return find("*");
}

void BM_Trie(benchmark::State& state, size_t size, Names kind) {
  const List& list = ListOf(size);
  Sample names = list.SampleOf(kind);
  for (auto _ : state) {
    const LookupName name(names.Next());
    benchmark::DoNotOptimize(list.trie.Lookup(name, Trie::kFirst));
  }
  state.counters["bytes_per_pattern"] =
      static_cast<double>(list.trie.memory_bytes()) / static_cast<double>(list.patterns.size());
}

void BM_HashMap(benchmark::State& state, size_t size, Names kind) {
  const List& list = ListOf(size);
  Sample names = list.SampleOf(kind);
  std::string key;
  for (auto _ : state) {
    const LookupName name(names.Next());
    benchmark::DoNotOptimize(LookupInMap(list, name.view(), key));
  }
  state.counters["bytes_per_pattern"] =
      static_cast<double>(list.map_bytes) / static_cast<double>(list.patterns.size());
}

void BM_Compile(benchmark::State& state, size_t size) {
  const List& list = ListOf(size);
  for (auto _ : state) benchmark::DoNotOptimize(list.Compile());
}

constexpr size_t kThousand = 1000;
constexpr size_t kHundredThousand = 100'000;
constexpr size_t kMillion = 1'000'000;

BENCHMARK_CAPTURE(BM_Trie, ThousandHot, kThousand, Names::kHot);
BENCHMARK_CAPTURE(BM_HashMap, ThousandHot, kThousand, Names::kHot);
BENCHMARK_CAPTURE(BM_Trie, ThousandCold, kThousand, Names::kCold);
BENCHMARK_CAPTURE(BM_HashMap, ThousandCold, kThousand, Names::kCold);
BENCHMARK_CAPTURE(BM_Trie, ThousandMiss, kThousand, Names::kMiss);
BENCHMARK_CAPTURE(BM_HashMap, ThousandMiss, kThousand, Names::kMiss);
BENCHMARK_CAPTURE(BM_Trie, HundredThousandHot, kHundredThousand, Names::kHot);
BENCHMARK_CAPTURE(BM_HashMap, HundredThousandHot, kHundredThousand, Names::kHot);
BENCHMARK_CAPTURE(BM_Trie, HundredThousandCold, kHundredThousand, Names::kCold);
BENCHMARK_CAPTURE(BM_HashMap, HundredThousandCold, kHundredThousand, Names::kCold);
BENCHMARK_CAPTURE(BM_Trie, HundredThousandMiss, kHundredThousand, Names::kMiss);
BENCHMARK_CAPTURE(BM_HashMap, HundredThousandMiss, kHundredThousand, Names::kMiss);
BENCHMARK_CAPTURE(BM_Trie, MillionHot, kMillion, Names::kHot);
BENCHMARK_CAPTURE(BM_HashMap, MillionHot, kMillion, Names::kHot);
BENCHMARK_CAPTURE(BM_Trie, MillionCold, kMillion, Names::kCold);
BENCHMARK_CAPTURE(BM_HashMap, MillionCold, kMillion, Names::kCold);
BENCHMARK_CAPTURE(BM_Trie, MillionMiss, kMillion, Names::kMiss);
BENCHMARK_CAPTURE(BM_HashMap, MillionMiss, kMillion, Names::kMiss);
BENCHMARK_CAPTURE(BM_Compile, Million, kMillion)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::policy
