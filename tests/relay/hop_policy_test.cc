// The strictest of the list and of DANE.
#include "engine/relay/hop_policy.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/test_entries.h"

namespace sluice::relay {
namespace {

using State = DaneFinding::State;
using testing::ElementsAre;

constexpr char kHost[] = "mx.example.net";

OutboundPolicy OnNoEntry(DefaultLevel level = DefaultLevel::kMay) {
  OutboundPolicy policy;
  policy.domain = "example.com";
  if (level == DefaultLevel::kEncrypt) policy.force = OutboundPolicy::Force::kMust;
  return policy;
}

OutboundPolicy Entry(const char* level, const char* mode = "enforce") {
  return OutboundPolicyOf(EntryOf({{"pattern", "example.com"}, {"level", level}, {"mode", mode}}),
                          "example.com");
}

DaneFinding Dane(State state) {
  DaneFinding dane;
  dane.state = state;
  if (state == State::kUsable) {
    dane.demand.records = {{3, 1, 1, std::string(32, 'k')}};
    dane.demand.names = {kHost};
  }
  if (state == State::kUsable || state == State::kUnusable) dane.base_domain = "base.example.net";
  dane.detail = "why";
  return dane;
}

TEST(HopPolicy, WithoutDaneTheListDecides) {
  const HopPolicy may = HopPolicyOf(OnNoEntry(), kHost, Dane(State::kAbsent));
  EXPECT_FALSE(may.demand.mandatory);
  EXPECT_FALSE(may.demand.peer.authenticates());
  EXPECT_EQ(may.demand.peer.server_name, kHost);
  EXPECT_EQ(may.decided_by, "default");

  const HopPolicy by_default =
      HopPolicyOf(OnNoEntry(DefaultLevel::kEncrypt), kHost, Dane(State::kAbsent));
  EXPECT_TRUE(by_default.demand.mandatory);
  EXPECT_EQ(by_default.decided_by, "default");

  const HopPolicy verify = HopPolicyOf(Entry("verify"), kHost, Dane(State::kAbsent));
  EXPECT_TRUE(verify.demand.mandatory);
  EXPECT_THAT(verify.demand.peer.names, ElementsAre(kHost));
  EXPECT_EQ(verify.decided_by, "entry");
}

// RFC 8689 §4.1.
TEST(HopPolicy, TlsRequiredNoSetsAsideWhatThePartnerPublishes) {
  for (const State state : {State::kUsable, State::kUnusable, State::kUnknown}) {
    OutboundPolicy policy = OnNoEntry();
    policy.tls_optional = true;
    const HopPolicy may = HopPolicyOf(policy, kHost, Dane(state));
    EXPECT_FALSE(may.demand.mandatory);
    EXPECT_FALSE(may.demand.unfit.has_value());
    EXPECT_EQ(may.decided_by, "default");

    policy = Entry("encrypt");
    policy.tls_optional = true;
    EXPECT_TRUE(HopPolicyOf(policy, kHost, Dane(state)).demand.mandatory);
  }
  OutboundPolicy dane_only = Entry("dane-only");
  dane_only.tls_optional = true;
  EXPECT_TRUE(HopPolicyOf(dane_only, kHost, Dane(State::kUsable)).demand.peer.dane.has_value());
  EXPECT_TRUE(HopPolicyOf(dane_only, kHost, Dane(State::kAbsent)).demand.unfit.has_value());
}

// RFC 8689 §4.2.1.
TEST(HopPolicy, RequireTlsTakesOneProofOfTheServer) {
  OutboundPolicy policy = OnNoEntry(DefaultLevel::kEncrypt);
  policy.require_tls = true;
  const HopPolicy named = HopPolicyOf(policy, kHost, Dane(State::kUnusable));
  EXPECT_EQ(named.demand.peer.check, tls::PeerCheck::kNames);
  const HopPolicy dane = HopPolicyOf(policy, kHost, Dane(State::kUsable));
  EXPECT_EQ(dane.demand.peer.check, tls::PeerCheck::kNone);
  EXPECT_TRUE(dane.demand.peer.dane.has_value());
  policy = Entry("verify");
  policy.require_tls = true;
  EXPECT_EQ(HopPolicyOf(policy, kHost, Dane(State::kUsable)).demand.peer.check,
            tls::PeerCheck::kNames);
}

TEST(HopPolicy, RecordsAreADemandOnAnyDomain) {
  for (const OutboundPolicy& policy :
       {OnNoEntry(), OnNoEntry(DefaultLevel::kEncrypt), Entry("encrypt")}) {
    const HopPolicy dane = HopPolicyOf(policy, kHost, Dane(State::kUsable));
    EXPECT_TRUE(dane.demand.mandatory);
    EXPECT_EQ(dane.demand.peer.dane, Dane(State::kUsable).demand);
    EXPECT_EQ(dane.demand.peer.server_name, "base.example.net");
    EXPECT_EQ(dane.decided_by, "dane");
    EXPECT_FALSE(dane.demand.unfit.has_value());
  }
}

TEST(HopPolicy, WhatTheEntryAsksOfTheCertificateHoldsAsWell) {
  const HopPolicy both = HopPolicyOf(Entry("verify"), kHost, Dane(State::kUsable));
  EXPECT_EQ(both.demand.peer.check, tls::PeerCheck::kNames);
  EXPECT_THAT(both.demand.peer.names, ElementsAre(kHost));
  EXPECT_TRUE(both.demand.peer.dane.has_value());
  EXPECT_EQ(both.decided_by, "entry+dane");
}

TEST(HopPolicy, RecordsThatAreUnusableStillDemandTls) {
  const HopPolicy dane = HopPolicyOf(OnNoEntry(), kHost, Dane(State::kUnusable));
  EXPECT_TRUE(dane.demand.mandatory);
  EXPECT_FALSE(dane.demand.peer.authenticates());
  EXPECT_EQ(dane.demand.peer.server_name, "base.example.net");
  EXPECT_EQ(dane.decided_by, "dane");
  EXPECT_EQ(HopPolicyOf(Entry("encrypt"), kHost, Dane(State::kUnusable)).decided_by, "entry");
}

TEST(HopPolicy, AHostOfWhichNothingCanBeLearntTakesNoMail) {
  for (const OutboundPolicy& policy : {OnNoEntry(), Entry("encrypt"), Entry("verify")}) {
    const HopPolicy unknown = HopPolicyOf(policy, kHost, Dane(State::kUnknown));
    EXPECT_TRUE(unknown.demand.mandatory);
    ASSERT_TRUE(unknown.demand.unfit.has_value());
    EXPECT_EQ(unknown.demand.unfit->stage, smtp::Stage::kDns);
    EXPECT_EQ(unknown.demand.unfit->kind, smtp::Failure::Kind::kTransient);
    EXPECT_EQ(unknown.demand.unfit->tls_reason, tls::Reason::kDnssecInvalid);
    EXPECT_EQ(unknown.demand.unfit->detail, "why");
  }
}

TEST(HopPolicy, DaneOnlyTakesNothingLess) {
  const HopPolicy usable = HopPolicyOf(Entry("dane-only"), kHost, Dane(State::kUsable));
  EXPECT_FALSE(usable.demand.unfit.has_value());
  EXPECT_TRUE(usable.demand.peer.dane.has_value());
  EXPECT_EQ(usable.decided_by, "entry+dane");

  const HopPolicy absent = HopPolicyOf(Entry("dane-only"), kHost, Dane(State::kAbsent));
  ASSERT_TRUE(absent.demand.unfit.has_value());
  EXPECT_EQ(absent.demand.unfit->tls_reason, tls::Reason::kDaneRequired);
  EXPECT_EQ(absent.demand.unfit->detail, "why");
  EXPECT_EQ(absent.decided_by, "entry");

  const HopPolicy unusable = HopPolicyOf(Entry("dane-only"), kHost, Dane(State::kUnusable));
  ASSERT_TRUE(unusable.demand.unfit.has_value());
  EXPECT_EQ(unusable.demand.unfit->tls_reason, tls::Reason::kTlsaInvalid);
}

TEST(HopPolicy, DaneOnlyThatIsMonitoredKeepsNothingBack) {
  const HopPolicy monitor = HopPolicyOf(Entry("dane-only", "monitor"), kHost, Dane(State::kAbsent));
  ASSERT_TRUE(monitor.monitored.has_value() && monitor.monitored->unfit.has_value());
  EXPECT_EQ(monitor.monitored->unfit->tls_reason, tls::Reason::kDaneRequired);
  EXPECT_FALSE(monitor.demand.unfit.has_value());
  EXPECT_FALSE(monitor.demand.mandatory);
}

TEST(HopPolicy, AMonitoredEntryIsTriedAndThenAsIfItWereNotThere) {
  const HopPolicy monitor = HopPolicyOf(Entry("verify", "monitor"), kHost, Dane(State::kAbsent));
  ASSERT_TRUE(monitor.monitored.has_value());
  EXPECT_TRUE(monitor.monitored->mandatory);
  EXPECT_EQ(monitor.monitored->peer.check, tls::PeerCheck::kNames);
  EXPECT_FALSE(monitor.demand.mandatory);
  EXPECT_FALSE(monitor.demand.peer.authenticates());
  EXPECT_EQ(monitor.decided_by, "default");
  EXPECT_FALSE(HopPolicyOf(Entry("verify"), kHost, Dane(State::kAbsent)).monitored.has_value());
}

TEST(HopPolicy, MonitoringTheEntryDoesNotSwitchDaneOff) {
  const HopPolicy monitor = HopPolicyOf(Entry("verify", "monitor"), kHost, Dane(State::kUsable));
  ASSERT_TRUE(monitor.monitored.has_value());
  EXPECT_EQ(monitor.monitored->peer.check, tls::PeerCheck::kNames);
  EXPECT_TRUE(monitor.monitored->peer.dane.has_value());
  EXPECT_TRUE(monitor.demand.mandatory);
  EXPECT_EQ(monitor.demand.peer.check, tls::PeerCheck::kNone);
  EXPECT_TRUE(monitor.demand.peer.dane.has_value());
  EXPECT_EQ(monitor.decided_by, "dane");
}

}  // namespace
}  // namespace sluice::relay
