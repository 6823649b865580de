#include "bench/load/message_mix.h"

#include <map>
#include <string>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::bench {
namespace {

using ::testing::HasSubstr;

TEST(MessageMixTest, SizesAreDrawnByTheirWeights) {
  const absl::StatusOr<MessageMix> mix = MessageMix::Parse("1KiB:50,10KiB:40,1MiB:10");
  ASSERT_TRUE(mix.ok()) << mix.status();
  Random random(1);
  std::map<size_t, int> drawn;
  for (int i = 0; i < 100'000; ++i) ++drawn[mix->Draw(random)];
  EXPECT_EQ(drawn.size(), 3u);
  EXPECT_NEAR(drawn[1024], 50'000, 1'000);
  EXPECT_NEAR(drawn[10'240], 40'000, 1'000);
  EXPECT_NEAR(drawn[1'048'576], 10'000, 1'000);
}

TEST(MessageMixTest, TextIsWholeLinesOfTheSizeAskedForAndNoneBeginsWithADot) {
  const absl::StatusOr<MessageMix> mix = MessageMix::Parse("4MiB");
  ASSERT_TRUE(mix.ok()) << mix.status();
  for (size_t octets = 2; octets < 400; ++octets) {
    const std::string text = absl::StrJoin(mix->Text(octets), "");
    ASSERT_EQ(text.size(), octets);
    ASSERT_EQ(text.substr(octets - 2), "\r\n");
    for (const absl::string_view line : absl::StrSplit(text, "\r\n")) {
      ASSERT_EQ(line.find_first_of("\r\n"), absl::string_view::npos) << octets;
      ASSERT_LE(line.size(), 79u);  // one more where a line was cut behind its CR
      ASSERT_NE(line.substr(0, 1), ".");
    }
  }
  EXPECT_EQ(absl::StrJoin(mix->Text(4 << 20), "").size(), size_t{4} << 20);
}

TEST(MessageMixTest, WhatIsNoSizeIsNamedWithWhatIsAccepted) {
  EXPECT_THAT(MessageMix::Parse("10KB").status().message(), HasSubstr("'10KB' is not a size"));
  EXPECT_THAT(MessageMix::Parse("1KiB:often").status().message(), HasSubstr("above 0"));
  EXPECT_THAT(MessageMix::Parse("100").status().message(), HasSubstr("at least 512"));
  EXPECT_THAT(MessageMix::Parse("1TiB").status().message(), HasSubstr("up to 256MiB"));
}

}  // namespace
}  // namespace sluice::bench
