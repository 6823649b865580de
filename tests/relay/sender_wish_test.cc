// REQUIRETLS and TLS-Required: No, over every kind of entry: a wish makes a demand stricter, never
// weaker.
#include "engine/relay/sender_wish.h"

#include <memory>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/table.h"
#include "tests/relay/test_entries.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using Force = OutboundPolicy::Force;

OutboundPolicy PolicyOf(Fields fields, DefaultLevel level = DefaultLevel::kMay) {
  const auto table = policy::Table::Load({EntryOf(fields)}, 1);
  EXPECT_TRUE(table.ok()) << table.status();
  return OutboundPolicyOf(*(*table)->current(), "example.com", level);
}

queue::Envelope Wishing(bool require_tls, bool tls_optional) {
  queue::Envelope envelope;
  envelope.sender = "alice@sender.example";
  envelope.destination = "example.com";
  envelope.require_tls = require_tls;
  envelope.tls_optional = tls_optional;
  return envelope;
}

TEST(SenderWishTest, RequireTlsWantsTheServersOwnCertificate) {
  for (const Fields& fields : {Fields{{"pattern", "other.example"}}, Fields{{"pattern", "*"}},
                               Fields{{"pattern", "*"}, {"mode", "monitor"}}}) {
    const OutboundPolicy policy = WithWishOf(Wishing(true, false), PolicyOf(fields));
    EXPECT_EQ(policy.force, Force::kMust);
    EXPECT_TRUE(policy.require_tls);
    const tls::PeerDemand demand = policy.DemandOf("mx.other.net");
    EXPECT_EQ(demand.check, tls::PeerCheck::kNames);
    EXPECT_THAT(demand.names, ElementsAre("mx.other.net"));
    // A route to an address: no MX record has led there.
    EXPECT_THAT(policy.DemandOf("192.0.2.1").names, ElementsAre("example.com"));
  }
}

TEST(SenderWishTest, RequireTlsLeavesAStricterEntryAsItIs) {
  const OutboundPolicy secure =
      WithWishOf(Wishing(true, false),
                 PolicyOf({{"pattern", "*"}, {"level", "secure"}, {"minimum_version", "1.3"}}));
  EXPECT_THAT(secure.DemandOf("mx.other.net").names, ElementsAre("example.com"));
  EXPECT_EQ(secure.DemandOf("mx.other.net").minimum_version, tls::Version::kTls13);
  const std::string fingerprint(64, 'a');
  const Fields pinned = {
      {"pattern", "*"}, {"level", "fingerprint"}, {"fingerprints", fingerprint.c_str()}};
  EXPECT_EQ(WithWishOf(Wishing(true, false), PolicyOf(pinned)).DemandOf("mx.other.net").check,
            tls::PeerCheck::kFingerprint);
}

TEST(SenderWishTest, OfTheNullSenderRequireTlsDemandsNothing) {
  queue::Envelope notification = Wishing(true, false);
  notification.sender = "";
  const OutboundPolicy policy = WithWishOf(notification, PolicyOf({{"pattern", "other.example"}}));
  EXPECT_EQ(policy.force, Force::kMay);
  EXPECT_FALSE(policy.require_tls);
}

TEST(SenderWishTest, TlsRequiredNoWeakensNothingOfTheGatewaysOwn) {
  const queue::Envelope wishing = Wishing(false, true);
  for (const Fields& fields :
       {Fields{{"pattern", "*"}}, Fields{{"pattern", "*"}, {"level", "secure"}}}) {
    const OutboundPolicy before = PolicyOf(fields);
    const OutboundPolicy policy = WithWishOf(wishing, before);
    EXPECT_TRUE(policy.tls_optional);
    EXPECT_EQ(policy.force, Force::kMust);
    EXPECT_EQ(policy.demand.Digest(), before.demand.Digest());
  }
  EXPECT_EQ(
      WithWishOf(wishing, PolicyOf({{"pattern", "other.example"}}, DefaultLevel::kEncrypt)).force,
      Force::kMust);
}

TEST(SenderWishTest, MailSharesAConnectionOnlyWithMailOfTheSameWish) {
  for (const Fields& fields :
       {Fields{{"pattern", "other.example"}}, Fields{{"pattern", "*"}, {"level", "verify"}}}) {
    const OutboundPolicy policy = PolicyOf(fields);
    const std::string digests[] = {WithWishOf(Wishing(false, false), policy).Digest(),
                                   WithWishOf(Wishing(true, false), policy).Digest(),
                                   WithWishOf(Wishing(false, true), policy).Digest()};
    EXPECT_EQ(digests[0], policy.Digest());
    EXPECT_NE(digests[0], digests[1]);
    EXPECT_NE(digests[0], digests[2]);
    EXPECT_NE(digests[1], digests[2]);
  }
}

TEST(SenderWishTest, AServerWithoutRequireTlsIsNoneForTheMessage) {
  smtp::SessionFacts facts;
  OutboundPolicy policy;
  EXPECT_FALSE(Unmet(policy, facts).has_value());
  policy.require_tls = true;
  const std::optional<smtp::Failure> failure = Unmet(policy, facts);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->kind, smtp::Failure::Kind::kPermanent);
  EXPECT_FALSE(failure->tls_reason.has_value());
  EXPECT_TRUE(failure->local);
  EXPECT_EQ(failure->reply->status, (smtp::EnhancedStatus{5, 7, 30}));
  facts.capabilities.require_tls = true;
  EXPECT_FALSE(Unmet(policy, facts).has_value());
}

}  // namespace
}  // namespace sluice::relay
