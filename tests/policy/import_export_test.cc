#include "policy/import_export.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/entry_field.h"

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> Texts(const std::vector<Fault>& faults) {
  std::vector<std::string> texts;
  for (const Fault& fault : faults) texts.push_back(absl::StrCat(fault.line, ": ", fault.reason));
  return texts;
}

// Entries that use every field, quoting and lists.
std::vector<Entry> SomeEntries() {
  std::vector<Entry> entries(5);
  EXPECT_TRUE(SetField("pattern", "*.bücher.example", entries[1]).ok());
  entries[1].level = Level::kVerify;
  entries[1].match_names = {"mx.example.net", ".example.org"};
  entries[1].note = "says \"yes\", in writing; für immer";
  EXPECT_TRUE(SetField("pattern", ".example.com", entries[2]).ok());
  entries[2].direction = Direction::kOutbound;
  entries[2].level = Level::kFingerprint;
  entries[2].fingerprints = {std::string(64, 'a'), std::string(64, '7')};
  entries[2].minimum_version = TlsVersion::kTls13;
  entries[2].source_addresses = {"192.0.2.7", "2001:db8::7"};
  entries[2].client_certificate = "partner_b.2";
  EXPECT_TRUE(SetField("pattern", "example.com", entries[3]).ok());
  entries[3].direction = Direction::kInbound;
  entries[3].mode = Mode::kMonitor;
  entries[3].inbound_action = InboundAction::kReject;
  entries[3].note = " =1+1, ";
  EXPECT_TRUE(SetField("pattern", "dane.example", entries[4]).ok());
  entries[4].level = Level::kDaneOnly;
  return entries;
}

