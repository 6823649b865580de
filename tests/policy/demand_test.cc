#include "policy/demand.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

TEST(DemandTest, OutboundFollowsTheLevel) {
  Entry entry;
  entry.level = Level::kVerify;
  entry.match_names = {"mx.example.net"};
  OutboundDemand demand = OutboundDemandOf(entry);
  EXPECT_TRUE(demand.enforced);
  EXPECT_TRUE(demand.accept_mx_host);
  EXPECT_FALSE(demand.accept_domain);
  EXPECT_EQ(demand.names, entry.match_names);

  entry.level = Level::kSecure;
  entry.mode = Mode::kMonitor;
  demand = OutboundDemandOf(entry);
  EXPECT_FALSE(demand.enforced);
  EXPECT_FALSE(demand.accept_mx_host);
  EXPECT_TRUE(demand.accept_domain);
}

TEST(DemandTest, InboundCarriesTheAction) {
  Entry entry;
  entry.inbound_action = InboundAction::kReject;
  entry.minimum_version = TlsVersion::kTls13;
  const InboundDemand demand = InboundDemandOf(entry);
  EXPECT_TRUE(demand.enforced);
  EXPECT_EQ(demand.action, InboundAction::kReject);
  EXPECT_EQ(demand.minimum_version, TlsVersion::kTls13);
}

TEST(DemandTest, EveryPartOfADemandIsInItsDigest) {
  std::set<std::string> digests;
  OutboundDemand demand;
  const auto add = [&] { EXPECT_TRUE(digests.insert(demand.Digest()).second); };
  add();
  demand.enforced = false;
  add();
  demand.level = Level::kSecure;
  add();
  demand.minimum_version = TlsVersion::kTls13;
  add();
  demand.accept_mx_host = true;
  add();
  demand.accept_domain = true;
  add();
  demand.names = {"a"};
  add();
  demand.fingerprints = {"a"};
  add();
  InboundDemand inbound;
  EXPECT_TRUE(digests.insert(inbound.Digest()).second);
  inbound.action = InboundAction::kReject;
  EXPECT_TRUE(digests.insert(inbound.Digest()).second);
  inbound.minimum_version = TlsVersion::kTls13;
  EXPECT_TRUE(digests.insert(inbound.Digest()).second);
  inbound.enforced = false;
  EXPECT_TRUE(digests.insert(inbound.Digest()).second);
}

TEST(DemandTest, DigestsAreTheSameOnEveryMachine) {
  EXPECT_EQ(OutboundDemand().Digest(), "8ccba3e925a5d726");
}

TEST(DemandDeathTest, AnEntryThatIsOffDemandsNothing) {
  Entry entry;
  entry.mode = Mode::kOff;
  EXPECT_DEATH(static_cast<void>(OutboundDemandOf(entry)), "check failed");
  EXPECT_DEATH(static_cast<void>(InboundDemandOf(entry)), "check failed");
}

}  // namespace
}  // namespace sluice::policy
