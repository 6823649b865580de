#include "engine/tlsrpt/tally_codec.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace sluice::tlsrpt {
namespace {

DomainTally Full() {
  DomainTally tally;
  tally.begin = absl::FromUnixSeconds(1'775'001'600);
  for (size_t i = 0; i < kResultTypes; ++i) {
    const Failure failure = {.type = static_cast<ResultType>(i),
                             .sending_ip = "192.0.2.1",
                             .mx_host = "mx.example.com",
                             .mx_helo = "helo\xff",
                             .receiving_ip = "2001:db8::1",
                             .reason_code = "alert"};
    tally.Count({.type = PolicyType::kSts,
                 .domain = "example.com",
                 .strings = {"version: STSv1", "mode: enforce"},
                 .mx_hosts = {"*.example.com"}},
                &failure);
  }
  tally.Count({.type = PolicyType::kTlsa, .domain = "mx.example.com", .strings = {"3 1 1 ab"}},
              nullptr);
  tally.Count({.type = PolicyType::kNoPolicyFound, .domain = "example.com"}, nullptr);
  return tally;
}

TEST(TallyCodecTest, IsReadAsItWasWritten) {
  const DomainTally tally = Full();
  const absl::StatusOr<DomainTally> read = DecodeTally(EncodeTally(tally));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->begin, tally.begin);
  EXPECT_EQ(read->policies, tally.policies);
}

TEST(TallyCodecTest, WhatIsCutShortOrUnknownIsDamaged) {
  const std::string row = EncodeTally(Full());
  EXPECT_TRUE(absl::IsDataLoss(DecodeTally(row.substr(0, row.size() - 1)).status()));
  // A policy of no type: field 2, of no octets.
  EXPECT_TRUE(absl::IsDataLoss(DecodeTally(std::string("\x12\x00", 2)).status()));
}

TEST(TallyCodecTest, KeysStandInTheOrderOfDays) {
  const TallyKey key{absl::CivilDay(2026, 4, 1), "example.com"};
  EXPECT_EQ(EncodeKey(key), "2026-04-01 example.com");
  EXPECT_EQ(DecodeKey("2026-04-01 example.com").value(), key);
  EXPECT_LT(key, (TallyKey{absl::CivilDay(2026, 4, 2), "a.example"}));
  for (const char* const bad : {"", "2026-04-01", "2026-04-01 ", "2026-04-01-example.com",
                                "2026-02-30 example.com", "2026-4-1 example.com"}) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeKey(bad).status())) << bad;
  }
}

TEST(TallyCodecTest, DaysAreThoseOfUtc) {
  const absl::Time last = absl::FromUnixSeconds(1'775'087'999);
  EXPECT_EQ(DayText(DayOf(last)), "2026-04-01");
  EXPECT_EQ(DayText(DayOf(last + absl::Seconds(1))), "2026-04-02");
  EXPECT_EQ(BeginOf(DayOf(last)), absl::FromUnixSeconds(1'775'001'600));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseDay("today").status()));
}

}  // namespace
}  // namespace sluice::tlsrpt
