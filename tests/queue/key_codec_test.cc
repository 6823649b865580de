#include "queue/key_codec.h"

#include <string>
#include <tuple>
#include <vector>

#include "engine/base/random.h"
#include "gtest/gtest.h"

namespace sluice::queue {
namespace {

MessageId AnyId(Random& random) {
  // Few values, so that parts are often equal, and the extremes among them.
  static constexpr int64_t kNanos[] = {0, 1, 255, 256, 1'700'000'000'000'000'000, INT64_MAX};
  static constexpr uint32_t kTails[] = {0, 1, 255, 256, UINT32_MAX};
  return MessageId::Of(kNanos[random.Below(6)], kTails[random.Below(5)]);
}

absl::Time AnyTime(Random& random) {
  static constexpr int64_t kNanos[] = {0, 1, 255, 256, 1'700'000'000'000'000'000, INT64_MAX};
  return absl::FromUnixNanos(kNanos[random.Below(6)]);
}

// Names that are prefixes of one another, and octets at both ends of the range.
std::string AnyDestination(Random& random) {
  static const std::vector<std::string> kNames = {
      "a", "a.example", "a.example.org", "b", "[192.0.2.1]", std::string(255, 'z'), "~", "aa",
      "!", "a!"};
  return kNames[random.Below(kNames.size())];
}

TEST(KeyCodecTest, KeysAreReadBack) {
  Random random(1);
  for (int i = 0; i < 500; ++i) {
    const MessageId id = AnyId(random);
    const std::string destination = AnyDestination(random);
    const std::string item = ItemKey(id, destination);
    ASSERT_TRUE(ParseItemKey(item).has_value());
    EXPECT_EQ(ParseItemKey(item)->id, id);
    EXPECT_EQ(ParseItemKey(item)->destination, destination);
    EXPECT_EQ(ParseIdKey(IdKey(id)), id);

    const std::string parked = ParkedKey(destination, id);
    ASSERT_TRUE(ParseParkedKey(parked).has_value());
    EXPECT_EQ(ParseParkedKey(parked)->id, id);
    EXPECT_EQ(ParseParkedKey(parked)->destination, destination);
    // Those of one destination stand together, whatever others are called.
    const std::string other = AnyDestination(random);
    const std::string prefix = ParkedPrefix(other);
    EXPECT_EQ(parked >= prefix && parked < EndOfPrefix(prefix), other == destination);

    const absl::Time time = AnyTime(random);
    const std::string key = TimeKey(time, item);
    ASSERT_TRUE(ParseTimeKey(key).has_value());
    EXPECT_EQ(KeyNanos(ParseTimeKey(key)->time), KeyNanos(time));
    EXPECT_EQ(ParseTimeKey(key)->item, item);
  }
  const std::string history = HistoryKey({.nanos = 5, .sequence = UINT64_MAX});
  EXPECT_EQ(ParseHistoryKey(history)->nanos, 5);
  EXPECT_EQ(ParseHistoryKey(history)->sequence, UINT64_MAX);
  EXPECT_EQ(ParseBigEndian64(BigEndian64(0x0123456789abcdef)), 0x0123456789abcdef);
}

TEST(KeyCodecTest, OrderOfBytesIsOrderOfMeaning) {
  Random random(2);
  for (int i = 0; i < 5000; ++i) {
    const auto a = std::make_tuple(AnyTime(random), AnyId(random), AnyDestination(random));
    const auto b = std::make_tuple(AnyTime(random), AnyId(random), AnyDestination(random));
    const std::string item_a = ItemKey(std::get<1>(a), std::get<2>(a));
    const std::string item_b = ItemKey(std::get<1>(b), std::get<2>(b));
    EXPECT_EQ(TimeKey(std::get<0>(a), item_a) < TimeKey(std::get<0>(b), item_b), a < b);
    EXPECT_EQ(item_a < item_b, std::make_pair(std::get<1>(a), std::get<2>(a)) <
                                   std::make_pair(std::get<1>(b), std::get<2>(b)));
  }
  EXPECT_LT(BodyKey(MessageId::Of(1, 1), 255), BodyKey(MessageId::Of(1, 1), 256));
  EXPECT_LT(BodyKey(MessageId::Of(1, 1), UINT32_MAX), BodyKey(MessageId::Of(1, 2), 0));
  EXPECT_LT(HistoryKey({.nanos = 1, .sequence = 256}), HistoryKey({.nanos = 2, .sequence = 1}));
}

TEST(KeyCodecTest, BoundsEncloseWhatTheyShould) {
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    const MessageId id = AnyId(random);
    const MessageId other = AnyId(random);
    const std::string item = ItemKey(other, AnyDestination(random));
    EXPECT_EQ(IdKey(id) <= item && item < EndOfId(id), id == other);
  }
  const absl::Time time = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_LE(TimeKey(time), TimeKey(time, ItemKey(MessageId::Of(0, 0), "!")));
  EXPECT_LT(TimeKey(time, ItemKey(MessageId::Of(INT64_MAX, UINT32_MAX), "~")),
            TimeKey(time + absl::Nanoseconds(1)));
  EXPECT_EQ(EndOfPrefix("e"), "f");
}

TEST(KeyCodecTest, TimesOutsideBecomeTheNearest) {
  EXPECT_EQ(TimeKey(absl::InfinitePast()), TimeKey(absl::UnixEpoch()));
  EXPECT_EQ(TimeKey(absl::InfiniteFuture()), TimeKey(absl::FromUnixNanos(INT64_MAX)));
}

TEST(KeyCodecTest, RefusesWhatIsNoKey) {
  const std::string item = ItemKey(MessageId::Of(5, 5), "a");
  EXPECT_FALSE(ParseItemKey(item.substr(0, 12)).has_value());  // no destination
  EXPECT_FALSE(ParseItemKey(item + std::string(255, 'a')).has_value());
  EXPECT_FALSE(ParseItemKey("\x80" + item.substr(1)).has_value());  // beyond 2262
  EXPECT_FALSE(ParseItemKey("").has_value());
  EXPECT_FALSE(ParseTimeKey(TimeKey(absl::UnixEpoch())).has_value());
  EXPECT_FALSE(ParseTimeKey("\xff" + TimeKey(absl::UnixEpoch(), item).substr(1)).has_value());
  EXPECT_FALSE(ParseHistoryKey(std::string(15, 'a')).has_value());
  EXPECT_FALSE(ParseHistoryKey(std::string(16, '\xff')).has_value());
  EXPECT_FALSE(ParseBigEndian64("1234567").has_value());
}

TEST(KeyCodec, TimeRowsAreReadBack) {
  const SteadyClock::Reading reading = {.steady = absl::FromUnixNanos(1'700'000'000'000'000'001),
                                        .wall = absl::FromUnixNanos(1'800'000'000'000'000'002)};
  const std::string row = TimeRow(reading);
  const std::optional<SteadyClock::Reading> read = ParseTimeRow(row);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->steady, reading.steady);
  EXPECT_EQ(read->wall, reading.wall);
  EXPECT_FALSE(ParseTimeRow("").has_value());
  EXPECT_FALSE(ParseTimeRow(row.substr(1)).has_value());
  EXPECT_FALSE(ParseTimeRow(row + "x").has_value());
  EXPECT_FALSE(ParseTimeRow(std::string(16, '\xff')).has_value()) << "no time is that late";
}

}  // namespace
}  // namespace sluice::queue
