#include "tls/ticket_keys.h"

#include "gtest/gtest.h"

namespace sluice::tls {
namespace {

TEST(TicketKeysTest, SealsWithTheNewestAndOpensWithAll) {
  ManualClock clock;
  TicketKeys keys(clock, absl::Hours(2));
  const TicketKeys::Key first = keys.ForSealing();
  EXPECT_EQ(keys.ForSealing().name, first.name);
  bool newest = false;
  ASSERT_TRUE(keys.ForOpening(first.name.data(), newest).has_value());
  EXPECT_TRUE(newest);

  clock.Advance(absl::Hours(1));
  const TicketKeys::Key second = keys.ForSealing();
  EXPECT_NE(second.name, first.name);
  EXPECT_NE(second.aes, first.aes);
  EXPECT_NE(second.mac, first.mac);
  const std::optional<TicketKeys::Key> opened = keys.ForOpening(first.name.data(), newest);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->aes, first.aes);
  EXPECT_FALSE(newest);
}

TEST(TicketKeysTest, OpensTheLastTicketForItsWholeLifeAndNoLonger) {
  ManualClock clock;
  TicketKeys keys(clock, absl::Hours(2));
  const TicketKeys::Key key = keys.ForSealing();
  bool newest = false;
  clock.Advance(absl::Hours(1) - absl::Seconds(1));
  ASSERT_EQ(keys.ForSealing().name, key.name);  // the last ticket of this key
  clock.Advance(absl::Hours(2));
  EXPECT_TRUE(keys.ForOpening(key.name.data(), newest).has_value());
  clock.Advance(absl::Seconds(2));
  EXPECT_FALSE(keys.ForOpening(key.name.data(), newest).has_value());
}

TEST(TicketKeysTest, ForgetsAllAfterALongSleep) {
  ManualClock clock;
  TicketKeys keys(clock, absl::Hours(2));
  const TicketKeys::Key key = keys.ForSealing();
  clock.Advance(absl::Hours(1000));
  bool newest = false;
  EXPECT_FALSE(keys.ForOpening(key.name.data(), newest).has_value());
  EXPECT_NE(keys.ForSealing().name, key.name);
}

TEST(TicketKeysTest, KnowsNoOthers) {
  ManualClock clock;
  TicketKeys keys(clock, absl::Hours(2));
  const uint8_t name[16] = {};
  bool newest = false;
  EXPECT_FALSE(keys.ForOpening(name, newest).has_value());
}

}  // namespace
}  // namespace sluice::tls
