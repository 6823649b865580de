#include "engine/sts/record.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::sts {
namespace {

using ::testing::HasSubstr;

TEST(ReadPolicyIdTest, TakesWhatTheGrammarTakes) {
  const std::string longest(32, 'a');
  EXPECT_EQ(ReadPolicyId({"v=STSv1; id=20160831085700Z;"}).value(), "20160831085700Z");
  EXPECT_EQ(ReadPolicyId({"v=STSv1;id=1"}).value(), "1");
  EXPECT_EQ(ReadPolicyId({"v=STSv1 \t; id=A9 ;\t"}).value(), "A9");
  EXPECT_EQ(ReadPolicyId({absl::StrCat("v=STSv1; id=", longest)}).value(), longest);
}

TEST(ReadPolicyIdTest, PassesOverWhatItDoesNotKnow) {
  EXPECT_EQ(ReadPolicyId({"v=STSv1; x-y.z_1=!@#:/?; id=7; ID=8"}).value(), "7");
}

TEST(ReadPolicyIdTest, OtherRecordsAreNobodysBusiness) {
  EXPECT_EQ(ReadPolicyId({"v=spf1 -all", "v=STSv1; id=7;", "v=STSv2; id=8", "v=STSv10; id=9",
                          " v=STSv1; id=10", "V=STSv1; id=11", "v=STSv1"})
                .value(),
            "7");
  EXPECT_TRUE(absl::IsNotFound(ReadPolicyId({"v=spf1 -all", "v=STSv1", ""}).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadPolicyId({}).status()));
}

TEST(ReadPolicyIdTest, OfSeveralRecordsNoneCounts) {
  for (const char* const second : {"v=STSv1; id=1;", "v=STSv1; id=2;", "v=STSv1; broken"}) {
    const absl::Status status = ReadPolicyId({"v=STSv1; id=1;", second}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << second;
    EXPECT_THAT(status.message(), HasSubstr("several"));
  }
}

TEST(ReadPolicyIdTest, RefusesWhatTheGrammarDoesNotTake) {
  const std::string too_long(33, 'a');
  for (const std::string& text : std::vector<std::string>{
           "v=STSv1;", "v=STSv1; ;", "v=STSv1; x=1;", "v=STSv1; id=", "v=STSv1; id=a-b;",
           "v=STSv1; id=\xc3\xa4;", "v=STSv1; id=1 2;", "v=STSv1; id =1;", "v=STSv1; id=1;; ",
           "v=STSv1; id=1; x", "v=STSv1; id=1; =y", "v=STSv1; id=1; -x=y", "v=STSv1; id=1; x=",
           "v=STSv1; id=1; x=a=b", "v=STSv1; id=1; id=2;", absl::StrCat("v=STSv1; id=", too_long),
           absl::StrCat("v=STSv1; id=1; ", too_long, "=x"), "v=STSv1; id=1\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadPolicyId({text}).status())) << text;
  }
}

TEST(ReadPolicyIdTest, FaultsAreToldInPrintableText) {
  EXPECT_EQ(ReadPolicyId({"v=STSv1; id=\x1b[31m;"}).status().message(),
            "the MTA-STS record \"v=STSv1; id=\\x1b[31m;\" has a part that is no name=value");
}

}  // namespace
}  // namespace sluice::sts
