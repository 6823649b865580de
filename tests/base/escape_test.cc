#include "engine/base/escape.h"

#include "gtest/gtest.h"

namespace sluice {
namespace {

std::string C(absl::string_view bytes) {
  std::string out;
  AppendCEscaped(bytes, out);
  return out;
}

std::string Json(absl::string_view bytes) {
  std::string out;
  AppendJsonEscaped(bytes, out);
  return out;
}

TEST(Escape, CEscapesKeepPrintableAscii) {
  EXPECT_EQ(C(""), "");
  EXPECT_EQ(C("it's plain"), "it's plain");
  EXPECT_EQ(C("a\"b\\c\r\n\t"), "a\\\"b\\\\c\\r\\n\\t");
  EXPECT_EQ(C(absl::string_view("\0\x1b[31m\x7f", 7)), "\\000\\033[31m\\177");
  EXPECT_EQ(C("\xc3\xa9\xff"), "\\303\\251\\377");
}

TEST(Escape, JsonIsAsciiWhateverItHolds) {
  EXPECT_EQ(Json("it's plain"), "it's plain");
  EXPECT_EQ(Json("a\"b\\c\n"), "a\\\"b\\\\c\\u000a");
  EXPECT_EQ(Json(absl::string_view("\0\x1b\x7f", 3)), "\\u0000\\u001b\\u007f");
}

TEST(Escape, JsonReadsUtf8) {
  EXPECT_EQ(Json("\xc3\xa9"), "\\u00e9");
  EXPECT_EQ(Json("\xe2\x82\xac!"), "\\u20ac!");
  EXPECT_EQ(Json("\xf0\x9f\x93\xac"), "\\ud83d\\udcec");  // U+1F4EC, a surrogate pair
  EXPECT_EQ(Json("\xf4\x8f\xbf\xbf"), "\\udbff\\udfff");  // U+10FFFF, the last
}

TEST(Escape, JsonReplacesWhatIsNoUtf8ByteByByte) {
  EXPECT_EQ(Json("\xff"), "\\ufffd");
  EXPECT_EQ(Json("\xc3"), "\\ufffd");             // cut short
  EXPECT_EQ(Json("\xc3(z"), "\\ufffd(z");         // not continued
  EXPECT_EQ(Json("\xc0\xaf"), "\\ufffd\\ufffd");  // '/', too long
  EXPECT_EQ(Json("\xe0\x80\xaf"), "\\ufffd\\ufffd\\ufffd");
  EXPECT_EQ(Json("\xf0\x80\x80\xaf").size(), 4 * 6u);
  EXPECT_EQ(Json("\xed\xa0\x80").size(), 3 * 6u);      // half a surrogate pair
  EXPECT_EQ(Json("\xf4\x90\x80\x80").size(), 4 * 6u);  // beyond Unicode
  EXPECT_EQ(Json("\x80"), "\\ufffd");
}

}  // namespace
}  // namespace sluice
