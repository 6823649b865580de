// The strictest of the list, of DANE and of MTA-STS.
#include <string>
#include <utility>

#include "engine/relay/hop_policy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/test_entries.h"

namespace sluice::relay {
namespace {

using State = DaneFinding::State;
using testing::ElementsAre;

constexpr char kHost[] = "mx.example.net";

OutboundPolicy OnNoEntry() {
  OutboundPolicy policy;
  policy.domain = "example.com";
  return policy;
}

OutboundPolicy Entry(const char* level, const char* mode = "enforce") {
  return OutboundPolicyOf(EntryOf({{"pattern", "example.com"}, {"level", level}, {"mode", mode}}),
                          "example.com");
}

DaneFinding Dane(State state) {
  DaneFinding dane;
  dane.state = state;
  if (state == State::kUsable) dane.demand.records = {{3, 1, 1, std::string(32, 'k')}};
  return dane;
}

sts::Policy Policy(sts::Mode mode, std::string mx = "*.example.net") {
  sts::Policy policy;
  policy.mode = mode;
  policy.mx = {std::move(mx)};
  return policy;
}

HopPolicy Of(const OutboundPolicy& entry, const sts::Policy& policy, State dane = State::kAbsent) {
  return HopPolicyOf(entry, kHost, Dane(dane), &policy);
}

TEST(HopPolicyMtaSts, AnEnforcedPolicyIsADemandOnAnyDomain) {
  for (const OutboundPolicy& entry : {OnNoEntry(), Entry("encrypt")}) {
    const HopPolicy hop = Of(entry, Policy(sts::Mode::kEnforce));
    EXPECT_TRUE(hop.demand.mandatory);
    EXPECT_EQ(hop.demand.peer.mta_sts_host, kHost);
    EXPECT_TRUE(hop.demand.peer.authenticates());
    EXPECT_FALSE(hop.demand.unfit.has_value());
    EXPECT_FALSE(hop.monitored.has_value());
    EXPECT_EQ(hop.decided_by, "mta-sts");
  }
}

// RFC 8689 §4.1: the sender's TLS-Required: No.
TEST(HopPolicyMtaSts, TheSenderMaySetItAside) {
  OutboundPolicy entry = OnNoEntry();
  entry.tls_optional = true;
  const HopPolicy hop = Of(entry, Policy(sts::Mode::kEnforce, "mx.example.org"));
  EXPECT_FALSE(hop.demand.mandatory);
  EXPECT_FALSE(hop.demand.unfit.has_value());
  EXPECT_EQ(hop.decided_by, "default");
}

TEST(HopPolicyMtaSts, WhatTheEntryAsksOfTheCertificateHoldsAsWell) {
  const HopPolicy hop = Of(Entry("secure"), Policy(sts::Mode::kEnforce));
  EXPECT_EQ(hop.demand.peer.mta_sts_host, kHost);
  EXPECT_EQ(hop.demand.peer.check, tls::PeerCheck::kNames);
  EXPECT_THAT(hop.demand.peer.names, ElementsAre("example.com"));
  EXPECT_EQ(hop.decided_by, "entry+mta-sts");
}

TEST(HopPolicyMtaSts, AHostThatIsNotNamedTakesNoMail) {
  const HopPolicy hop = Of(OnNoEntry(), Policy(sts::Mode::kEnforce, "mx.example.org"));
  EXPECT_TRUE(hop.demand.mandatory);
  ASSERT_TRUE(hop.demand.unfit.has_value());
  EXPECT_EQ(hop.demand.unfit->tls_reason, tls::Reason::kStsMxMismatch);
  EXPECT_EQ(hop.demand.unfit->kind, smtp::Failure::Kind::kTransient);
  EXPECT_EQ(hop.demand.unfit->detail,
            "the MTA-STS policy of the domain names mx.example.org, and not mx.example.net");
}

TEST(HopPolicyMtaSts, OfAPolicyWithManyHostsSomeAreTold) {
  sts::Policy policy = Policy(sts::Mode::kEnforce, "a.example");
  policy.mx.resize(5000, "b.example");
  EXPECT_EQ(Of(OnNoEntry(), policy).demand.unfit->detail,
            "the MTA-STS policy of the domain names a.example, b.example, b.example, b.example, "
            "b.example, b.example, b.example, b.example and 4992 more, and not mx.example.net");
}

TEST(HopPolicyMtaSts, WhereDaneAuthenticatesTheHostItDecides) {
  for (const char* const mx : {kHost, "mx.example.org"}) {
    const HopPolicy hop = Of(OnNoEntry(), Policy(sts::Mode::kEnforce, mx), State::kUsable);
    EXPECT_TRUE(hop.demand.peer.dane.has_value());
    EXPECT_EQ(hop.demand.peer.mta_sts_host, "");
    EXPECT_FALSE(hop.demand.unfit.has_value());
    EXPECT_EQ(hop.decided_by, "dane");
  }
}

TEST(HopPolicyMtaSts, NothingOverridesDaneThatFails) {
  const HopPolicy hop = Of(OnNoEntry(), Policy(sts::Mode::kEnforce), State::kUnknown);
  ASSERT_TRUE(hop.demand.unfit.has_value());
  EXPECT_EQ(hop.demand.unfit->tls_reason, tls::Reason::kDnssecInvalid);
  EXPECT_EQ(hop.decided_by, "dane");
}

TEST(HopPolicyMtaSts, WhereDaneCannotAuthenticateTheHostMtaStsDoes) {
  const HopPolicy hop = Of(OnNoEntry(), Policy(sts::Mode::kEnforce), State::kUnusable);
  EXPECT_EQ(hop.demand.peer.mta_sts_host, kHost);
  EXPECT_EQ(hop.decided_by, "mta-sts");
}

TEST(HopPolicyMtaSts, TestingIsTriedAndThenAsIfItWereNotThere) {
  const HopPolicy hop = Of(OnNoEntry(), Policy(sts::Mode::kTesting));
  ASSERT_TRUE(hop.monitored.has_value());
  EXPECT_TRUE(hop.monitored->mandatory);
  EXPECT_EQ(hop.monitored->peer.mta_sts_host, kHost);
  EXPECT_FALSE(hop.demand.mandatory);
  EXPECT_FALSE(hop.demand.peer.authenticates());
  EXPECT_EQ(hop.decided_by, "default");

  const HopPolicy mismatch = Of(OnNoEntry(), Policy(sts::Mode::kTesting, "mx.example.org"));
  EXPECT_EQ(mismatch.monitored->unfit->tls_reason, tls::Reason::kStsMxMismatch);
  EXPECT_FALSE(mismatch.demand.unfit.has_value());
  EXPECT_FALSE(Of(OnNoEntry(), Policy(sts::Mode::kTesting), State::kUsable).monitored.has_value());
}

TEST(HopPolicyMtaSts, TestingTakesNothingFromTheEntry) {
  const HopPolicy hop = Of(Entry("verify"), Policy(sts::Mode::kTesting));
  EXPECT_EQ(hop.monitored->peer.mta_sts_host, kHost);
  EXPECT_EQ(hop.monitored->peer.check, tls::PeerCheck::kNames);
  EXPECT_TRUE(hop.demand.mandatory);
  EXPECT_EQ(hop.demand.peer.check, tls::PeerCheck::kNames);
  EXPECT_EQ(hop.demand.peer.mta_sts_host, "");
  EXPECT_EQ(hop.decided_by, "entry");
}

TEST(HopPolicyMtaSts, MonitoringTheEntryDoesNotSwitchThePolicyOff) {
  const HopPolicy hop = Of(Entry("secure", "monitor"), Policy(sts::Mode::kEnforce));
  ASSERT_TRUE(hop.monitored.has_value());
  EXPECT_EQ(hop.monitored->peer.mta_sts_host, kHost);
  EXPECT_THAT(hop.monitored->peer.names, ElementsAre("example.com"));
  EXPECT_TRUE(hop.demand.mandatory);
  EXPECT_EQ(hop.demand.peer.mta_sts_host, kHost);
  EXPECT_EQ(hop.demand.peer.check, tls::PeerCheck::kNone);
  EXPECT_EQ(hop.decided_by, "mta-sts");
}

TEST(HopPolicyMtaSts, ModeNoneIsAsWithout) {
  const HopPolicy hop = Of(OnNoEntry(), Policy(sts::Mode::kNone, "mx.example.org"));
  EXPECT_FALSE(hop.demand.mandatory);
  EXPECT_FALSE(hop.demand.unfit.has_value());
  EXPECT_FALSE(hop.monitored.has_value());
  EXPECT_EQ(hop.decided_by, "default");
}

}  // namespace
}  // namespace sluice::relay
