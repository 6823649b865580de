#include "engine/base/log.h"

#include "gtest/gtest.h"

namespace sluice::log {
namespace {

TEST(Log, PrintableKeepsNothingThatCouldForgeALine) {
  EXPECT_EQ(Printable("plain text"), "plain text");
  EXPECT_EQ(Printable("a\r\nb\x1b[31m"), "a\\r\\nb\\033[31m");
  EXPECT_EQ(Printable("\xc3\xa9"), "\\303\\251");
}

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

}  // namespace
}  // namespace sluice::log
