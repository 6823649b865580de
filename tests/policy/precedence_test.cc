// Which entry decides: the rules one by one, and the compiled list against a plain reading of the
// rules over random lists and names.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/domain_name.h"
#include "policy/snapshot.h"
#include "policy/table.h"
#include "policy/trie.h"

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Entry EntryFor(absl::string_view pattern, Direction direction = Direction::kBoth,
               Mode mode = Mode::kEnforce) {
  Entry entry;
  entry.pattern = Pattern::Parse(pattern).value();
  entry.direction = direction;
  entry.mode = mode;
  return entry;
}

std::shared_ptr<const Snapshot> ListOf(std::vector<Entry> entries) {
  return Table::Load(std::move(entries), 0).value()->current();
}

// The pattern of the entry that decides; "-" when there is none.
std::string Decides(const Snapshot& list, absl::string_view name, Flow flow = Flow::kOutbound) {
  const Entry* const entry = list.Lookup(name, flow);
  return entry == nullptr ? "-" : entry->pattern.text();
}

TEST(PrecedenceTest, TheMoreSpecificPatternDecides) {
  const auto list = ListOf({EntryFor("*"), EntryFor(".com"), EntryFor("*.com"),
                            EntryFor(".example.com"), EntryFor("*.example.com"),
                            EntryFor("mail.example.com"), EntryFor("*.mail.example.com")});
  EXPECT_EQ(Decides(*list, "mail.example.com"), "mail.example.com");      // exact beats wildcards
  EXPECT_EQ(Decides(*list, "a.mail.example.com"), "*.mail.example.com");  // longest suffix
  EXPECT_EQ(Decides(*list, "a.b.mail.example.com"), "*.mail.example.com");
  EXPECT_EQ(Decides(*list, "www.example.com"), "*.example.com");  // "*." beats "."
  EXPECT_EQ(Decides(*list, "example.com"), ".example.com");       // "*." is not for itself
  EXPECT_EQ(Decides(*list, "other.com"), "*.com");
  EXPECT_EQ(Decides(*list, "com"), ".com");
  EXPECT_EQ(Decides(*list, "example.net"), "*");  // "*" is last
  EXPECT_EQ(Decides(*list, "badexample.com"), "*.com");
}

TEST(PrecedenceTest, NamesComeAsTheyAreWritten) {
  const auto list = ListOf({EntryFor("*.bücher.example")});
  EXPECT_EQ(Decides(*list, "Mail.BÜCHER.Example."), "*.xn--bcher-kva.example");
  EXPECT_EQ(Decides(*list, "mail.XN--BCHER-KVA.example"), "*.xn--bcher-kva.example");
  EXPECT_EQ(Decides(*list, "mail.bucher.example"), "-");
}

TEST(PrecedenceTest, TheNullSenderIsOnNoEntry) {
  EXPECT_EQ(Decides(*ListOf({EntryFor("*")}), "", Flow::kInbound), "-");
}

TEST(PrecedenceTest, AddressLiteralsAndOddNamesFallUnderTheWidest) {
  const auto list = ListOf({EntryFor("*"), EntryFor(".example")});
  EXPECT_EQ(Decides(*list, "[192.0.2.1]"), "*");
  EXPECT_EQ(Decides(*list, "a..example"), ".example");
  EXPECT_EQ(Decides(*list, std::string(300, '.')), "*");
  EXPECT_EQ(Decides(*list, std::string(500, 'x') + ".example"), ".example");
  EXPECT_EQ(Decides(*list, "\xff.example"), ".example");
}

TEST(PrecedenceTest, AnEntryOfTheOtherDirectionHidesNothing) {
  const auto list =
      ListOf({EntryFor("*", Direction::kOutbound), EntryFor(".example.com", Direction::kInbound),
              EntryFor("*.example.com", Direction::kOutbound)});
  EXPECT_EQ(Decides(*list, "example.com", Flow::kOutbound), "*");
  EXPECT_EQ(Decides(*list, "example.com", Flow::kInbound), ".example.com");
  EXPECT_EQ(Decides(*list, "a.example.com", Flow::kInbound), ".example.com");
  EXPECT_EQ(Decides(*list, "a.example.com", Flow::kOutbound), "*.example.com");
  EXPECT_EQ(Decides(*list, "example.net", Flow::kInbound), "-");
}

