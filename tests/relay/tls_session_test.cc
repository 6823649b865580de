#include "engine/relay/tls_session.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using tlsrpt::PolicyType;
using tlsrpt::ResultType;

class TlsSessionTest : public ::testing::Test {
 protected:
  TlsSessionTest() {
    target_.host = target_.name = "example.com";
    hop_.host = "mx.example.net";
    hop_.address = *io::SocketAddress::FromIp("192.0.2.1", 25);
    hop_.dane.base_domains = {"mx.example.net"};
    facts_.local = *io::SocketAddress::FromIp("198.51.100.7", 40'000);
    facts_.server_name = "helo.example.net";
    facts_.tls.emplace();
  }

  std::optional<CountedSession> Counted() const {
    return CountedSessionOf(
        {target_, hop_, dane_, mta_sts_, connected_ ? &facts_ : nullptr, failure_});
  }
  void Fail(tls::Reason reason, std::string detail = "") {
    failure_ = smtp::Failure{
        .stage = smtp::Stage::kHandshake, .tls_reason = reason, .detail = std::move(detail)};
  }
  void UseSts(sts::Mode mode) {
    auto policy = std::make_shared<sts::KeptPolicy>();
    policy->file = "version: STSv1\r\nmode: enforce\n\nmx: *.example.net\n";
    policy->policy.mode = mode;
    policy->policy.mx = {"*.example.net"};
    mta_sts_.policy = std::move(policy);
  }

  HopTarget target_;
  HopAddress hop_;
  DaneFinding dane_;
  sts::Finding mta_sts_;
  smtp::SessionFacts facts_;
  bool connected_ = true;
  std::optional<smtp::Failure> failure_;
};

TEST_F(TlsSessionTest, WithoutAPolicyTlsIsASuccess) {
  const std::optional<CountedSession> counted = Counted();
  ASSERT_TRUE(counted.has_value());
  EXPECT_EQ(counted->policy,
            (tlsrpt::Policy{.type = PolicyType::kNoPolicyFound, .domain = "example.com"}));
  EXPECT_FALSE(counted->failure.has_value());
}

TEST_F(TlsSessionTest, AFailureSaysWhereAndWhat) {
  Fail(tls::Reason::kUntrusted, "self-signed");
  EXPECT_EQ(Counted().value().failure, (tlsrpt::Failure{.type = ResultType::kCertificateNotTrusted,
                                                        .sending_ip = "198.51.100.7",
                                                        .mx_host = "mx.example.net",
                                                        .mx_helo = "helo.example.net",
                                                        .receiving_ip = "192.0.2.1",
                                                        .reason_code = "untrusted: self-signed"}));
}

TEST_F(TlsSessionTest, EachReasonHasItsResult) {
  const std::pair<tls::Reason, ResultType> results[] = {
      {tls::Reason::kNotOffered, ResultType::kStarttlsNotSupported},
      {tls::Reason::kRefused, ResultType::kStarttlsNotSupported},
      {tls::Reason::kNameMismatch, ResultType::kCertificateHostMismatch},
      {tls::Reason::kExpiredCertificate, ResultType::kCertificateExpired},
      {tls::Reason::kAlert, ResultType::kValidationFailure},
      {tls::Reason::kDaneMismatch, ResultType::kValidationFailure},
      {tls::Reason::kStsMxMismatch, ResultType::kValidationFailure},
      {tls::Reason::kTlsaInvalid, ResultType::kTlsaInvalid},
      {tls::Reason::kDnssecInvalid, ResultType::kDnssecInvalid},
      {tls::Reason::kDaneRequired, ResultType::kDaneRequired}};
  for (const auto& [reason, result] : results) {
    Fail(reason);
    const tlsrpt::Failure failure = Counted().value().failure.value();
    EXPECT_EQ(failure.type, result) << tls::ReasonName(reason);
    EXPECT_EQ(failure.reason_code, tls::ReasonName(reason));
  }
}

TEST_F(TlsSessionTest, GoingOnInClearIsAFailure) {
  facts_.tls.reset();
  facts_.in_clear_because = tls::Failure{.reason = tls::Reason::kNotOffered, .detail = ""};
  EXPECT_EQ(Counted().value().failure.value().type, ResultType::kStarttlsNotSupported);
}

TEST_F(TlsSessionTest, WhatPolicyForbidsIsCountedWithoutAConnection) {
  dane_.state = DaneFinding::State::kUnknown;
  connected_ = false;
  Fail(tls::Reason::kDnssecInvalid, "bogus");
  const CountedSession counted = Counted().value();
  EXPECT_EQ(counted.policy,
            (tlsrpt::Policy{.type = PolicyType::kTlsa, .domain = "mx.example.net"}));
  EXPECT_EQ(counted.failure->type, ResultType::kDnssecInvalid);
  EXPECT_EQ(counted.failure->sending_ip, "");
  EXPECT_EQ(counted.failure->receiving_ip, "192.0.2.1");
}

TEST_F(TlsSessionTest, WhatFailsBeforeOrBehindTlsIsNoFailureOfIt) {
  facts_.tls.reset();
  failure_ = smtp::Failure{.stage = smtp::Stage::kConnect};
  EXPECT_FALSE(Counted().has_value());
  facts_.tls.emplace();
  failure_ = smtp::Failure{.stage = smtp::Stage::kPostEhlo};
  EXPECT_FALSE(Counted().value().failure.has_value());
}

TEST_F(TlsSessionTest, OnlyMailByMxIsCounted) {
  target_.by_mx = false;
  EXPECT_FALSE(Counted().has_value());
  target_.by_mx = true;
  target_.host = "[192.0.2.1]";
  EXPECT_FALSE(Counted().has_value());
}

TEST_F(TlsSessionTest, DaneComesBeforeMtaSts) {
  UseSts(sts::Mode::kEnforce);
  dane_.state = DaneFinding::State::kUsable;
  dane_.base_domain = "real.example.net";
  dane_.texts = {"3 1 1 ab"};
  const CountedSession counted = Counted().value();
  EXPECT_EQ(counted.policy,
            (tlsrpt::Policy{
                .type = PolicyType::kTlsa, .domain = "real.example.net", .strings = {"3 1 1 ab"}}));
  EXPECT_FALSE(counted.failure.has_value());
}

TEST_F(TlsSessionTest, RecordsThatCannotBeUsedAreAFailureThoughTlsIsThere) {
  dane_.state = DaneFinding::State::kUnusable;
  dane_.base_domain = "mx.example.net";
  dane_.detail = "0 of 1 TLSA records can be used";
  const tlsrpt::Failure failure = Counted().value().failure.value();
  EXPECT_EQ(failure.type, ResultType::kTlsaInvalid);
  EXPECT_EQ(failure.reason_code, dane_.detail);
  Fail(tls::Reason::kNotOffered);
  EXPECT_EQ(Counted().value().failure.value().type, ResultType::kStarttlsNotSupported);
}

TEST_F(TlsSessionTest, AnMtaStsPolicyStandsInTheReportAsItWasServed) {
  UseSts(sts::Mode::kTesting);
  const CountedSession counted = Counted().value();
  EXPECT_EQ(counted.policy.type, PolicyType::kSts);
  EXPECT_EQ(counted.policy.domain, "example.com");
  EXPECT_THAT(counted.policy.strings,
              ElementsAre("version: STSv1", "mode: enforce", "mx: *.example.net"));
  EXPECT_THAT(counted.policy.mx_hosts, ElementsAre("*.example.net"));
  UseSts(sts::Mode::kNone);
  EXPECT_EQ(Counted().value().policy.type, PolicyType::kNoPolicyFound);
}

TEST_F(TlsSessionTest, APolicyThatCannotBeHadIsAFailureThoughTlsIsThere) {
  const std::pair<sts::Fault, ResultType> results[] = {
      {sts::Fault::kFetchError, ResultType::kStsPolicyFetchError},
      {sts::Fault::kInvalid, ResultType::kStsPolicyInvalid},
      {sts::Fault::kWebPkiInvalid, ResultType::kStsWebPkiInvalid}};
  for (const auto& [fault, result] : results) {
    mta_sts_.fault = fault;
    mta_sts_.detail = "why";
    const CountedSession counted = Counted().value();
    EXPECT_EQ(counted.policy.type, PolicyType::kSts);
    EXPECT_THAT(counted.policy.strings, IsEmpty());
    EXPECT_EQ(counted.failure->type, result);
    EXPECT_EQ(counted.failure->reason_code, "why");
  }
  UseSts(sts::Mode::kEnforce);  // one is kept: that holds
  EXPECT_FALSE(Counted().value().failure.has_value());
}

}  // namespace
}  // namespace sluice::relay
