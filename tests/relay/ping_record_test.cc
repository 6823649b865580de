// What is kept of a ping, and what it warns of.
#include "engine/relay/ping_record.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr absl::Duration kTwoWeeks = absl::Hours(24 * 14);

PingTarget Target(const std::string& mx, const std::string& fingerprint, absl::Duration left) {
  PingTarget target;
  target.mx = mx;
  target.address = "192.0.2.1:25";
  target.valid = true;
  target.certificate_fingerprint = fingerprint;
  target.certificate_names = {"DNS:" + mx};
  target.certificate_not_after = kNow + left;
  return target;
}

PingResult Result(std::vector<PingTarget> targets) {
  PingResult result;
  result.at = kNow;
  result.verdict = PingVerdict::kValid;
  result.targets = std::move(targets);
  return result;
}

TEST(PingRecordTest, TheSummaryNamesTheFirstFailure) {
  PingResult result = Result({Target("a.example", "aa", absl::Hours(1000))});
  EXPECT_EQ(SummaryOf(result), "valid");
  result.verdict = PingVerdict::kPartial;
  result.targets.push_back(Target("b.example", "bb", absl::Hours(1000)));
  result.targets[1].valid = false;
  result.targets[1].reason = "name_mismatch";
  EXPECT_EQ(SummaryOf(result), "partial: b.example: name_mismatch");
  result.verdict = PingVerdict::kInvalid;
  result.dns_failure = "no such domain";
  EXPECT_EQ(SummaryOf(result), "invalid: dns");
}

TEST(PingRecordTest, WarnsBeforeACertificateExpires) {
  const PingResult result = Result({Target("a.example", "aa", absl::Hours(24 * 14 + 1)),
                                    Target("b.example", "bb", absl::Hours(24 * 3 + 1)),
                                    Target("b.example", "bb", absl::Hours(24 * 3 + 1)),
                                    Target("c.example", "cc", -absl::Hours(1))});
  EXPECT_THAT(WarningsOf(result, std::nullopt, kTwoWeeks),
              ElementsAre("b.example: its certificate expires in 3 days",
                          "c.example: its certificate has expired"));
}

TEST(PingRecordTest, WarnsOfACertificateThatHasChanged) {
  const policy::PingFindings before =
      FindingsOf(Result({Target("a.example", "aa", absl::Hours(1000)),
                         Target("b.example", "bb", absl::Hours(1000))}));
  EXPECT_THAT(before.findings, SizeIs(2));
  PingResult now = Result({Target("a.example", "aa", absl::Hours(1000)),
                           Target("b.example", "b2", absl::Hours(1000)),
                           Target("new.example", "cc", absl::Hours(1000))});
  EXPECT_THAT(WarningsOf(now, before, kTwoWeeks),
              ElementsAre("b.example: its certificate has changed, SHA-256 b2 instead of bb"));
  now.targets[1].certificate_fingerprint.clear();  // not reached: nothing is known
  EXPECT_THAT(WarningsOf(now, before, kTwoWeeks), IsEmpty());
}

TEST(PingRecordTest, WhatIsKeptReadsBack) {
  PingResult result = Result({Target("a.example", "aa", absl::Hours(1))});
  result.warnings = WarningsOf(result, std::nullopt, kTwoWeeks);
  const policy::PingFindings kept =
      policy::DecodePingFindings(policy::EncodePingFindings(FindingsOf(result))).value();
  EXPECT_EQ(kept.ping.at, kNow);
  EXPECT_EQ(kept.ping.summary, "valid");
  EXPECT_THAT(kept.ping.warnings, ElementsAre("a.example: its certificate expires in 0 days"));
  ASSERT_THAT(kept.findings, SizeIs(1));
  EXPECT_EQ(kept.findings[0].fingerprint, "aa");
  EXPECT_EQ(kept.findings[0].not_after, kNow + absl::Hours(1));
  EXPECT_FALSE(policy::DecodePingFindings("nonsense").ok());
}

TEST(PingRecordTest, OwnNamesAreHeldAgainstTheHostname) {
  PingResult result = Result({Target("*.example", "aa", absl::Hours(1000)),
                              Target("other.example", "bb", absl::Hours(1000))});
  AddNameWarnings("gw.example", result);
  ASSERT_THAT(result.warnings, SizeIs(1));
  EXPECT_THAT(result.warnings[0], testing::HasSubstr("not for gw.example (--hostname)"));
}

}  // namespace
}  // namespace sluice::relay
