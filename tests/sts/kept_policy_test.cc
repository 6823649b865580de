#include "engine/sts/kept_policy.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::sts {
namespace {

using ::testing::ElementsAre;

constexpr char kFile[] = "version: STSv1\r\nmode: enforce\nmx: mx.example.com\nmax_age: 60\n\n";

KeptPolicy Kept() {
  KeptPolicy kept;
  kept.id = "20160831085700Z";
  kept.file = kFile;
  kept.policy = *ReadPolicy(kFile);
  kept.fetched_at = absl::FromUnixNanos(1'700'000'000'123'456'789);
  kept.used_at = absl::FromUnixNanos(-5);
  return kept;
}

TEST(KeptPolicyTest, ComesBackAsItWas) {
  const auto kept = DecodePolicy(EncodePolicy(Kept()));
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->id, "20160831085700Z");
  EXPECT_EQ(kept->file, kFile);
  EXPECT_EQ(kept->policy.mode, Mode::kEnforce);
  EXPECT_THAT(kept->policy.mx, ElementsAre("mx.example.com"));
  EXPECT_EQ(kept->fetched_at, Kept().fetched_at);
  EXPECT_EQ(kept->used_at, Kept().used_at);
  EXPECT_EQ(kept->expires_at(), Kept().fetched_at + absl::Minutes(1));
}

TEST(KeptPolicyTest, TheRowIsWhatTheHeaderSays) {
  EXPECT_EQ(EncodePolicy(Kept()),
            absl::StrCat("1\n20160831085700Z\n1700000000123456789\n-5\n", kFile));
}

TEST(KeptPolicyTest, WhatIsNoRowIsDataLoss) {
  const std::string row = EncodePolicy(Kept());
  std::vector<std::string> rows = {"",
                                   "1",
                                   "2" + row.substr(1),
                                   absl::StrReplaceAll(row, {{"20160831085700Z", ""}}),
                                   absl::StrReplaceAll(row, {{"20160831085700Z", "a b"}}),
                                   absl::StrReplaceAll(row, {{"-5", "x"}}),
                                   absl::StrReplaceAll(row, {{"-5", "- 5"}}),
                                   absl::StrReplaceAll(row, {{"-5", "05"}}),
                                   absl::StrReplaceAll(row, {{"enforce", "?"}})};
  for (size_t cut = 1; cut < row.find("version"); ++cut) rows.push_back(row.substr(0, cut));
  for (const std::string& damaged : rows) {
    EXPECT_TRUE(absl::IsDataLoss(DecodePolicy(damaged).status())) << damaged;
  }
}

}  // namespace
}  // namespace sluice::sts