TEST(PrecedenceTest, AnEntryThatIsOffExempts) {
  const auto list = ListOf({EntryFor("*"), EntryFor("example.com", Direction::kBoth, Mode::kOff),
                            EntryFor("example.net", Direction::kInbound, Mode::kOff)});
  EXPECT_EQ(Decides(*list, "example.com"), "-");
  EXPECT_EQ(Decides(*list, "a.example.com"), "*");
  EXPECT_EQ(Decides(*list, "example.net", Flow::kInbound), "-");
  EXPECT_EQ(Decides(*list, "example.net", Flow::kOutbound), "*");
}

TEST(PrecedenceTest, ExplainSaysWhy) {
  const auto list = ListOf({EntryFor("*"), EntryFor(".com"), EntryFor("*.com"),
                            EntryFor("example.com", Direction::kInbound)});
  const auto explanation = list->Explain("Example.COM", Flow::kOutbound);
  EXPECT_EQ(explanation.name, "example.com");
  std::vector<std::string> lines;
  for (const auto& candidate : explanation.candidates) {
    lines.push_back(absl::StrCat(candidate.entry->pattern.text(), candidate.decides ? "! " : " ",
                                 candidate.why));
  }
  EXPECT_THAT(lines, ElementsAre("example.com does not take part: its direction is inbound",
                                 HasSubstr("*.com! decides"),
                                 ".com beaten by *.com: '*.' beats '.' at the same depth",
                                 "* beaten by *.com: '*' comes last"));
  EXPECT_EQ(explanation.verdict,
            "The entry *.com decides for mail to example.com: enforce, level encrypt, TLS 1.2 or "
            "later.");
  EXPECT_EQ(list->Explain("example.com", Flow::kInbound).verdict,
            "The entry example.com decides for mail from example.com: enforce, TLS 1.2 or later, "
            "else defer.");
  EXPECT_EQ(ListOf({})->Explain("a.b", Flow::kInbound).verdict,
            "No entry applies to mail from a.b: the default TLS level holds.");
  EXPECT_EQ(ListOf({EntryFor(".b", Direction::kBoth, Mode::kOff)})
                ->Explain("a.b", Flow::kInbound)
                .verdict,
            "The entry .b is off, which exempts mail from a.b: the default TLS level holds.");
}

// ---- Against the plain reading of the rules ----

bool Applies(const Entry& entry, Flow flow) {
  return entry.direction == Direction::kBoth ||
         entry.direction == (flow == Flow::kInbound ? Direction::kInbound : Direction::kOutbound);
}

// The rules of precedence, in their own words; both match the same name.
bool Beats(const Pattern& a, const Pattern& b) {
  using Kind = Pattern::Kind;
  if (b.kind() == Kind::kAny) return a.kind() != Kind::kAny;
  if (a.kind() == Kind::kAny) return false;
  if (a.kind() == Kind::kExact || b.kind() == Kind::kExact) return a.kind() == Kind::kExact;
  if (a.domain().size() != b.domain().size()) return a.domain().size() > b.domain().size();
  return a.kind() == Kind::kBelow && b.kind() == Kind::kSelfAndBelow;
}

std::string ReferenceDecides(const std::vector<Entry>& entries, absl::string_view name, Flow flow) {
  const Entry* best = nullptr;
  for (const Entry& entry : entries) {
    if (!Applies(entry, flow) || !entry.pattern.Matches(name)) continue;
    if (best == nullptr || Beats(entry.pattern, best->pattern)) best = &entry;
  }
  return best == nullptr || best->mode == Mode::kOff ? "-" : best->pattern.text();
}

// SLUICE_TEST_SEED replays a failure; every test prints the seed it runs with.
uint64_t Seed() {
  uint64_t seed = 0;
  const char* const given = std::getenv("SLUICE_TEST_SEED");
  if (given != nullptr && absl::SimpleAtoi(given, &seed)) return seed;
  return Random::FromSystem().Next();
}

