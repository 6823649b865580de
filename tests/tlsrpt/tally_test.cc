#include "engine/tlsrpt/tally.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::tlsrpt {
namespace {

using ::testing::SizeIs;

Policy NoPolicy() { return {.domain = "example.com"}; }
Failure NotTrusted(const std::string& host) {
  return {.type = ResultType::kCertificateNotTrusted, .mx_host = host};
}

TEST(DomainTallyTest, CountsEachSessionUnderItsPolicy) {
  DomainTally tally;
  EXPECT_TRUE(tally.empty());
  const Policy sts = {.type = PolicyType::kSts, .domain = "example.com", .strings = {"mode: x"}};
  tally.Count(NoPolicy(), nullptr);
  tally.Count(sts, nullptr);
  tally.Count(sts, nullptr);
  const Failure failure = NotTrusted("mx1.example.com");
  tally.Count(sts, &failure);
  ASSERT_THAT(tally.policies, SizeIs(2));
  EXPECT_EQ(tally.policies[0].policy, NoPolicy());
  EXPECT_EQ(tally.policies[0].successes, 1u);
  EXPECT_EQ(tally.policies[1].policy, sts);
  EXPECT_EQ(tally.policies[1].successes, 2u);
  EXPECT_EQ(tally.policies[1].failures, 1u);
  EXPECT_EQ(tally.successes(), 3u);
  EXPECT_EQ(tally.failures(), 1u);
}

TEST(DomainTallyTest, FailuresThatAreTheSameAreOneDetail) {
  DomainTally tally;
  for (const char* const host : {"mx1", "mx2", "mx1"}) {
    const Failure failure = NotTrusted(host);
    tally.Count(NoPolicy(), &failure);
  }
  ASSERT_THAT(tally.policies, SizeIs(1));
  ASSERT_THAT(tally.policies[0].details, SizeIs(2));
  EXPECT_EQ(tally.policies[0].details[0].failure.mx_host, "mx1");
  EXPECT_EQ(tally.policies[0].details[0].sessions, 2u);
  EXPECT_EQ(tally.policies[0].details[1].sessions, 1u);
}

TEST(DomainTallyTest, BeyondItsBoundsSessionsAreStillCounted) {
  DomainTally tally;
  constexpr size_t kHosts = 3 * DomainTally::kMostDetails;
  for (size_t i = 0; i < kHosts; ++i) {
    const Failure failure = NotTrusted(absl::StrCat("mx", i));
    tally.Count(NoPolicy(), &failure);
  }
  ASSERT_THAT(tally.policies, SizeIs(1));
  ASSERT_THAT(tally.policies[0].details, SizeIs(DomainTally::kMostDetails + 1));
  const FailureCount& rest = tally.policies[0].details.back();
  EXPECT_EQ(rest.failure, Failure{.type = ResultType::kCertificateNotTrusted});
  EXPECT_EQ(rest.sessions, kHosts - DomainTally::kMostDetails);
  EXPECT_EQ(tally.failures(), kHosts);

  for (size_t i = 0; i < 3 * DomainTally::kMostPolicies; ++i) {
    tally.Count({.type = PolicyType::kTlsa, .domain = absl::StrCat("mx", i)}, nullptr);
  }
  EXPECT_THAT(tally.policies, SizeIs(DomainTally::kMostPolicies + 1));
  EXPECT_EQ(tally.policies.back().policy, Policy{.type = PolicyType::kTlsa});
  EXPECT_EQ(tally.successes(), 3 * DomainTally::kMostPolicies);
}

TEST(DomainTallyTest, WithoutRoomWhatIsNewIsToldByItsTypeAlone) {
  DomainTally tally;
  const Failure known = NotTrusted("mx1");
  tally.Count(NoPolicy(), &known);
  const size_t octets = tally.octets();
  const Failure other = NotTrusted("mx2");
  for (int i = 0; i < 3; ++i) tally.Count(NoPolicy(), &known, DomainTally::Room::kNo);
  EXPECT_EQ(tally.octets(), octets);
  for (int i = 0; i < 3; ++i) tally.Count(NoPolicy(), &other, DomainTally::Room::kNo);
  tally.Count({.type = PolicyType::kSts, .domain = "example.com"}, nullptr, DomainTally::Room::kNo);
  ASSERT_THAT(tally.policies, SizeIs(2));
  ASSERT_THAT(tally.policies[0].details, SizeIs(2));
  EXPECT_EQ(tally.policies[0].details[1].failure, Failure{.type = other.type});
  EXPECT_EQ(tally.policies[0].failures, 7u);
  EXPECT_EQ(tally.policies[1].policy, Policy{.type = PolicyType::kSts});
  EXPECT_GT(tally.octets(), octets);
}

TEST(DomainTallyTest, LongTextsAreCut) {
  DomainTally tally;
  const Failure failure = {.reason_code = std::string(10'000, 'x')};
  tally.Count(NoPolicy(), &failure);
  tally.Count(NoPolicy(), &failure);
  ASSERT_THAT(tally.policies.at(0).details, SizeIs(1));
  EXPECT_THAT(tally.policies[0].details[0].failure.reason_code, SizeIs(DomainTally::kMostText));
}

TEST(DomainTallyTest, AddsWhatWasCountedLater) {
  DomainTally tally;
  DomainTally later;
  const Failure failure = NotTrusted("mx1");
  const Failure other = NotTrusted("mx2");
  tally.Count(NoPolicy(), nullptr);
  tally.Count(NoPolicy(), &failure);
  later.Count(NoPolicy(), nullptr);
  later.Count(NoPolicy(), &failure);
  later.Count(NoPolicy(), &other);
  later.Count({.type = PolicyType::kTlsa}, nullptr);
  tally.Add(later);
  ASSERT_THAT(tally.policies, SizeIs(2));
  EXPECT_EQ(tally.policies[0].successes, 2u);
  EXPECT_EQ(tally.policies[0].failures, 3u);
  ASSERT_THAT(tally.policies[0].details, SizeIs(2));
  EXPECT_EQ(tally.policies[0].details[0].sessions, 2u);
  EXPECT_EQ(tally.successes(), 3u);
}

TEST(ResultTypeTest, EachHasTheNameOfTheRfc) {
  std::set<absl::string_view> names;
  for (size_t i = 0; i < kResultTypes; ++i) {
    names.insert(ResultTypeName(static_cast<ResultType>(i)));
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre(
                         "starttls-not-supported", "certificate-host-mismatch",
                         "certificate-expired", "certificate-not-trusted", "validation-failure",
                         "tlsa-invalid", "dnssec-invalid", "dane-required",
                         "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"));
}

}  // namespace
}  // namespace sluice::tlsrpt
