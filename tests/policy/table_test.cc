#include "policy/table.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Stamp kAnna{absl::FromUnixSeconds(1000), "anna"};
const Stamp kBert{absl::FromUnixSeconds(2000), "bert"};

Entry EntryFor(absl::string_view pattern) {
  Entry entry;
  entry.pattern = Pattern::Parse(pattern).value();
  return entry;
}

Change ChangeOf(Change::Kind kind, absl::string_view pattern, int line = 1) {
  return Change{kind, EntryFor(pattern), line};
}

std::unique_ptr<Table> TableOf(std::vector<absl::string_view> patterns) {
  std::vector<Entry> entries;
  for (absl::string_view pattern : patterns) entries.push_back(EntryFor(pattern));
  return Table::Load(std::move(entries), 0).value();
}

std::vector<std::string> Patterns(const Snapshot& list) {
  std::vector<std::string> patterns;
  list.ForEach([&](const EntryPtr& entry) {
    patterns.push_back(entry->pattern.text());
    return true;
  });
  return patterns;
}

std::vector<std::string> Texts(const std::vector<Fault>& faults) {
  std::vector<std::string> texts;
  for (const Fault& fault : faults) texts.push_back(absl::StrCat(fault.line, ": ", fault.reason));
  return texts;
}

void Apply(Table& table, std::vector<Change> changes, const Stamp& author = kAnna,
           bool replace_all = false) {
  const Proposal proposal = table.Propose({std::move(changes), replace_all, author});
  ASSERT_THAT(Texts(proposal.faults), IsEmpty());
  table.Publish(proposal);
}

TEST(TableTest, LoadsInAnyOrderAndRefusesDoubles) {
  const auto table = TableOf({"b.com", "*", "*.a.com", "a.com"});
  EXPECT_THAT(Patterns(*table->current()), ElementsAre("*", "a.com", "*.a.com", "b.com"));
  const auto twice = Table::Load({EntryFor("a.com"), EntryFor("b.com"), EntryFor("a.com")}, 0);
  EXPECT_THAT(twice.status().message(), HasSubstr("a.com is on the list twice"));
}

TEST(TableTest, RecordsWhoAndWhen) {
  const auto table = Table::Load({}, 41).value();
  Apply(*table, {ChangeOf(Change::Kind::kAdd, "a.com")}, kAnna);
  EXPECT_EQ(table->current()->generation(), 42u);
  Change change = ChangeOf(Change::Kind::kSet, "a.com");
  change.entry.level = Level::kVerify;
  Apply(*table, {change}, kBert);
  const EntryPtr entry = table->current()->Find(change.entry.pattern);
  EXPECT_EQ(entry->created, kAnna);
  EXPECT_EQ(entry->changed, kBert);
  EXPECT_EQ(entry->generation, 43u);
  EXPECT_EQ(entry->level, Level::kVerify);
}

TEST(TableTest, AGenerationIsNeverUsedTwice) {
  Entry entry = EntryFor("a.com");
  entry.generation = 7;
  EXPECT_EQ(Table::Load({entry}, 3).value()->current()->generation(), 7u);
  EXPECT_EQ(Table::Load({entry}, 9).value()->current()->generation(), 9u);
}

TEST(TableTest, ProposalsListWhatIsToBeWritten) {
  const auto table = TableOf({"a.com", "b.com", "c.com"});
  Change changed = ChangeOf(Change::Kind::kPut, "a.com");
  changed.entry.note = "new";
  const Proposal proposal = table->Propose({{ChangeOf(Change::Kind::kRemove, "c.com"), changed,
                                             ChangeOf(Change::Kind::kPut, "b.com"),  // as it is
                                             ChangeOf(Change::Kind::kAdd, "*.a.com")},
                                            false,
                                            kAnna});
  ASSERT_THAT(proposal.written, SizeIs(3));
  EXPECT_EQ(proposal.written[0].after->note, "new");
  EXPECT_EQ(proposal.written[0].before->note, "");
  EXPECT_EQ(proposal.written[1].before, nullptr);
  EXPECT_EQ(proposal.written[1].after->pattern.text(), "*.a.com");
  EXPECT_EQ(proposal.written[2].before->pattern.text(), "c.com");
  EXPECT_EQ(proposal.written[2].after, nullptr);
  EXPECT_THAT(Patterns(*table->current()), ElementsAre("a.com", "b.com", "c.com"));  // not yet
  table->Publish(proposal);
  EXPECT_THAT(Patterns(*table->current()), ElementsAre("a.com", "*.a.com", "b.com"));
}

