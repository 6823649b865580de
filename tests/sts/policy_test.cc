#include "engine/sts/policy.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::sts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ReadPolicyTest, TheExampleOfTheRfc) {
  const auto policy = ReadPolicy(
      "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n"
      "mx: backupmx.example.com\r\nmax_age: 604800\r\n");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->mode, Mode::kEnforce);
  EXPECT_EQ(policy->max_age, absl::Hours(24 * 7));
  EXPECT_THAT(policy->mx, ElementsAre("mail.example.com", "*.example.net", "backupmx.example.com"));
}

TEST(ReadPolicyTest, TakesWhatTheGrammarTakes) {
  const auto policy = ReadPolicy(
      "max_age:0 \nmx:\tMX.Example.COM.\t\nX-1._y: \xc3\xa4 b : c\n \nmode:testing\nversion:STSv1");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->mode, Mode::kTesting);
  EXPECT_EQ(policy->max_age, absl::ZeroDuration());
  EXPECT_THAT(policy->mx, ElementsAre("mx.example.com"));
}

TEST(ReadPolicyTest, ModeNoneNeedsNoMx) {
  const auto policy = ReadPolicy("version: STSv1\nmode: none\nmax_age: 86400\n");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->mode, Mode::kNone);
  EXPECT_THAT(policy->mx, IsEmpty());
}

TEST(ReadPolicyTest, OfAFieldThatStandsTwiceTheFirstCounts) {
  const auto policy = ReadPolicy(
      "version: STSv1\nversion: STSv2\nmode: enforce\nmode: none\nmx: a.example\nmax_age: 60\n"
      "max_age: x\n");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->mode, Mode::kEnforce);
  EXPECT_EQ(policy->max_age, absl::Minutes(1));
}

TEST(ReadPolicyTest, MaxAgeIsAYearAtMost) {
  const auto policy = ReadPolicy("version: STSv1\nmode: none\nmax_age: 9999999999\n");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->max_age, kMostMaxAge);
}

TEST(ReadPolicyTest, SaysWhatIsAtFault) {
  const std::string rest = "mx: a.example\nmax_age: 60\n";
  const std::pair<std::string, std::string> faults[] = {
      {"", "has no version"},
      {absl::StrCat("mode: enforce\n", rest), "has no version"},
      {absl::StrCat("version: STSv1\n", rest), "has no mode"},
      {"version: STSv1\nmode: enforce\nmx: a.example\n", "has no max_age"},
      {"version: STSv1\nmode: enforce\nmax_age: 60\n", "has no mx"},
      {"version: STSv1\nmode: testing\nmax_age: 60\n", "has no mx"},
      {absl::StrCat("version: STSv2\nmode: enforce\n", rest), "version is 'STSv2'"},
      {absl::StrCat("version: STSv1\nmode: Enforce\n", rest), "mode is 'Enforce'"},
      {absl::StrCat("version: STSv1\nmode: enforce\nnonsense\n", rest), "line 3"},
      {absl::StrCat("version: STSv1\nmode : enforce\n", rest), "line 2"},
      {absl::StrCat("<html>\x1b\n", rest), "'<html>\\x1b'"},
      {"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n", "max_age is '-1'"},
      {"version: STSv1\nmode: enforce\nmx: a.example\nmax_age:\n", "max_age is ''"},
      {"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 00000000060\n", "max_age is"},
      {"version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 60\n", "mx is 'a.*.example'"},
      {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 60\n", "mx is '*'"},
      {"version: STSv1\nmode: enforce\nmx: .example\nmax_age: 60\n", "mx is '.example'"},
      {"version: STSv1\nmode: enforce\nmx:\nmax_age: 60\n", "mx is ''"},
      {std::string(kMostPolicyBytes + 1, ' '), "65537 bytes"},
  };
  for (const auto& [file, fault] : faults) {
    const absl::Status status = ReadPolicy(file).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << file;
    EXPECT_THAT(status.message(), HasSubstr(fault)) << file;
  }
}

TEST(PolicyTest, AWildcardStandsForOneLabel) {
  Policy policy;
  policy.mx = {"mx.example.com", "*.example.net"};
  for (const char* const host : {"mx.example.com", "MX.example.COM", "a.example.net"}) {
    EXPECT_TRUE(policy.Names(host)) << host;
  }
  for (const char* const host : {"a.mx.example.com", "example.com", "a.b.example.net",
                                 "example.net", "mx.example.com.evil.test", ""}) {
    EXPECT_FALSE(policy.Names(host)) << host;
  }
}

}  // namespace
}  // namespace sluice::sts
