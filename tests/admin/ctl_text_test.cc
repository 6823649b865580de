#include "tools/ctl_text.h"

#include "gtest/gtest.h"
#include "tools/ctl_time.h"

namespace sluice::ctl {
namespace {

TEST(PrintableTest, TextStaysAndControlIsShown) {
  EXPECT_EQ(Printable("für Bücher, 日本, a\\b"), "für Bücher, 日本, a\\b");
  EXPECT_EQ(Printable("\x1b[31mred\x07\r\n\t"), "\\x1b[31mred\\x07\\x0d\\x0a\\x09");
  EXPECT_EQ(PrintableLines("a\n\x1b"), "a\n\\x1b");
  // C1 controls, turned and hidden text, the byte order mark.
  EXPECT_EQ(Printable("\xc2\x9b"), "\\xc2\\x9b");
  EXPECT_EQ(Printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");
  EXPECT_EQ(Printable("\xe2\x80\x8b"), "\\xe2\\x80\\x8b");
  EXPECT_EQ(Printable("\xef\xbb\xbf"), "\\xef\\xbb\\xbf");
}

TEST(PrintableTest, WhatIsNoUtf8IsShownAsBytes) {
  EXPECT_EQ(Printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(Printable("\xc3"), "\\xc3");                             // cut off
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(Printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");           // overlong
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
  EXPECT_EQ(Printable("a\xe2\x82z"), "a\\xe2\\x82z");
}

TEST(TableTest, ColumnsAreAlignedByCharacters) {
  Table table({"NAME", "NOTE"});
  table.Add({"bücher", "x"});
  table.Add({"a", ""});
  EXPECT_EQ(table.ToString(), "NAME    NOTE\nbücher  x\na\n");
}

TEST(TableTest, WideCellsAreCutButNotTheFirst) {
  std::string umlauts;
  for (int i = 0; i < 120; ++i) umlauts += "ü";
  Table table({"A", "B", "C"});
  table.Add({std::string(120, 'a'), umlauts, umlauts});
  const std::string text = table.ToString();
  EXPECT_NE(text.find(std::string(120, 'a') + "  " + umlauts.substr(0, 2 * 47) + "…  " +
                      umlauts.substr(0, 2 * 99) + "…\n"),
            std::string::npos)
      << text;
}

TEST(SheetTest, ValuesAreAlignedAndEmptyOnesLeftOut) {
  Sheet sheet(2);
  sheet.Add("Name", "x");
  sheet.Add("Nothing", "");
  sheet.Add("Longer name", std::vector<std::string>{"a", "b"});
  EXPECT_EQ(sheet.ToString(), "  Name         x\n  Longer name  a\n               b\n");
}

TEST(TextTest, DurationsAndSizes) {
  EXPECT_EQ(DurationText(absl::ZeroDuration()), "0s");
  EXPECT_EQ(DurationText(absl::Seconds(61)), "1m 1s");
  EXPECT_EQ(DurationText(absl::Hours(76) + absl::Minutes(59)), "3d 4h");
  EXPECT_EQ(DurationText(absl::Hours(48)), "2d");
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(DistanceText(now + absl::Minutes(90), now), "in 1h");
  EXPECT_EQ(DistanceText(now - absl::Minutes(90), now), "1h ago");
  EXPECT_EQ(SizeText(0), "0 B");
  EXPECT_EQ(SizeText(1023), "1023 B");
  EXPECT_EQ(SizeText(1024), "1.0 KiB");
  EXPECT_EQ(SizeText(12345), "12 KiB");
  EXPECT_EQ(SizeText(5 << 20), "5.0 MiB");
  EXPECT_EQ(SizeText(int64_t{3000} << 30), "3000 GiB");
}

TEST(ParseUntilTest, TakesSpansAheadAndMoments) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(*ParseUntil("90d", now), now + absl::Hours(24 * 90));
  EXPECT_EQ(*ParseUntil("2023-11-14T22:13:20Z", now), now);
  EXPECT_FALSE(ParseUntil("soon", now).ok());
}

TEST(ParseWhenTest, TakesSpansAndMoments) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(*ParseWhen("2h", now), now - absl::Hours(2));
  EXPECT_EQ(*ParseWhen("7d", now), now - absl::Hours(168));
  EXPECT_EQ(*ParseWhen("1d12h30m", now), now - absl::Hours(36) - absl::Minutes(30));
  EXPECT_EQ(*ParseWhen("2023-11-14T22:13:20Z", now), now);
  EXPECT_EQ(*ParseWhen("2023-11-14T23:13:20+01:00", now), now);
  EXPECT_EQ(*ParseWhen("2023-11-14", now), absl::FromUnixSeconds(1'699'920'000));
  for (const absl::string_view bad :
       {"", "yesterday", "-2h", "2", "d", "2x", "inf", "2h7d", "2023-13-01", "infinite-past"}) {
    const auto when = ParseWhen(bad, now);
    EXPECT_EQ(when.status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace sluice::ctl
