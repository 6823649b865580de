// What the parameters of RFC 3461 stand for; what is refused is in dialogues/dsn_parameters.txt.
#include "engine/smtp/dsn_parameters.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice::smtp {
namespace {

std::string Shown(const std::optional<Notify>& notify) {
  if (!notify.has_value()) return "malformed";
  return absl::StrCat(notify->success ? "s" : "-", notify->failure ? "f" : "-",
                      notify->delay ? "d" : "-");
}

TEST(DsnParametersTest, Notify) {
  EXPECT_EQ(Shown(Notify()), "-fd");  // not given
  EXPECT_EQ(Shown(Notify::Parse("NEVER")), "---");
  EXPECT_EQ(Shown(Notify::Parse("success")), "s--");
  EXPECT_EQ(Shown(Notify::Parse("FAILURE")), "-f-");
  EXPECT_EQ(Shown(Notify::Parse("Delay,FAILURE,Success")), "sfd");
  EXPECT_EQ(Shown(Notify::Parse("")), "malformed");
  EXPECT_EQ(Shown(Notify::Parse("FAILURE,NEVER")), "malformed");
}

TEST(DsnParametersTest, EnvidIsXtext) {
  EXPECT_EQ(DecodeEnvid("QQ314159"), "QQ314159");
  EXPECT_EQ(DecodeEnvid("a+2Bb+3Dc+20d"), "a+b=c d");
  EXPECT_EQ(DecodeEnvid("+7F"), std::nullopt);
  EXPECT_EQ(DecodeEnvid("a+"), std::nullopt);
}

TEST(DsnParametersTest, OrcptIsATypeAndAnAddress) {
  EXPECT_EQ(DecodeOrcpt("rfc822;bob+2Bold@example.net"), "rfc822; bob+old@example.net");
  EXPECT_EQ(DecodeOrcpt("X400;/S=a/"), std::nullopt);  // "=" is "+3D"
  EXPECT_EQ(DecodeOrcpt("X400;/S+3Da/"), "X400; /S=a/");
  EXPECT_EQ(DecodeOrcpt("rfc822;a;b"), "rfc822; a;b");
}

TEST(DsnParametersTest, AnInternationalizedOrcptComesOutInUtf8) {
  EXPECT_EQ(DecodeOrcpt("utf-8;j\\x{F6}rg@example.com"), "utf-8; j\u00f6rg@example.com");
  EXPECT_EQ(DecodeOrcpt("UTF-8;j\u00f6rg\\x{2B}x@example.com"), "UTF-8; j\u00f6rg+x@example.com");
  EXPECT_EQ(DecodeOrcpt("utf-8;\\x{20AC}\\x{1F4E7}"), "utf-8; \u20ac\U0001F4E7");
  EXPECT_EQ(DecodeOrcpt("utf-8;\\x{f6}"), std::nullopt);  // upper case alone
  EXPECT_EQ(DecodeOrcpt("utf-8;\\x{F6"), std::nullopt);
  EXPECT_EQ(DecodeOrcpt("utf-8;\xff"), std::nullopt);
  EXPECT_EQ(DecodeOrcpt("rfc822;j\u00f6rg"), std::nullopt);
}

}  // namespace
}  // namespace sluice::smtp
