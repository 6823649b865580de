// Lookup in the enforced-TLS list: the compiled trie against a hash map of all patterns that is
// asked once for each suffix of the name, which is what one would write first.
//
//   trie_bench --benchmark_filter=Million
//
// hot, cold, miss: domain_list.h.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "bench/parts/domain_list.h"
#include "benchmark/benchmark.h"
#include "policy/domain_name.h"
#include "policy/pattern.h"
#include "policy/trie.h"

namespace sluice::policy {
namespace {

struct List : DomainList {
  const Trie trie;
  absl::flat_hash_map<std::string, uint32_t> map;  // by pattern text
  size_t map_bytes = 0;

  explicit List(size_t size) : DomainList(size), trie(Compile()) {
    for (size_t i = 0; i < patterns.size(); ++i) {
      const std::string text = patterns[i].text();
      const size_t outside = text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
      map_bytes += outside;
      map.emplace(text, static_cast<uint32_t>(i));
    }
    map_bytes += map.capacity() * (sizeof(std::pair<std::string, uint32_t>) + 1);
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
