// What is shown of this gateway to a next hop, and who says so.
#include "engine/relay/identity.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/test_entries.h"

namespace sluice::relay {
namespace {

using testing::HasSubstr;

io::SocketAddress At(absl::string_view ip) { return *io::SocketAddress::FromIp(ip, 25); }

class IdentityTest : public testing::Test {
 protected:
  void Route(absl::string_view text) {
    settings_.routes = *RouteTable::Build({*RouteTable::ParseRoute(text)});
  }
  HopTarget Target() const { return HopTargetOf(settings_.routes, "example.com", 25); }
  static OutboundPolicy Policy(const char* source_addresses) {
    return OutboundPolicyOf(
        EntryOf({{"pattern", ".example.com"}, {"source_addresses", source_addresses}}),
        "example.com");
  }
  Identity Of(const OutboundPolicy& policy) const {
    return IdentityOf(settings_, Target(), policy);
  }

  Settings settings_;
};

TEST_F(IdentityTest, TheMostSpecificSaysWhereConnectionsComeFrom) {
  EXPECT_TRUE(Of(Policy("")).source.empty());
  EXPECT_EQ(Of(Policy("")).source_of, "");
  settings_.source = SourceAddresses::Of({"192.0.2.1", "2001:db8::1"});
  EXPECT_EQ(Of(Policy("")).source.ToString(), "192.0.2.1 2001:db8::1");
  EXPECT_EQ(Of(Policy("")).source_of, "--source_address");
  Route("example.com=mail.internal:25 from 192.0.2.2");
  EXPECT_EQ(Of(Policy("")).source.ToString(), "192.0.2.2");
  EXPECT_EQ(Of(Policy("")).source_of, "route mail.internal:25");
  EXPECT_EQ(Of(Policy("192.0.2.3")).source.ToString(), "192.0.2.3");
  EXPECT_EQ(Of(Policy("192.0.2.3")).source_of, "entry .example.com");
  EXPECT_EQ(IdentityOf(settings_, Target(), OutboundPolicy()).source_of, "route mail.internal:25");
}

TEST_F(IdentityTest, AFamilyForWhichTheDecidingLevelHasNoneIsLeftToTheSystem) {
  settings_.source = SourceAddresses::Of({"192.0.2.1", "2001:db8::1"});
  const Identity identity = Of(Policy("192.0.2.3"));
  EXPECT_EQ(identity.source.For(At("198.51.100.1"))->ip(), "192.0.2.3");
  EXPECT_EQ(identity.source.For(At("2001:db8::9")), std::nullopt);  // and not the flag's
  EXPECT_EQ(Of(Policy("")).source.For(At("2001:db8::9"))->ip(), "2001:db8::1");
}

TEST_F(IdentityTest, AConnectionThatCannotBeMadeSaysFromWhereAndWhy) {
  const Identity identity = Of(Policy("192.0.2.3"));
  smtp::Failure failure;
  failure.stage = smtp::Stage::kConnect;
  failure.detail = "connect to 198.51.100.1:25 from 192.0.2.3: Cannot assign requested address";
  identity.Explain(At("198.51.100.1"), failure);
  EXPECT_THAT(failure.detail,
              HasSubstr("(the source address 192.0.2.3 is that of entry .example.com)"));
  // Not where the address has no part in it.
  smtp::Failure other = {.stage = smtp::Stage::kBanner, .reply = {}, .detail = "closed"};
  identity.Explain(At("198.51.100.1"), other);
  EXPECT_EQ(other.detail, "closed");
  smtp::Failure by_ipv6 = {.stage = smtp::Stage::kConnect, .reply = {}, .detail = "refused"};
  identity.Explain(At("2001:db8::9"), by_ipv6);
  EXPECT_EQ(by_ipv6.detail, "refused");
}

TEST_F(IdentityTest, TheEntrysCertificateIsShownElseTheDefault) {
  const auto policy = [](const char* name) {
    return OutboundPolicyOf(EntryOf({{"pattern", "example.com"}, {"client_certificate", name}}),
                            "example.com");
  };
  EXPECT_EQ(Of(policy("")).client_certificate, "");
  EXPECT_EQ(Of(policy("")).client_certificate_of, "");
  EXPECT_EQ(Of(policy("a")).client_certificate, "a");
  settings_.client_certificate = "ours";
  EXPECT_EQ(Of(policy("a")).client_certificate_of, "entry example.com");
  EXPECT_EQ(Of(policy("")).client_certificate, "ours");
  EXPECT_EQ(Of(policy("")).client_certificate_of, "--default_client_certificate");
  EXPECT_EQ(Of(OutboundPolicy()).client_certificate, "ours");
  EXPECT_NE(LaneKeyOf(Target(), policy("a")), LaneKeyOf(Target(), policy("b")));
  EXPECT_NE(LaneKeyOf(Target(), policy("a")), LaneKeyOf(Target(), policy("")));
}

TEST_F(IdentityTest, MailFromDifferentAddressesSharesNoLane) {
  const std::string plain = LaneKeyOf(Target(), Policy(""));
  EXPECT_EQ(plain, LaneKeyOf(Target(), Policy("")));
  const std::string of_entry = LaneKeyOf(Target(), Policy("192.0.2.3"));
  EXPECT_NE(of_entry, plain);
  EXPECT_NE(of_entry, LaneKeyOf(Target(), Policy("192.0.2.4")));
  EXPECT_NE(of_entry, LaneKeyOf(Target(), Policy("192.0.2.3 2001:db8::3")));
  // Two routes to one host.
  Route("example.com=mail.internal:25");
  const std::string by_route = LaneKeyOf(Target(), Policy(""));
  Route("example.com=mail.internal:25 from 192.0.2.2");
  EXPECT_NE(LaneKeyOf(Target(), Policy("")), by_route);
}

}  // namespace
}  // namespace sluice::relay