// Names over few labels, so that patterns nest, overlap and repeat.
std::string RandomName(Random& random) {
  static constexpr absl::string_view kLabels[] = {"a",   "b",  "ab",           "a-b",
                                                  "com", "x1", "xn--bcher-kva"};
  std::vector<absl::string_view> labels(1 + random.Below(5));
  for (absl::string_view& label : labels) label = kLabels[random.Below(std::size(kLabels))];
  return absl::StrJoin(labels, ".");
}

Entry RandomEntry(Random& random) {
  const uint64_t kind = random.Below(20);
  const std::string text = kind == 0   ? "*"
                           : kind < 7  ? RandomName(random)
                           : kind < 14 ? absl::StrCat("*.", RandomName(random))
                                       : absl::StrCat(".", RandomName(random));
  return EntryFor(text, static_cast<Direction>(random.Below(3)),
                  random.Below(4) == 0 ? Mode::kOff : Mode::kEnforce);
}

std::vector<Entry> RandomList(Random& random, size_t most) {
  std::vector<Entry> entries;
  const size_t wanted = random.Below(most + 1);
  for (size_t i = 0; i < wanted; ++i) {
    Entry entry = RandomEntry(random);
    const auto same = [&](const Entry& other) { return other.pattern == entry.pattern; };
    if (std::none_of(entries.begin(), entries.end(), same)) entries.push_back(std::move(entry));
  }
  return entries;
}

void ExpectAsReference(const Snapshot& list, const std::vector<Entry>& entries, Random& random,
                       int names) {
  ASSERT_EQ(list.size(), entries.size());
  for (int i = 0; i < names; ++i) {
    const std::string name = RandomName(random);
    for (Flow flow : {Flow::kInbound, Flow::kOutbound}) {
      const std::string expected = ReferenceDecides(entries, name, flow);
      ASSERT_EQ(Decides(list, name, flow), expected) << name;
      const auto explanation = list.Explain(name, flow);
      const auto deciding =
          std::find_if(explanation.candidates.begin(), explanation.candidates.end(),
                       [](const auto& candidate) { return candidate.decides; });
      const bool decides =
          deciding != explanation.candidates.end() && deciding->entry->mode != Mode::kOff;
      ASSERT_EQ(decides ? deciding->entry->pattern.text() : "-", expected) << name;
    }
  }
}

TEST(PrecedencePropertyTest, CompiledListsDecideAsTheRulesSay) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(absl::StrCat("SLUICE_TEST_SEED=", seed));
  Random random(seed);
  for (int round = 0; round < 400; ++round) {
    const std::vector<Entry> entries = RandomList(random, 60);
    ASSERT_NO_FATAL_FAILURE(ExpectAsReference(*ListOf(entries), entries, random, 60));
  }
}

// The overlay over the base, through many small changes and now and then a merge.
TEST(PrecedencePropertyTest, ChangedListsDecideAsTheRulesSay) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(absl::StrCat("SLUICE_TEST_SEED=", seed));
  Random random(seed);
  std::vector<Entry> entries = RandomList(random, 40);
  const std::unique_ptr<Table> table = Table::Load(entries, 0).value();
  for (int round = 0; round < 600; ++round) {
    Transaction transaction;
    for (Entry& entry : RandomList(random, 4)) {
      const auto same = [&](const Entry& other) { return other.pattern == entry.pattern; };
      const auto existing = std::find_if(entries.begin(), entries.end(), same);
      Change change{Change::Kind::kPut, entry, 1};
      if (existing != entries.end()) {
        entries.erase(existing);
        if (random.Below(2) == 0) change.kind = Change::Kind::kRemove;
      }
      if (change.kind == Change::Kind::kPut) entries.push_back(entry);
      transaction.changes.push_back(std::move(change));
    }
    const Proposal proposal = table->Propose(transaction);
    ASSERT_TRUE(proposal.faults.empty()) << proposal.faults.front().reason;
    table->Publish(proposal);
    ASSERT_NO_FATAL_FAILURE(ExpectAsReference(*table->current(), entries, random, 20));
    for (const Entry& entry : entries) {
      ASSERT_NE(table->current()->Find(entry.pattern), nullptr) << entry.pattern.text();
    }
  }
}

