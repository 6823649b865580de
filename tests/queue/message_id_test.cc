#include "queue/message_id.h"

#include <algorithm>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "queue/key_codec.h"

namespace sluice::queue {
namespace {

TEST(MessageIdTest, TextIsReadBack) {
  const MessageId id = MessageId::Of(1'700'000'000'123'456'789, 0xdeadbeef);
  EXPECT_EQ(id.ToString().size(), MessageId::kTextSize);
  EXPECT_EQ(MessageId::Parse(id.ToString()).value(), id);
  EXPECT_EQ(MessageId::Of(0, 0).ToString(), "0000000000000000000");
  EXPECT_EQ(MessageId::Of(INT64_MAX, UINT32_MAX).ToString(), "ZZZZZZZZZZZZZZZZZZZ");
}

TEST(MessageIdTest, ReadsWhatPeopleMakeOfIt) {
  const MessageId id = MessageId::Parse("6A0F4Z8C1M3Q9TBD2K0").value();
  EXPECT_EQ(MessageId::Parse("6a0f4z8c1m3q9tbd2k0").value(), id);
  EXPECT_EQ(MessageId::Parse("6AOF4Z8CLM3Q9TBD2KO").value(), id);
  EXPECT_EQ(MessageId::Parse("6aof4z8cIm3q9tbd2ko").value(), id);
}

TEST(MessageIdTest, RefusesWhatIsNone) {
  for (const char* text : {"", "6A0F4Z8C1M3Q9TBD2K", "6A0F4Z8C1M3Q9TBD2K00", "6A0F4Z8C1M3Q9TBD2KU",
                           "6A0F4Z8C1M3Q9TBD2K-", "6A0F4Z8C1M3Q9TBD2K\xff"}) {
    EXPECT_EQ(MessageId::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(MessageIdTest, TextAndKeysSortAsIdsDo) {
  Random random(7);
  std::vector<MessageId> ids;
  for (int i = 0; i < 1000; ++i) {
    // Neighbours in time, and times of every size.
    const auto nanos = static_cast<int64_t>(random.Next() >> (1 + random.Below(63)));
    ids.push_back(MessageId::Of(nanos, static_cast<uint32_t>(random.Next())));
    ids.push_back(MessageId::Of(nanos, static_cast<uint32_t>(random.Below(3))));
  }
  std::sort(ids.begin(), ids.end());
  for (size_t i = 1; i < ids.size(); ++i) {
    if (ids[i - 1] == ids[i]) continue;
    EXPECT_LT(ids[i - 1].ToString(), ids[i].ToString());
    EXPECT_LT(IdKey(ids[i - 1]), IdKey(ids[i]));
  }
}

TEST(MessageIdSourceTest, GrowsThoughTheClockDoesNot) {
  Random random(1);
  MessageIdSource source(random);
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  MessageId last = source.Next(now);
  EXPECT_EQ(last.time(), now);
  for (const absl::Duration step : {absl::ZeroDuration(), absl::Nanoseconds(1), -absl::Hours(1),
                                    absl::Seconds(1), absl::ZeroDuration()}) {
    const MessageId next = source.Next(now + step);
    EXPECT_LT(last, next);
    last = next;
  }
  EXPECT_EQ(last.time(), now + absl::Seconds(1) + absl::Nanoseconds(1));
}

TEST(MessageIdSourceTest, SourcesOfOneNanosecondDiffer) {
  Random random(1);
  std::set<MessageId> ids;
  for (int i = 0; i < 1000; ++i) {
    MessageIdSource source(random);
    ids.insert(source.Next(absl::FromUnixSeconds(1'700'000'000)));
  }
  EXPECT_EQ(ids.size(), 1000u);
}

}  // namespace
}  // namespace sluice::queue
