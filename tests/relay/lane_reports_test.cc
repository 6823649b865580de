// What of a lane's sessions is counted for TLS reports.
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/lane_fixture.h"

namespace sluice::relay {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using tlsrpt::ResultType;
using Heard = TestHop::Heard;
using Said = TestHop::Said;

class LaneReportsTest : public LaneTest {
 protected:
  void DeliverSome(int count = 1) {
    const auto lane = NewLane();
    Deliver(*lane, count);
  }
  void OfferNoTls() {
    hop_.answer = [](const Heard& heard) {
      return Said{absl::StartsWith(heard.line, "EHLO") ? "250 mx" : TestHop::Good(heard.line)};
    };
  }
  std::optional<ResultType> Failed(size_t i) const {
    const std::optional<tlsrpt::Failure>& failure = counted_.at(i).failure;
    return failure.has_value() ? std::optional(failure->type) : std::nullopt;
  }
};

TEST_F(LaneReportsTest, AConnectionIsOneSessionHoweverManyMessagesItCarries) {
  DeliverSome(3);
  ASSERT_THAT(concluded_, SizeIs(3));
  ASSERT_THAT(counted_, SizeIs(1));
  EXPECT_EQ(Failed(0), std::nullopt);
  EXPECT_EQ(counted_[0].policy.type, tlsrpt::PolicyType::kNoPolicyFound);
  EXPECT_EQ(counted_[0].policy.domain, "example.com");
}

TEST_F(LaneReportsTest, MailThatGoesInClearIsOneFailure) {
  OfferNoTls();
  DeliverSome();
  EXPECT_EQ(OutcomeOf(0), smtp::RecipientResult::Outcome::kDelivered);
  ASSERT_THAT(counted_, SizeIs(1));
  EXPECT_EQ(Failed(0), ResultType::kStarttlsNotSupported);
  EXPECT_EQ(counted_[0].failure->mx_host, "mx.example.net");
}

TEST_F(LaneReportsTest, OfTwoTriesAtAnAddressTheFirstCounts) {
  UseEntry({{"pattern", "example.com"}, {"level", "secure"}, {"mode", "monitor"}});
  DeliverSome();
  EXPECT_EQ(OutcomeOf(0), smtp::RecipientResult::Outcome::kDelivered);
  EXPECT_EQ(hop_.connections(), 2);
  ASSERT_THAT(counted_, SizeIs(1));
  EXPECT_EQ(Failed(0), ResultType::kCertificateHostMismatch);
}

TEST_F(LaneReportsTest, EveryAddressCounts) {
  Enforce();
  OfferNoTls();
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  DeliverSome();
  ASSERT_THAT(counted_, SizeIs(2));
  EXPECT_EQ(counted_[0].failure.value().receiving_ip, "192.0.2.1");
  EXPECT_EQ(counted_[1].failure.value().receiving_ip, "192.0.2.2");
}

TEST_F(LaneReportsTest, AHostThatDnsForbidsCountsWithoutAConnection) {
  resolver_.SignMx("example.com");
  resolver_.SignAddresses("mx.example.net");
  resolver_.FailTlsa("mx.example.net", 25, absl::UnavailableError("bogus"));
  DeliverSome();
  EXPECT_EQ(hop_.connections(), 0);
  ASSERT_THAT(counted_, SizeIs(1));
  EXPECT_EQ(Failed(0), ResultType::kDnssecInvalid);
}

TEST_F(LaneReportsTest, WhatIsNotAboutTlsIsNotCounted) {
  hop_.answer = [](const Heard&) { return Said{"421 4.3.2 not now"}; };
  DeliverSome();
  EXPECT_THAT(counted_, IsEmpty());
}

// As reports themselves are (RFC 8460 §3).
TEST_F(LaneReportsTest, MailForWhichTlsIsOptionalIsNotCounted) {
  tls_optional_ = true;
  OfferNoTls();
  DeliverSome();
  EXPECT_EQ(OutcomeOf(0), smtp::RecipientResult::Outcome::kDelivered);
  EXPECT_THAT(counted_, IsEmpty());
}

}  // namespace
}  // namespace sluice::relay