// Bytes of any kind for names: no crash, and what decides does match.
TEST(PrecedencePropertyTest, AnyBytesMayBeLookedUp) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(absl::StrCat("SLUICE_TEST_SEED=", seed));
  Random random(seed);
  const auto list = ListOf(RandomList(random, 60));
  for (int i = 0; i < 20000; ++i) {
    std::string name(random.Below(40), '\0');
    for (char& c : name)
      c = random.Below(2) == 0 ? "ab.-"[random.Below(4)] : static_cast<char>(random.Next());
    if (random.Below(2) == 0) absl::StrAppend(&name, ".", RandomName(random));
    const Entry* const entry = list->Lookup(name, Flow::kOutbound);
    if (entry != nullptr) {
      ASSERT_TRUE(entry->pattern.Matches(LookupName(name).view()));
    }
  }
}

TEST(TrieTest, AnEmptyTrieMatchesNothing) {
  EXPECT_FALSE(Trie().Lookup(LookupName("a.b"), Trie::kFirst).has_value());
  EXPECT_FALSE(Trie::Build({}).value().Lookup(LookupName("a.b"), Trie::kFirst).has_value());
  EXPECT_FALSE(Trie().Find(Pattern()).has_value());
}

TEST(TrieTest, FindTellsPatternsOfOneDomainApart) {
  const Pattern patterns[] = {Pattern::Parse("a.b").value(), Pattern::Parse("*.a.b").value(),
                              Pattern::Parse(".a.b").value()};
  const Trie::Rule rules[] = {{&patterns[0], 1, 10}, {&patterns[1], 2, 20}, {&patterns[2], 3, 30}};
  const Trie trie = Trie::Build(rules).value();
  EXPECT_EQ(trie.Find(patterns[0]), 10u);
  EXPECT_EQ(trie.Find(patterns[1]), 20u);
  EXPECT_EQ(trie.Find(patterns[2]), 30u);
  EXPECT_FALSE(trie.Find(Pattern()).has_value());
  EXPECT_FALSE(trie.Find(Pattern::Parse("b").value()).has_value());
  EXPECT_EQ(trie.Lookup(LookupName("x.a.b"), Trie::kFirst)->value, 30u);
  EXPECT_EQ(trie.Lookup(LookupName("x.a.b"), Trie::kSecond)->value, 20u);
  EXPECT_EQ(trie.Lookup(LookupName("a.b"), Trie::kSecond)->value, 30u);
  const uint64_t hidden[] = {uint64_t{1} << 20};
  EXPECT_EQ(trie.Lookup(LookupName("x.a.b"), Trie::kSecond, hidden)->value, 30u);
}

// Long labels, so that buckets overflow: one has room for one or two of them.
TEST(TrieTest, WhatFindsNoRoomInItsBucketIsFound) {
  Random random(1);
  std::vector<Pattern> patterns;
  for (int i = 0; i < 3000; ++i) {
    std::string label(40 + random.Below(24), 'a');
    for (char& c : label) c = static_cast<char>('a' + random.Below(2));
    patterns.push_back(
        Pattern::Parse(absl::StrCat(i % 3 == 0 ? "." : "", label, i % 5 == 0 ? ".a" : ".b"))
            .value());
  }
  std::sort(patterns.begin(), patterns.end());
  std::vector<Trie::Rule> rules;
  for (const Pattern& pattern : patterns) {
    rules.push_back({&pattern, Trie::kFirst, static_cast<uint32_t>(rules.size())});
  }
  const Trie trie = Trie::Build(rules).value();
  for (size_t i = 0; i < patterns.size(); ++i) {
    const std::string name(patterns[i].domain());
    const auto found = trie.Lookup(LookupName(name), Trie::kFirst);
    ASSERT_TRUE(found.has_value()) << name;
    EXPECT_EQ(found->value, i);
    const bool below = patterns[i].kind() == Pattern::Kind::kSelfAndBelow;
    EXPECT_EQ(trie.Lookup(LookupName("mx." + name), Trie::kFirst).has_value(), below);
    EXPECT_FALSE(trie.Lookup(LookupName("c" + name.substr(1)), Trie::kFirst).has_value());
    EXPECT_EQ(trie.Find(patterns[i]), i);
  }
}

}  // namespace
}  // namespace sluice::policy