void ExpectEntries(const Imported& imported, const std::vector<Entry>& expected) {
  ASSERT_THAT(Texts(imported.faults), IsEmpty());
  ASSERT_THAT(imported.changes, SizeIs(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(imported.changes[i].entry, expected[i])
        << Diff(&imported.changes[i].entry, &expected[i]);
    EXPECT_EQ(imported.changes[i].kind, Change::Kind::kPut);
  }
}

TEST(CsvTest, WhatIsExportedIsImported) {
  std::string text = CsvHeader();
  for (const Entry& entry : SomeEntries()) AppendCsv(entry, text);
  ExpectEntries(ImportCsv(text), SomeEntries());
}

TEST(CsvTest, HasTheDocumentedForm) {
  Entry entry;
  ASSERT_TRUE(SetField("pattern", "*.example.com", entry).ok());
  ASSERT_TRUE(SetField("note", "asked for, by \"mail\"", entry).ok());
  std::string text = CsvHeader();
  AppendCsv(entry, text);
  EXPECT_EQ(text,
            "pattern,direction,mode,level,match_names,fingerprints,minimum_version,inbound_action,"
            "source_addresses,client_certificate,note\r\n"
            "*.example.com,both,enforce,encrypt,,,1.2,defer,,,\"asked for, by \"\"mail\"\"\"\r\n");
}

TEST(CsvTest, ColumnsInAnyOrderAndLeftOut) {
  const Imported imported = ImportCsv("\xef\xbb\xbfmode,pattern\nmonitor,a.com\n\n,b.com\n");
  ASSERT_THAT(Texts(imported.faults), IsEmpty());
  ASSERT_THAT(imported.changes, SizeIs(2));
  EXPECT_EQ(imported.changes[0].entry.mode, Mode::kMonitor);
  EXPECT_EQ(imported.changes[0].line, 2);
  EXPECT_EQ(imported.changes[1].entry.mode, Mode::kEnforce);
  EXPECT_EQ(imported.changes[1].line, 4);
}

TEST(CsvTest, EveryBadRowIsNamed) {
  const Imported imported = ImportCsv(
      "pattern,level,mode\n"
      "good.com,,\n"
      "ex*mple.com,verify,\n"
      "\"b.com\",dane,on\n"
      "c.com,fingerprint,off\n"
      "d.com,verify\n"
      "e\"e.com,,\n"
      "\"f.com\"x,,\n"
      "GOOD.com,,\n");
  EXPECT_THAT(Texts(imported.faults),
              ElementsAre(HasSubstr("3: pattern: 'ex*mple.com': a pattern is"),
                          HasSubstr("4: level: 'dane' is not one of encrypt,"),
                          HasSubstr("4: mode: 'on' is not one of enforce, monitor, off"),
                          "5: fingerprints: level fingerprint needs at least one",
                          "6: has 2 cells, the first line names 3 columns",
                          HasSubstr("7: a cell with a quote in it must be quoted"),
                          HasSubstr("8: a quoted cell must be followed by a comma"),
                          "9: good.com is there twice, first in line 2"));
  EXPECT_THAT(imported.changes, IsEmpty());
}

TEST(CsvTest, LinesAreCountedThroughQuotedBreaks) {
  const Imported imported =
      ImportCsv("pattern,note\r\na.com,\"one\r\ntwo\"\r\nb.com,\x01\r\n\"c.com,\r\n");
  EXPECT_THAT(Texts(imported.faults),
              ElementsAre(HasSubstr("2: note: must be one line"), HasSubstr("4: note: must be"),
                          HasSubstr("5: a quoted cell that begins in this row is not closed")));
}

TEST(CsvTest, TheFirstLineMustNameTheColumns) {
  EXPECT_THAT(Texts(ImportCsv("").faults), ElementsAre(HasSubstr("1: the file is empty")));
  EXPECT_THAT(Texts(ImportCsv("example.com\n").faults),
              ElementsAre(HasSubstr("1: 'example.com' is no column"),
                          "1: the first line must name a column 'pattern'"));
  EXPECT_THAT(Texts(ImportCsv("pattern,mode,mode\n").faults),
              ElementsAre("1: column 'mode' is there twice"));
}

TEST(CsvTest, FaultsAreBounded) {
  std::string text = "pattern\n";
  for (size_t i = 0; i < 2 * kMaxFaults; ++i) text += "*.*\n";
  EXPECT_THAT(ImportCsv(text).faults, SizeIs(kMaxFaults));
}

TEST(JsonTest, WhatIsExportedIsImported) {
  std::string text = "[";
  for (Entry entry : SomeEntries()) {
    entry.created = {absl::FromUnixSeconds(1'700'000'000), "root"};
    entry.last_ping = {absl::FromUnixSeconds(1'700'000'000), "valid"};
    if (text.size() > 1) text += ",\n";
    AppendJson(entry, text);
  }
  text += "]";
  ExpectEntries(ImportJson(text), SomeEntries());
}

TEST(JsonTest, HasTheDocumentedForm) {
  Entry entry = SomeEntries()[1];
  entry.created = entry.changed = {absl::FromUnixSeconds(1'700'000'000), "root"};
  entry.last_ping = {absl::FromUnixSeconds(1'700'000'000), "valid"};
  std::string text;
  AppendJson(entry, text);
  EXPECT_EQ(text,
            R"({"pattern":"*.xn--bcher-kva.example","direction":"both","mode":"enforce",)"
            R"("level":"verify","match_names":["mx.example.net",".example.org"],)"
            R"("fingerprints":[],"minimum_version":"1.2","inbound_action":"defer",)"
            R"("source_addresses":[],"client_certificate":"",)"
            R"("note":"says \"yes\", in writing; für immer",)"
            R"("pattern_unicode":"*.bücher.example",)"
            R"("created":{"at":"2023-11-14T22:13:20+00:00","by":"root"},)"
            R"("changed":{"at":"2023-11-14T22:13:20+00:00","by":"root"},"generation":0,)"
            R"("last_ping":{"at":"2023-11-14T22:13:20+00:00","summary":"valid","warnings":[]}})");
}

TEST(JsonTest, EveryBadObjectIsNamed) {
  const Imported imported = ImportJson(
      "[{\"pattern\": \"good.com\"},\n"
      " {\"pattern\": \"*.*\",\n  \"level\": 3},\n"
      " {\"mode\": \"off\"}, 17,\n"
      " [\"a.com\"],\n"
      " {\"pattern\": \"a.com\", \"match_names\": [1]},\n"
      " {\"pattern\": \"b.com\", \"lvl\": \"verify\", \"note\": {\"x\": {}}},\n"
      " {\"pattern\": \"good.com\"}]");
  EXPECT_THAT(
      Texts(imported.faults),
      ElementsAre("2: level: must be a string", HasSubstr("2: pattern: '*.*': a pattern is"),
                  "4: has no field 'pattern'", HasSubstr("4: an entry must be an object"),
                  HasSubstr("5: an entry must be an object"),
                  "6: match_names: must be an array of strings",
                  HasSubstr("7: 'lvl' is no field of an entry"), "7: note: must be a string",
                  "8: good.com is there twice, first in line 1"));
  EXPECT_THAT(imported.changes, IsEmpty());
}

TEST(JsonTest, WhatIsNoArrayIsRefused) {
  EXPECT_THAT(Texts(ImportJson("{\"pattern\": \"a.com\"}").faults),
              ElementsAre(HasSubstr("must be an array of objects")));
  EXPECT_THAT(Texts(ImportJson("").faults), ElementsAre(HasSubstr("1: is no JSON")));
  EXPECT_THAT(Texts(ImportJson("[\n{\"pattern\": \"a.com\"},\n{").faults),
              ElementsAre(HasSubstr("3: is no JSON")));
}

// Files with a few bytes changed, cut or doubled: read to the end or refused, nothing worse; and
// whatever is accepted is valid.
TEST(ImportTest, DamagedFilesAreReadOrRefused) {
  const uint64_t seed = Random::FromSystem().Next();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Random random(seed);
  std::string csv = CsvHeader();
  std::string json = "[";
  for (const Entry& entry : SomeEntries()) {
    AppendCsv(entry, csv);
    if (json.size() > 1) json += ",";
    AppendJson(entry, json);
  }
  json += "]";
  for (int round = 0; round < 4000; ++round) {
    const bool is_csv = round % 2 == 0;
    std::string text = is_csv ? csv : json;
    for (uint64_t edits = 1 + random.Below(4); edits > 0; --edits) {
      const size_t at = random.Below(text.size());
      const size_t size = 1 + random.Below(8);
      switch (random.Below(3)) {
        case 0:
          text[at] = static_cast<char>(random.Next());
          break;
        case 1:
          text.erase(at, size);
          break;
        default:
          text.insert(at, text.substr(at, size));
      }
      if (text.empty()) text = "\n";
    }
    const Imported imported = is_csv ? ImportCsv(text) : ImportJson(text);
    ASSERT_TRUE(imported.faults.empty() || imported.changes.empty());
    for (const Change& change : imported.changes) {
      ASSERT_THAT(Validate(change.entry), IsEmpty()) << text;
    }
  }
}

}  // namespace
}  // namespace sluice::policy
