#include "policy/entry.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/entry_codec.h"
#include "policy/entry_field.h"

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kFingerprint(64, 'a');

Entry EntryFor(absl::string_view pattern) {
  Entry entry;
  entry.pattern = Pattern::Parse(pattern).value();
  return entry;
}

Entry FullEntry() {
  Entry entry = EntryFor("*.xn--bcher-kva.example");
  entry.mode = Mode::kMonitor;
  entry.level = Level::kSecure;
  entry.minimum_version = TlsVersion::kTls13;
  entry.inbound_action = InboundAction::kReject;
  entry.match_names = {"mx.example.net", ".example.org"};
  entry.source_addresses = {"192.0.2.7", "2001:db8::7"};
  entry.client_certificate = "partner-a";
  entry.note = "vereinbart mit Müller, \"Vertrag 7\"";
  entry.created = {absl::FromUnixSeconds(1'700'000'000), "root"};
  entry.changed = {absl::FromUnixMicros(1'700'000'123'456'789), "anna"};
  entry.generation = 42;
  entry.last_ping = {absl::FromUnixSeconds(1'700'000'500), "partial: mx2: name_mismatch"};
  return entry;
}

TEST(EntryTest, NamesParseToTheirValues) {
  for (Level level : {Level::kEncrypt, Level::kVerify, Level::kSecure, Level::kFingerprint,
                      Level::kDaneOnly}) {
    EXPECT_EQ(ParseLevel(LevelName(level)).value(), level);
  }
  for (Direction direction : {Direction::kBoth, Direction::kInbound, Direction::kOutbound}) {
    EXPECT_EQ(ParseDirection(DirectionName(direction)).value(), direction);
  }
  for (Mode mode : {Mode::kEnforce, Mode::kMonitor, Mode::kOff}) {
    EXPECT_EQ(ParseMode(ModeName(mode)).value(), mode);
  }
  for (TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
    EXPECT_EQ(ParseTlsVersion(TlsVersionName(version)).value(), version);
  }
  for (InboundAction action : {InboundAction::kDefer, InboundAction::kReject}) {
    EXPECT_EQ(ParseInboundAction(InboundActionName(action)).value(), action);
  }
}

TEST(EntryTest, ParseErrorsNameWhatIsAccepted) {
  EXPECT_EQ(ParseLevel("may").status().message(),
            "'may' is not one of encrypt, verify, secure, fingerprint, dane-only");
  EXPECT_EQ(ParseTlsVersion("1.1").status().message(), "'1.1' is not one of 1.2, 1.3");
}

TEST(EntryTest, DefaultsAndAFullEntryAreValid) {
  EXPECT_THAT(Validate(EntryFor("example.com")), IsEmpty());
  EXPECT_THAT(Validate(FullEntry()), IsEmpty());
}

TEST(EntryTest, ValidateReportsEveryFault) {
  Entry entry = EntryFor("example.com");
  entry.match_names = {"mx_1.example.com"};
  entry.fingerprints = {"abc"};
  entry.note = "two\nlines";
  EXPECT_THAT(Validate(entry), ElementsAre(HasSubstr("only levels verify and secure look at names"),
                                           HasSubstr("has the character '_'"),
                                           HasSubstr("only level fingerprint looks at them"),
                                           HasSubstr("is not a SHA-256 in 64 hex digits"),
                                           HasSubstr("note: must be")));
}

TEST(EntryTest, LevelsHaveWhatTheyNeed) {
  Entry entry = EntryFor("example.com");
  entry.level = Level::kFingerprint;
  EXPECT_THAT(Validate(entry), ElementsAre(HasSubstr("needs at least one")));
  entry.fingerprints = {kFingerprint};
  EXPECT_THAT(Validate(entry), IsEmpty());
  entry.fingerprints.assign(kMaxFingerprints + 1, kFingerprint);
  EXPECT_THAT(Validate(entry), ElementsAre(HasSubstr("at most 32")));
}

TEST(EntryTest, FieldsOfTheOtherDirectionAreFaults) {
  Entry inbound = EntryFor("example.com");
  inbound.direction = Direction::kInbound;
  inbound.level = Level::kVerify;
  EXPECT_THAT(Validate(inbound), ElementsAre(HasSubstr("the direction is inbound")));
  inbound = EntryFor("example.com");
  inbound.direction = Direction::kInbound;
  inbound.source_addresses = {"192.0.2.7"};
  EXPECT_THAT(Validate(inbound), ElementsAre(HasSubstr("source_addresses: are for connections")));
  inbound.source_addresses.clear();
  inbound.client_certificate = "partner-a";
  EXPECT_THAT(Validate(inbound), ElementsAre(HasSubstr("client_certificate: is shown to servers")));
  Entry outbound = EntryFor("example.com");
  outbound.direction = Direction::kOutbound;
  outbound.inbound_action = InboundAction::kReject;
  EXPECT_THAT(Validate(outbound), ElementsAre(HasSubstr("the direction is outbound")));
}

TEST(EntryTest, SourceAddressesAreCanonical) {
  Entry entry = EntryFor("example.com");
  entry.source_addresses = {"2001:db8::7", "192.0.2.7"};
  EXPECT_THAT(Validate(entry), ElementsAre("source_addresses: '2001:db8::7 192.0.2.7' must be "
                                           "written '192.0.2.7 2001:db8::7'"));
  entry.source_addresses = {"192.0.2.7", "192.0.2.8"};
  EXPECT_THAT(Validate(entry), ElementsAre(HasSubstr("second IPv4 address")));
}

TEST(EntryTest, NotesAreBoundedUtf8) {
  Entry entry = EntryFor("example.com");
  const std::string bad[] = {
      "\xff",     "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc2\x85",          "a\x1b[31m",
      "\xe2\x82", "\x7f",     "\xf0\x80\x80", "\xe0\x80\xaf",     std::string(1, '\0')};
  for (const std::string& note : bad) {
    entry.note = note;
    EXPECT_THAT(Validate(entry), ElementsAre(HasSubstr("one line of UTF-8"))) << note;
  }
  for (absl::string_view note : {"", "für später", "日本語 🔒"}) {
    entry.note = std::string(note);
    EXPECT_THAT(Validate(entry), IsEmpty()) << note;
  }
  entry.note = std::string(kMaxNoteOctets + 1, 'n');
  EXPECT_THAT(Validate(entry), ElementsAre(HasSubstr("at most 1024")));
}

TEST(EntryFieldTest, EveryFieldSurvivesItsText) {
  Entry full = FullEntry();
  Entry copy = EntryFor("other.example");
  for (absl::string_view field : FieldNames()) {
    ASSERT_TRUE(SetField(field, GetField(field, full), copy).ok()) << field;
    EXPECT_EQ(GetField(field, copy), GetField(field, full)) << field;
  }
  copy.created = full.created;
  copy.changed = full.changed;
  copy.generation = full.generation;
  copy.last_ping = full.last_ping;
  EXPECT_EQ(copy, full);
}

TEST(EntryFieldTest, ReadsListsAsPeopleWriteThem) {
  Entry entry = EntryFor("example.com");
  ASSERT_TRUE(SetField("match_names", " MX.Example.com, .Bücher.example ", entry).ok());
  EXPECT_THAT(entry.match_names, ElementsAre("mx.example.com", ".xn--bcher-kva.example"));
  std::string typed;
  for (int i = 0; i < 32; ++i) typed += i == 0 ? "AB" : ":AB";
  ASSERT_TRUE(SetField("fingerprints", typed, entry).ok());
  EXPECT_EQ(entry.fingerprints.front().substr(0, 6), "ababab");
  EXPECT_EQ(entry.fingerprints.front().size(), 64u);
}

TEST(EntryFieldTest, EmptyTextSetsTheDefault) {
  Entry entry = FullEntry();
  for (absl::string_view field : FieldNames()) {
    if (field != "pattern") ASSERT_TRUE(SetField(field, "", entry).ok()) << field;
  }
  EXPECT_EQ(Diff(nullptr, &entry), "added: pattern: *.xn--bcher-kva.example");
  EXPECT_FALSE(SetField("pattern", "", entry).ok());
}

TEST(EntryFieldTest, ErrorsBeginWithTheField) {
  Entry entry = EntryFor("example.com");
  EXPECT_THAT(SetField("mode", "on", entry).message(), HasSubstr("mode: 'on' is not one of"));
  EXPECT_THAT(SetField("levle", "verify", entry).message(), HasSubstr("the fields are pattern,"));
  EXPECT_THAT(SetField("source_addresses", "::", entry).message(),
              HasSubstr("source_addresses: '::' is no address"));
  EXPECT_THAT(SetField("client_certificate", "a b", entry).message(),
              HasSubstr("client_certificate: 'a b' is no name of a certificate"));
  EXPECT_FALSE(SetField("client_certificate", std::string(65, 'a'), entry).ok());
  EXPECT_THAT(SetField("match_names", "a..b", entry).message(), HasSubstr("match_names: 'a..b'"));
}

TEST(EntryFieldTest, DiffNamesWhatChanged) {
  const Entry before = EntryFor("example.com");
  Entry after = before;
  after.level = Level::kVerify;
  after.note = "asked for by J.";
  after.generation = 7;  // recorded, not set: no difference
  EXPECT_EQ(Diff(&before, &after), "level: encrypt -> verify; note: \"\" -> \"asked for by J.\"");
  EXPECT_EQ(Diff(&before, &before), "");
  EXPECT_EQ(Diff(nullptr, &after),
            "added: pattern: example.com; level: verify; note: \"asked for by J.\"");
  EXPECT_EQ(Diff(&before, nullptr), "removed: pattern: example.com");
  // Not even for the list entry "*", whose pattern is the default.
  const Entry any;
  EXPECT_EQ(Diff(nullptr, &any), "added: pattern: *");
}

TEST(EntryCodecTest, EntriesSurviveTheStore) {
  Entry with_fingerprints = EntryFor("example.com");
  with_fingerprints.level = Level::kFingerprint;
  with_fingerprints.fingerprints = {kFingerprint, std::string(64, '0')};
  for (const Entry& entry : {EntryFor("*"), FullEntry(), with_fingerprints}) {
    const auto decoded = DecodeEntry(entry.pattern.text(), EncodeEntry(entry));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, entry);
  }
}

TEST(EntryCodecTest, WhatIsDamagedIsRefused) {
  const Entry entry = FullEntry();
  const std::string key = entry.pattern.text();
  const std::string bytes = EncodeEntry(entry);
  EXPECT_TRUE(absl::IsDataLoss(DecodeEntry("example.com", bytes).status()));  // another's key
  EXPECT_TRUE(absl::IsDataLoss(DecodeEntry(key, "").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeEntry(key, "\xff\xff\xff").status()));
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A cut that ends between two fields parses, but has lost a field that must be there or is
    // another valid entry; it is never read as one with an unknown level.
    const auto decoded = DecodeEntry(key, bytes.substr(0, size));
    if (decoded.ok()) EXPECT_EQ(decoded->level, entry.level) << size;
  }
}

TEST(EntryCodecTest, ALevelOfALaterVersionIsRefused) {
  const Entry entry = EntryFor("a.example");
  std::string bytes = EncodeEntry(entry);
  bytes.append("\x20\x06", 2);  // field 4 (level), varint 6; of a field given twice the last counts
  const auto decoded = DecodeEntry("a.example", bytes);
  EXPECT_THAT(decoded.status().message(),
              HasSubstr("level has a value that this version does not know"));
}

}  // namespace
}  // namespace sluice::policy
