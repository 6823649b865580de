// Lookup in the enforced-TLS list: the compiled trie against a hash map of all patterns that is
// asked once for each suffix of the name, which is what one would write first; and, where RE2 is
// installed, against a set of regular expressions (re2_set_bench.cc).
//
//   trie_bench --benchmark_filter=Million
//   SLUICE_BENCH_TEN_MILLION=1 trie_bench …       ten million patterns as well: 12 GB, minutes
//
// hot, cold, miss: domain_list.h. x_hash is the trie's time as a multiple of the hash map's,
// measured in turns with it.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "bench/parts/domain_list.h"
#include "bench/parts/in_turns.h"
#include "benchmark/benchmark.h"
#include "policy/domain_name.h"
#include "policy/pattern.h"
#include "policy/trie.h"

namespace sluice::policy {
namespace {

// By pattern text.
class SuffixMap {
 public:
  explicit SuffixMap(const std::vector<Pattern>& patterns) {
    map_.reserve(patterns.size());
    for (const Pattern& pattern : patterns) {
      const std::string text = pattern.text();
      if (text.capacity() > std::string().capacity()) strings_bytes_ += text.capacity() + 1;
      map_.emplace(text, static_cast<uint32_t>(map_.size()));
    }
  }

  // The pattern texts that could match, most specific first.
  const uint32_t* Lookup(absl::string_view name) {
    if (const uint32_t* value = Find(name)) return value;
    key_.assign(".");
    key_.append(name.data(), name.size());
    if (const uint32_t* value = Find(key_)) return value;
    for (size_t dot = name.find('.'); dot != absl::string_view::npos;
         dot = name.find('.', dot + 1)) {
      key_.assign("*");
      key_.append(name.data() + dot, name.size() - dot);
      if (const uint32_t* value = Find(key_)) return value;
      if (const uint32_t* value = Find(absl::string_view(key_).substr(1))) return value;
    }
    return Find("*");
  }

  size_t memory_bytes() const {
    return strings_bytes_ + map_.capacity() * (sizeof(std::pair<std::string, uint32_t>) + 1);
  }

 private:
  const uint32_t* Find(absl::string_view text) const {
    const auto found = map_.find(text);
    return found == map_.end() ? nullptr : &found->second;
  }

  absl::flat_hash_map<std::string, uint32_t> map_;
  size_t strings_bytes_ = 0;
  std::string key_;
};

struct List : DomainList {
  const Trie trie;
  SuffixMap map;

  explicit List(size_t size) : DomainList(size), trie(Compile()), map(patterns) {}
  double PerPattern(size_t bytes) const {
    return static_cast<double>(bytes) / static_cast<double>(patterns.size());
  }
};

// One at a time: that of the last call goes when another size is asked for.
List& ListOf(size_t size) {
  static std::unique_ptr<List> list;
  static size_t list_size = 0;
  if (std::exchange(list_size, size) != size) {
    list.reset();
    list = std::make_unique<List>(size);
  }
  return *list;
}

void LookupInTrie(const List& list, absl::string_view text) {
  const LookupName name(text);
  benchmark::DoNotOptimize(list.trie.Lookup(name, Trie::kFirst));
}

void LookupInMap(List& list, absl::string_view text) {
  const LookupName name(text);
  benchmark::DoNotOptimize(list.map.Lookup(name.view()));
}

void BM_Trie(benchmark::State& state, size_t size, Names kind) {
  List& list = ListOf(size);
  Sample names = list.SampleOf(kind);
  for (auto _ : state) LookupInTrie(list, names.Next());

  Sample same_names = list.SampleOf(kind);
  const auto many = [](Sample& sample, auto lookup) {
    return [&sample, lookup] {
      for (int i = 0; i < 16'384; ++i) lookup(sample.Next());
    };
  };
  state.counters["x_hash"] =
      InTurns(many(names, [&](absl::string_view name) { LookupInTrie(list, name); }),
              many(same_names, [&](absl::string_view name) { LookupInMap(list, name); }));
  state.counters["bytes_per_pattern"] = list.PerPattern(list.trie.memory_bytes());
}

void BM_HashMap(benchmark::State& state, size_t size, Names kind) {
  List& list = ListOf(size);
  Sample names = list.SampleOf(kind);
  for (auto _ : state) LookupInMap(list, names.Next());
  state.counters["bytes_per_pattern"] = list.PerPattern(list.map.memory_bytes());
}

void BM_Compile(benchmark::State& state, size_t size) {
  const List& list = ListOf(size);
  for (auto _ : state) benchmark::DoNotOptimize(list.Compile());
}

const bool kRegistered = [] {
  std::vector<std::pair<std::string, size_t>> sizes = {
      {"Thousand", 1000}, {"HundredThousand", 100'000}, {"Million", 1'000'000}};
  if (std::getenv("SLUICE_BENCH_TEN_MILLION") != nullptr) {
    sizes.emplace_back("TenMillion", 10'000'000);
  }
  constexpr std::pair<const char*, Names> kKinds[] = {
      {"Hot", Names::kHot}, {"Cold", Names::kCold}, {"Miss", Names::kMiss}};
  for (const auto& [size_name, size] : sizes) {
    for (const auto& [kind_name, kind] : kKinds) {
      const std::string name = absl::StrCat(size_name, kind_name);
      benchmark::RegisterBenchmark(absl::StrCat("BM_Trie/", name).c_str(), BM_Trie, size, kind);
      benchmark::RegisterBenchmark(absl::StrCat("BM_HashMap/", name).c_str(), BM_HashMap, size,
                                   kind);
    }
    benchmark::RegisterBenchmark(absl::StrCat("BM_Compile/", size_name).c_str(), BM_Compile, size)
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace sluice::policy