TEST(TableTest, AChangeThatChangesNothingKeepsTheSnapshot) {
  const auto table = TableOf({"a.com"});
  const Proposal proposal = table->Propose({{ChangeOf(Change::Kind::kPut, "a.com")}, false, kAnna});
  EXPECT_THAT(proposal.written, IsEmpty());
  EXPECT_EQ(proposal.next, table->current());
}

TEST(TableTest, OneBadChangeStopsAllAndEveryOneIsReported) {
  const auto table = TableOf({"a.com"});
  Change bad_level = ChangeOf(Change::Kind::kAdd, "d.com", 5);
  bad_level.entry.level = Level::kFingerprint;
  const Proposal proposal = table->Propose(
      {{ChangeOf(Change::Kind::kAdd, "good.com", 1), ChangeOf(Change::Kind::kAdd, "a.com", 2),
        ChangeOf(Change::Kind::kSet, "b.com", 3), ChangeOf(Change::Kind::kRemove, "c.com", 4),
        bad_level, ChangeOf(Change::Kind::kPut, "good.com", 6)},
       false,
       kAnna});
  EXPECT_THAT(
      Texts(proposal.faults),
      ElementsAre("2: a.com is on the list already; set changes it",
                  "3: b.com is not on the list; add puts it there", "4: c.com is not on the list",
                  "5: d.com: fingerprints: level fingerprint needs at least one",
                  "6: good.com is there twice, first in line 1"));
  EXPECT_EQ(proposal.next, nullptr);
  EXPECT_THAT(proposal.written, IsEmpty());
}

TEST(TableTest, ReplaceAllRemovesWhatIsNotNamed) {
  const auto table = TableOf({"a.com", "b.com", "*"});
  Apply(*table, {ChangeOf(Change::Kind::kPut, "b.com"), ChangeOf(Change::Kind::kPut, "c.com")},
        kAnna, true);
  EXPECT_THAT(Patterns(*table->current()), ElementsAre("b.com", "c.com"));
  EXPECT_EQ(table->current()->size(), 2u);
}

TEST(TableTest, OldSnapshotsStayAsTheyWere) {
  const auto table = TableOf({"a.com"});
  const auto before = table->current();
  Apply(*table, {ChangeOf(Change::Kind::kRemove, "a.com"), ChangeOf(Change::Kind::kAdd, "b.com")});
  EXPECT_NE(before->Lookup("a.com", Flow::kInbound), nullptr);
  EXPECT_EQ(before->Lookup("b.com", Flow::kInbound), nullptr);
  EXPECT_EQ(table->current()->Lookup("a.com", Flow::kInbound), nullptr);
  EXPECT_NE(table->current()->Lookup("b.com", Flow::kInbound), nullptr);
}

TEST(TableTest, APingIsNotedAndIsNoChangeOfPolicy) {
  const auto table = TableOf({"a.com", "b.com"});
  const PingRecord ping{absl::FromUnixSeconds(3000), "valid"};
  const Pattern pattern = Pattern::Parse("a.com").value();
  const Proposal proposal = table->ProposePing(pattern, ping);
  ASSERT_THAT(proposal.written, SizeIs(1));
  table->Publish(proposal);
  EXPECT_EQ(table->current()->Find(pattern)->last_ping, ping);
  EXPECT_EQ(table->current()->Find(pattern)->generation, 0u);
  EXPECT_EQ(table->current()->generation(), 0u);
  // A change of the entry keeps it.
  Change change = ChangeOf(Change::Kind::kSet, "a.com");
  change.entry.note = "n";
  Apply(*table, {change});
  EXPECT_EQ(table->current()->Find(pattern)->last_ping, ping);
  EXPECT_THAT(Texts(table->ProposePing(Pattern::Parse("c.com").value(), ping).faults),
              ElementsAre("0: c.com is not on the list"));
}

