#include "engine/relay/outbound_policy.h"

#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/table.h"
#include "tests/relay/test_entries.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

OutboundPolicy PolicyOf(const policy::Entry& entry, absl::string_view domain,
                        DefaultLevel level = DefaultLevel::kMay) {
  const auto table = policy::Table::Load({entry}, 1);
  EXPECT_TRUE(table.ok()) << table.status();
  return OutboundPolicyOf(*(*table)->current(), domain, level);
}

TEST(OutboundPolicy, OnNoEntryTheDefaultHolds) {
  const policy::Entry other = EntryOf({{"pattern", "example.org"}});
  const OutboundPolicy may = PolicyOf(other, "example.com");
  EXPECT_EQ(may.force, OutboundPolicy::Force::kMay);
  EXPECT_EQ(may.pattern, "");
  const OutboundPolicy must = PolicyOf(other, "example.com", DefaultLevel::kEncrypt);
  EXPECT_EQ(must.force, OutboundPolicy::Force::kMust);
  EXPECT_EQ(must.DemandOf("mx.example.com").check, tls::PeerCheck::kNone);
  EXPECT_NE(may.Digest(), must.Digest());
}

TEST(OutboundPolicy, EachLevelDemandsItsOwnNames) {
  const OutboundPolicy encrypt = PolicyOf(EntryOf({{"pattern", ".example.com"}}), "Example.com");
  EXPECT_EQ(encrypt.force, OutboundPolicy::Force::kMust);
  EXPECT_EQ(encrypt.pattern, ".example.com");
  EXPECT_EQ(encrypt.DemandOf("mx.other.net").check, tls::PeerCheck::kNone);
  EXPECT_EQ(encrypt.DemandOf("mx.other.net").server_name, "mx.other.net");

  const OutboundPolicy verify =
      PolicyOf(EntryOf({{"pattern", "*"}, {"level", "verify"}}), "example.com");
  EXPECT_EQ(verify.DemandOf("mx.other.net").check, tls::PeerCheck::kNames);
  EXPECT_THAT(verify.DemandOf("mx.other.net").names, ElementsAre("mx.other.net"));

  const OutboundPolicy secure =
      PolicyOf(EntryOf({{"pattern", "*"}, {"level", "secure"}}), "Example.COM");
  EXPECT_THAT(secure.DemandOf("mx.other.net").names, ElementsAre("example.com"));
}

TEST(OutboundPolicy, AnAddressIsNoNameOfACertificate) {
  const OutboundPolicy verify =
      PolicyOf(EntryOf({{"pattern", "*"}, {"level", "verify"}, {"match_names", "mx.example.net"}}),
               "example.com");
  const tls::PeerDemand demand = verify.DemandOf("192.0.2.1");
  EXPECT_EQ(demand.server_name, "");
  EXPECT_THAT(demand.names, ElementsAre("mx.example.net"));
  EXPECT_THAT(PolicyOf(EntryOf({{"pattern", "*"}, {"level", "verify"}}), "example.com")
                  .DemandOf("192.0.2.1")
                  .names,
              IsEmpty());  // nothing can match: the connection is refused, not let through
}

TEST(OutboundPolicy, DomainsShareADigestOnlyWhereTheyMayShareAConnection) {
  const policy::Entry encrypt = EntryOf({{"pattern", "*"}});
  EXPECT_EQ(PolicyOf(encrypt, "a.example").Digest(), PolicyOf(encrypt, "b.example").Digest());
  const policy::Entry secure = EntryOf({{"pattern", "*"}, {"level", "secure"}});
  EXPECT_NE(PolicyOf(secure, "a.example").Digest(), PolicyOf(secure, "b.example").Digest());
  const policy::Entry monitor = EntryOf({{"pattern", "*"}, {"mode", "monitor"}});
  EXPECT_NE(PolicyOf(encrypt, "a.example").Digest(), PolicyOf(monitor, "a.example").Digest());
  EXPECT_EQ(PolicyOf(monitor, "a.example").force, OutboundPolicy::Force::kMonitor);
}

TEST(OutboundPolicy, AnEntryThatIsOffExempts) {
  const auto table =
      policy::Table::Load({EntryOf({{"pattern", "*"}}),
                           EntryOf({{"pattern", "old.example"}, {"mode", "off"}})},
                          1);
  EXPECT_EQ(OutboundPolicyOf(*(*table)->current(), "old.example", DefaultLevel::kMay).force,
            OutboundPolicy::Force::kMay);
}

}  // namespace
}  // namespace sluice::relay
