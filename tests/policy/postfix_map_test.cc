// Postfix's smtp_tls_policy_maps, in and out; and patterns that are very wide.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/entry_field.h"
#include "policy/import_export.h"
#include "policy/public_suffix.h"

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// "pattern direction mode level names version", one for each entry.
std::vector<std::string> Read(const std::string& text) {
  const Imported imported = ImportPostfix(text);
  EXPECT_THAT(imported.faults, IsEmpty()) << imported.faults[0].reason;
  std::vector<std::string> entries;
  for (const Change& change : imported.changes) {
    const Entry& entry = change.entry;
    std::string line;
    for (const char* const field : {"pattern", "direction", "mode", "level", "match_names",
                                    "fingerprints", "minimum_version"}) {
      absl::StrAppend(&line, line.empty() ? "" : "|", GetField(field, entry));
    }
    entries.push_back(line);
  }
  return entries;
}

std::string Faults(const std::string& text) {
  std::string faults;
  for (const Fault& fault : ImportPostfix(text).faults) {
    absl::StrAppend(&faults, fault.line, ": ", fault.reason, "\n");
  }
  return faults;
}

TEST(PostfixMapTest, LevelsAndNamesAreCarriedOverAndNeverLoosened) {
  EXPECT_THAT(Read("# a comment\n"
                   "\n"
                   "example.com   encrypt\n"
                   ".Example.ORG\tmay\n"
                   "v.example     verify\n"
                   "n.example     verify match=hostname:mx.other.example\n"
                   "only.example  verify match=mx.other.example\n"
                   "d.example     dane-only\n"
                   "o.example     dane\n"
                   "s.example     secure\n"
                   "t.example     secure\n"
                   "   match=nexthop:.other.example\n"
                   "   protocols=>=TLSv1.3 ciphers=high\n"),
              ElementsAre("example.com|outbound|enforce|encrypt|||1.2",
                          "*.example.org|outbound|off|encrypt|||1.2",
                          "v.example|outbound|enforce|verify|||1.2",
                          "n.example|outbound|enforce|verify|mx.other.example||1.2",
                          // Without "hostname", the MX host's own name is not taken.
                          "only.example|outbound|enforce|secure|mx.other.example||1.2",
                          "d.example|outbound|enforce|dane-only|||1.2",
                          "o.example|outbound|off|encrypt|||1.2",
                          "s.example|outbound|enforce|secure|.s.example||1.2",
                          "t.example|outbound|enforce|secure|.other.example||1.3"));
  const std::string hex(64, 'a');
  EXPECT_THAT(Read(absl::StrCat("f.example fingerprint match=", hex, "|", std::string(64, 'B'))),
              ElementsAre(absl::StrCat("f.example|outbound|enforce|fingerprint||", hex, " ",
                                       std::string(64, 'b'), "|1.2")));
}

TEST(PostfixMapTest, EveryBadLineIsNamedAndNothingIsApplied) {
  const std::string text =
      "good.example encrypt\n"
      "[mx.example]:587 encrypt\n"
      "none.example none\n"
      "half.example half-dane\n"
      "alone.example\n"
      "x.example encrypt servername=foo\n"
      "f.example fingerprint\n"
      "good.example may\n";
  const std::string faults = Faults(text);
  for (const char* const fault :
       {"2: [mx.example]:587: a next hop", "3: level none has no counterpart",
        "4: level: 'half-dane' is not one of", "5: must be a domain and a level",
        "6: servername", "7: ", "8: good.example is there twice, first in line 1"}) {
    EXPECT_THAT(faults, HasSubstr(fault));
  }
  EXPECT_THAT(ImportPostfix(text).changes, IsEmpty());
  EXPECT_THAT(Faults("  match=a.example\n"), HasSubstr("1: begins with a blank"));
}

TEST(PostfixMapTest, WhatIsWrittenReadsBackTheSame) {
  const std::string text =
      "example.com\tencrypt\n"
      ".example.org\tmay\n"
      "v.example\tverify match=hostname:mx.other.example\n"
      "d.example\tdane-only\n"
      "s.example\tsecure match=nexthop:s.example:.s.example protocols=>=TLSv1.3\n";
  std::string written;
  for (const Change& change : ImportPostfix(text).changes) AppendPostfix(change.entry, written);
  EXPECT_EQ(Read(written), Read(text));
}

TEST(PostfixMapTest, WhatPostfixCannotSayStandsInComments) {
  const auto written = [](const std::vector<std::pair<std::string, std::string>>& fields) {
    Entry entry;
    for (const auto& [field, value] : fields) EXPECT_TRUE(SetField(field, value, entry).ok());
    std::string text;
    AppendPostfix(entry, text);
    return text;
  };
  EXPECT_EQ(written({{"pattern", "*"}, {"level", "encrypt"}}),
            "# every domain: set smtp_tls_security_level to encrypt instead\n");
  EXPECT_EQ(written({{"pattern", "a.example"}, {"direction", "inbound"}}),
            "# a.example is for mail from there alone\n");
  EXPECT_EQ(written({{"pattern", ".a.example"}, {"mode", "monitor"}, {"note", "since May"}}),
            "# since May\n# .a.example is only monitored\na.example\tmay\n.a.example\tmay\n");
  EXPECT_EQ(
      written({{"pattern", "a.example"}, {"source_addresses", "192.0.2.7 2001:db8::7"}}),
      "# a.example goes out from 192.0.2.7 and 2001:db8::7: in Postfix that takes a transport "
      "of its own, with smtp_bind_address\na.example\tencrypt\n");
  EXPECT_EQ(
      written({{"pattern", "a.example"}, {"client_certificate", "a"}}),
      "# a.example is shown the client certificate a: in Postfix that takes a transport of its "
      "own, with smtp_tls_chain_files\na.example\tencrypt\n");
}

TEST(PublicSuffixTest, WidePatternsAreWarnedOf) {
  const auto warning = [](const char* text) { return WidthWarning(Pattern::Parse(text).value()); };
  EXPECT_THAT(warning("*"), HasSubstr("every domain"));
  EXPECT_THAT(warning("*.com"), HasSubstr("*.com takes in every domain under com"));
  EXPECT_THAT(warning(".co.uk"), HasSubstr("public suffix"));
  EXPECT_EQ(warning("*.example.com"), "");
  EXPECT_EQ(warning("com"), "");  // that name alone
  EXPECT_EQ(warning(".example.co.uk"), "");
}

}  // namespace
}  // namespace sluice::policy
