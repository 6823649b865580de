#include "engine/base/repetition.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice::log {
namespace {

class RepetitionTest : public testing::Test {
 protected:
  // How many of `lines` are written.
  int Write(int lines, absl::string_view event, absl::string_view key) {
    int written = 0;
    for (int i = 0; i < lines; ++i) written += repetition_.Admit(1, event, key, now_) ? 1 : 0;
    return written;
  }

  Repetition repetition_;
  MonoTime now_ = MonoTime::FromNanos(1'000'000);
};

TEST_F(RepetitionTest, TheFirstAreWrittenAndTheRestIsCounted) {
  EXPECT_EQ(Write(100, "refused", "192.0.2.1"), Repetition::kMostAWindow);
  EXPECT_EQ(Write(3, "refused", "192.0.2.2"), 3);
  EXPECT_EQ(Write(12, "handshake_failed", "192.0.2.1"), Repetition::kMostAWindow);
  const std::vector<Repetition::HeldBack> held_back = repetition_.SumUp();
  ASSERT_EQ(held_back.size(), 2u);
  EXPECT_EQ(held_back[0].event, "handshake_failed");
  EXPECT_EQ(held_back[0].lines, 2u);
  EXPECT_EQ(held_back[1].event, "refused");
  EXPECT_EQ(held_back[1].key, "192.0.2.1");
  EXPECT_EQ(held_back[1].level, 1);
  EXPECT_EQ(held_back[1].lines, 90u);
  EXPECT_TRUE(repetition_.SumUp().empty()) << "told once";
}

TEST_F(RepetitionTest, AWindowBeginsWithItsFirstLine) {
  EXPECT_FALSE(repetition_.Over(now_ + absl::Hours(1))) << "nothing is in it";
  Write(20, "refused", "192.0.2.1");
  EXPECT_FALSE(repetition_.Over(now_ + (Repetition::kWindow - absl::Nanoseconds(1))));
  now_ = now_ + Repetition::kWindow;
  EXPECT_TRUE(repetition_.Over(now_));
  repetition_.SumUp();
  EXPECT_EQ(Write(20, "refused", "192.0.2.1"), Repetition::kMostAWindow);
  EXPECT_FALSE(repetition_.Over(now_ + (Repetition::kWindow - absl::Nanoseconds(1))));
}

TEST_F(RepetitionTest, AMillionAddressesFillNeitherMemoryNorTheLog) {
  constexpr uint64_t kAddresses = 20 * Repetition::kMostKeys;
  uint64_t written = 0;
  for (uint64_t i = 0; i < kAddresses; ++i) {
    written += static_cast<uint64_t>(Write(2, "refused", absl::StrCat("192.0.2.", i)));
  }
  EXPECT_EQ(written, 2 * Repetition::kMostKeys + Repetition::kMostAWindow);
  const std::vector<Repetition::HeldBack> held_back = repetition_.SumUp();
  ASSERT_EQ(held_back.size(), 1u);
  EXPECT_EQ(held_back[0].key, "");
  EXPECT_EQ(held_back[0].lines, 2 * kAddresses - written);
}

}  // namespace
}  // namespace sluice::log
