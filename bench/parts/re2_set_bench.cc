// The enforced-TLS list as a set of regular expressions (RE2::Set), which is how many a mail filter
// keeps its patterns; part of trie_bench where RE2 is installed.
//
// RE2 compiles a DFA while it matches, so a name that it has seen is quick and a new one is not,
// and all lives within a budget of memory (kBudget); what does not fit is thrown away and made
// again. A set that does not compile within it, or at all, is told as an error.
#include <re2/re2.h>
#include <re2/set.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/parts/domain_list.h"
#include "benchmark/benchmark.h"
#include "engine/base/check.h"
#include "policy/domain_name.h"

namespace sluice::policy {
namespace {

constexpr int64_t kBudget = int64_t{1} << 30;

std::unique_ptr<RE2::Set> CompileSet(const DomainList& list) {
  RE2::Options options;
  options.set_max_mem(kBudget);
  options.set_never_capture(true);
  options.set_log_errors(false);
  auto set = std::make_unique<RE2::Set>(options, RE2::ANCHOR_BOTH);
  for (const Pattern& pattern : list.patterns) {
    std::string text = RE2::QuoteMeta(std::string(pattern.domain()));
    if (pattern.kind() == Pattern::Kind::kBelow) text.insert(0, ".+\\.");
    std::string error;
    SLUICE_CHECK(set->Add(text, &error) >= 0);
  }
  if (!set->Compile()) return nullptr;
  return set;
}

void BM_Re2Set(benchmark::State& state, size_t size, Names kind) {
  static std::unique_ptr<DomainList> list;
  static std::unique_ptr<RE2::Set> set;
  static size_t set_size = 0;
  if (std::exchange(set_size, size) != size) {
    set.reset();
    list = std::make_unique<DomainList>(size);
    set = CompileSet(*list);
  }
  if (set == nullptr) {
    state.SkipWithError("RE2::Set does not compile so many patterns");
    return;
  }
  Sample names = list->SampleOf(kind);
  std::vector<int> matched;
  // What is hot has been seen; the first of what is cold are the same, and are passed over.
  for (int i = 0; kind != Names::kMiss && i < 64; ++i) {
    const LookupName name(names.Next());
    if (kind == Names::kCold) continue;
    set->Match(re2::StringPiece(name.view().data(), name.view().size()), &matched);
  }
  for (auto _ : state) {
    const LookupName name(names.Next());
    RE2::Set::ErrorInfo error;
    const bool found =
        set->Match(re2::StringPiece(name.view().data(), name.view().size()), &matched, &error);
    benchmark::DoNotOptimize(found);
    if (!found && error.kind != RE2::Set::kNoError) {
      state.SkipWithError("RE2::Set ran out of its memory");
      break;
    }
  }
}
BENCHMARK_CAPTURE(BM_Re2Set, ThousandHot, 1000, Names::kHot);
BENCHMARK_CAPTURE(BM_Re2Set, ThousandCold, 1000, Names::kCold);
BENCHMARK_CAPTURE(BM_Re2Set, ThousandMiss, 1000, Names::kMiss);
BENCHMARK_CAPTURE(BM_Re2Set, TenThousandHot, 10'000, Names::kHot);
BENCHMARK_CAPTURE(BM_Re2Set, TenThousandCold, 10'000, Names::kCold);
BENCHMARK_CAPTURE(BM_Re2Set, HundredThousandHot, 100'000, Names::kHot);
BENCHMARK_CAPTURE(BM_Re2Set, HundredThousandCold, 100'000, Names::kCold)->Iterations(16);
BENCHMARK_CAPTURE(BM_Re2Set, MillionHot, 1'000'000, Names::kHot);

}  // namespace
}  // namespace sluice::policy