// Far past the bound of the overlay, one by one and in bulk.
TEST(TableTest, GrowsAndShrinksThroughMerges) {
  const auto table = TableOf({});
  constexpr int kEntries = 3 * static_cast<int>(Table::kSmallestOverlay);
  for (int i = 0; i < kEntries; ++i) {
    Apply(*table, {ChangeOf(Change::Kind::kAdd, absl::StrCat("d", i, ".com"))});
  }
  EXPECT_EQ(table->current()->size(), static_cast<size_t>(kEntries));
  for (int i = 0; i < kEntries; ++i) {
    ASSERT_NE(table->current()->Lookup(absl::StrCat("D", i, ".com"), Flow::kInbound), nullptr) << i;
  }
  for (int i = 0; i < kEntries; i += 2) {
    Apply(*table, {ChangeOf(Change::Kind::kRemove, absl::StrCat("d", i, ".com"))});
  }
  EXPECT_EQ(table->current()->size(), static_cast<size_t>(kEntries / 2));
  for (int i = 0; i < kEntries; ++i) {
    const bool found = table->current()->Lookup(absl::StrCat("d", i, ".com"), Flow::kInbound);
    ASSERT_EQ(found, i % 2 == 1) << i;
  }
  Apply(*table, {}, kAnna, true);
  EXPECT_EQ(table->current()->size(), 0u);
  EXPECT_THAT(Patterns(*table->current()), IsEmpty());
}

TEST(TableTest, AnEntryRemovedAndAddedAgainIsThereOnce) {
  const auto table = TableOf({"a.com", "b.com"});
  Apply(*table, {ChangeOf(Change::Kind::kRemove, "a.com")});
  Apply(*table, {ChangeOf(Change::Kind::kAdd, "a.com")});
  Apply(*table, {ChangeOf(Change::Kind::kRemove, "a.com")});
  EXPECT_EQ(table->current()->Find(Pattern::Parse("a.com").value()), nullptr);
  Apply(*table, {ChangeOf(Change::Kind::kAdd, "a.com")});
  EXPECT_THAT(Patterns(*table->current()), ElementsAre("a.com", "b.com"));
  EXPECT_EQ(table->current()->size(), 2u);
}

TEST(TableDeathTest, AProposalOfAnOlderListIsNotPublished) {
  const auto table = TableOf({"a.com"});
  const Proposal late = table->Propose({{ChangeOf(Change::Kind::kAdd, "b.com")}, false, kAnna});
  Apply(*table, {ChangeOf(Change::Kind::kAdd, "c.com")});
  EXPECT_DEATH(table->Publish(late), "check failed");
}

TEST(SearchTest, FindsByTextAndFields) {
  Entry book = EntryFor("*.bücher.example");
  book.note = "Agreed with the Library";
  Entry bank = EntryFor("bank.example");
  bank.mode = Mode::kMonitor;
  bank.direction = Direction::kInbound;
  Entry secure = EntryFor("sub.bank.example");
  secure.level = Level::kSecure;
  const auto list = Table::Load({book, bank, secure}, 0).value()->current();

  const auto found = [&](const Snapshot::Query& query) {
    std::vector<std::string> patterns;
    for (const EntryPtr& entry : list->Search(query).entries) {
      patterns.push_back(entry->pattern.text());
    }
    return patterns;
  };
  EXPECT_THAT(found({}),
              ElementsAre("bank.example", "sub.bank.example", "*.xn--bcher-kva.example"));
  EXPECT_THAT(found({.text = "BANK"}), ElementsAre("bank.example", "sub.bank.example"));
  EXPECT_THAT(found({.text = "bücher"}), ElementsAre("*.xn--bcher-kva.example"));
  EXPECT_THAT(found({.text = "xn--"}), ElementsAre("*.xn--bcher-kva.example"));
  EXPECT_THAT(found({.text = "library"}), ElementsAre("*.xn--bcher-kva.example"));
  EXPECT_THAT(found({.mode = Mode::kMonitor}), ElementsAre("bank.example"));
  EXPECT_THAT(found({.direction = Direction::kInbound}), ElementsAre("bank.example"));
  EXPECT_THAT(found({.text = "bank", .level = Level::kSecure}), ElementsAre("sub.bank.example"));
  EXPECT_THAT(found({.text = "nothing"}), IsEmpty());

  const Snapshot::Page page = list->Search({.offset = 1, .limit = 1});
  EXPECT_EQ(page.total, 3u);
  ASSERT_THAT(page.entries, SizeIs(1));
  EXPECT_EQ(page.entries[0]->pattern.text(), "sub.bank.example");
}

}  // namespace
}  // namespace sluice::policy
