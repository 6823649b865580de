#include "engine/relay/network_set.h"

#include "gtest/gtest.h"

namespace sluice::relay {
namespace {

bool Contains(const NetworkSet& set, absl::string_view ip) {
  return set.Contains(*io::SocketAddress::FromIp(ip, 25));
}

TEST(NetworkSet, MatchesByPrefix) {
  const auto set = NetworkSet::Parse("10.0.0.0/8, 192.0.2.128/25,2001:db8::/33,198.51.100.7");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_TRUE(Contains(*set, "10.255.0.1"));
  EXPECT_FALSE(Contains(*set, "11.0.0.0"));
  EXPECT_TRUE(Contains(*set, "192.0.2.200"));
  EXPECT_FALSE(Contains(*set, "192.0.2.127"));
  EXPECT_TRUE(Contains(*set, "2001:db8:7fff::1"));
  EXPECT_FALSE(Contains(*set, "2001:db8:8000::1"));
  EXPECT_TRUE(Contains(*set, "198.51.100.7"));
  EXPECT_FALSE(Contains(*set, "198.51.100.8"));
}

TEST(NetworkSet, AMappedAddressIsTheIpv4Address) {
  const auto set = NetworkSet::Parse("127.0.0.0/8");
  EXPECT_TRUE(Contains(*set, "::ffff:127.0.0.1"));
  EXPECT_FALSE(Contains(*set, "::1"));
}

TEST(NetworkSet, ZeroBitsIsEverythingOfTheFamily) {
  const auto set = NetworkSet::Parse("0.0.0.0/0");
  EXPECT_TRUE(Contains(*set, "203.0.113.9"));
  EXPECT_FALSE(Contains(*set, "2001:db8::1"));
  EXPECT_TRUE(NetworkSet::Parse("")->empty());
}

TEST(NetworkSet, RefusesWithTheReason) {
  EXPECT_EQ(NetworkSet::Parse("10.1.2.3/8").status().message(),
            "'10.1.2.3/8' has bits set beyond its prefix of 8; write the network's own address");
  EXPECT_EQ(NetworkSet::Parse("::1,10.0.0.0/33").status().message(),
            "'10.0.0.0/33': the prefix length is a number from 0 to 32");
  EXPECT_EQ(NetworkSet::Parse("localhost").status().message(),
            "'localhost' is not a network such as 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32");
}

}  // namespace
}  // namespace sluice::relay
