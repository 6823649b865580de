#include "engine/base/log.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "engine/base/log_line.h"
#include "gtest/gtest.h"

namespace sluice::log {
namespace {

TEST(Log, NamesWhatIsAccepted) {
  EXPECT_EQ(*ParseLevel("warning"), Level::kWarning);
  EXPECT_EQ(ParseLevel("loud").status().message(), "'loud' is none of debug, info, warning, error");
  EXPECT_EQ(*ParseFormat("json"), Format::kJson);
  EXPECT_EQ(ParseFormat("xml").status().message(), "'xml' is none of text, json");
}

TEST(Log, WritesEscapedTextAndJson) {
  testing::internal::CaptureStderr();
  Configure(Level::kInfo, Format::kText);
  Debug("not_written");
  Info("accepted", {{"from", "a@b\r\nforged"}, {"size", 12}});
  Flush();
  Configure(Level::kDebug, Format::kJson);
  Debug("refused", {{"why", "say \"hello\"\x01"}});
  Flush();
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines.find("not_written"), std::string::npos);
  EXPECT_NE(lines.find(" info accepted from=\"a@b\\r\\nforged\" size=12\n"), std::string::npos)
      << lines;
  EXPECT_NE(lines.find(R"("level":"debug","event":"refused","why":"say \"hello\"\u0001"})"),
            std::string::npos)
      << lines;
}

// What is written to stderr while `write` runs, line by line.
template <typename Function>
std::vector<std::string> LinesOf(Format format, Function write) {
  testing::internal::CaptureStderr();
  Configure(Level::kInfo, format);
  write();
  Flush();
  return absl::StrSplit(testing::internal::GetCapturedStderr(), '\n', absl::SkipEmpty());
}

TEST(Log, TextTellsWordsFromTheRest) {
  const std::vector<std::string> lines = LinesOf(Format::kText, [] {
    Info("event",
         {{"empty", ""}, {"dash", "-"}, {"word", "a/b@c"}, {"two", "a b"}, {"sum", "a=b"}});
  });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(absl::EndsWith(lines[0], R"( event empty=- dash="-" word=a/b@c two="a b" sum="a=b")"))
      << lines[0];
}

TEST(Log, NothingOfAValueReachesATerminalRaw) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  for (const Format format : {Format::kText, Format::kJson}) {
    const std::vector<std::string> lines = LinesOf(format, [&] {
      Info("event", {{"value", every_byte}});
      Warning("event", {{"value", "\r\n2026-01-01T00:00:00.000Z info forged"}});
    });
    ASSERT_EQ(lines.size(), 2u) << "a value has made a line of its own";
    for (const std::string& line : lines) {
      for (const char c : line) ASSERT_TRUE(c >= ' ' && c < 0x7f) << line;
    }
  }
}

TEST(Log, OfALongValueTheBeginningIsWritten) {
  const std::string value(kMostValueBytes + 123, 'x');
  for (const Format format : {Format::kText, Format::kJson}) {
    const std::vector<std::string> lines = LinesOf(format, [&] {
      Info("event", {{"value", value}});
    });
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_TRUE(
        absl::StrContains(lines[0], std::string(kMostValueBytes, 'x') + "... (123 bytes more)\""))
        << lines[0];
  }
}

TEST(Log, WhatIsRepeatedIsCounted) {
  constexpr uint64_t kLines = 100;
  uint64_t written = 0;
  uint64_t counted = 0;
  const std::vector<std::string> lines = LinesOf(Format::kText, [] {
    for (uint64_t i = 0; i < kLines; ++i) InfoSome("refused", "192.0.2.7", {{"number", i}});
    Info("other");
  });
  for (const std::string& line : lines) {
    const std::vector<std::string> parts = absl::StrSplit(line, " refused key=192.0.2.7 repeated=");
    uint64_t count = 0;
    if (parts.size() == 2 && absl::SimpleAtoi(parts[1], &count)) counted += count;
    if (absl::StrContains(line, " refused number=")) ++written;
  }
  EXPECT_EQ(written + counted, kLines);
  EXPECT_LT(written, kLines);
  EXPECT_GT(written, 0u);
}

}  // namespace
}  // namespace sluice::log
