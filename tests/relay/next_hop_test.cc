#include "engine/relay/next_hop.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/fake_resolver.h"
#include "tests/smtp/client_fake_network.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = smtp::Failure::Kind;

class NextHopTest : public testing::Test {
 protected:
  NextHops Find(absl::string_view domain, absl::Duration limit = absl::Seconds(30)) {
    return Find(HopTargetOf(routes_, domain, 25, "gw.example.org"), limit);
  }
  NextHops Find(HopTarget target, absl::Duration limit = absl::Seconds(30)) {
    NextHops hops;
    core_.RunToEnd(Run(std::move(target), limit, hops));
    return hops;
  }
  void Route(absl::string_view route) {
    routes_ = *RouteTable::Build({*RouteTable::ParseRoute(route)});
  }
  // "host address:port", in the order in which they would be tried.
  static std::vector<std::string> Shown(const NextHops& hops) {
    std::vector<std::string> shown;
    for (const HopAddress& hop : hops.addresses) {
      shown.push_back(absl::StrCat(hop.host, " ", hop.address.ToString()));
    }
    return shown;
  }

  smtp::FakeCore core_;
  FakeResolver resolver_;
  RouteTable routes_;
  absl::Duration took_;

 private:
  io::Task<void> Run(HopTarget target, absl::Duration limit, NextHops& hops) {
    const MonoTime begun = core_.Now();
    hops = co_await FindNextHops(core_, resolver_, std::move(target), begun + limit);
    took_ = core_.Now() - begun;
  }
};

TEST_F(NextHopTest, EveryAddressOfEveryMxHostInTheirOrder) {
  resolver_.SetMx("example.com", {{10, "b.example.net"}, {10, "a.example.net"}, {20, "c.test"}});
  resolver_.SetAddresses("b.example.net", {"2001:db8::b", "192.0.2.2"});
  resolver_.SetAddresses("a.example.net", {"192.0.2.1"});
  resolver_.SetAddresses("c.test", {"192.0.2.3"});
  const NextHops hops = Find("Example.COM");
  EXPECT_FALSE(hops.failure.has_value());
  EXPECT_THAT(hops.unresolved, IsEmpty());
  EXPECT_THAT(Shown(hops),
              ElementsAre("b.example.net [2001:db8::b]:25", "b.example.net 192.0.2.2:25",
                          "a.example.net 192.0.2.1:25", "c.test 192.0.2.3:25"));
  EXPECT_THAT(resolver_.asked(),
              ElementsAre("mx example.com", "a b.example.net", "a a.example.net", "a c.test"));
}

TEST_F(NextHopTest, ADomainWithoutMxIsItsOwnMailHost) {
  resolver_.SetNoMx("example.com");
  resolver_.SetAddresses("example.com", {"192.0.2.1"});
  EXPECT_THAT(Shown(Find("example.com")), ElementsAre("example.com 192.0.2.1:25"));
}

TEST_F(NextHopTest, ANullMxIsFinal) {
  resolver_.SetNullMx("example.com");
  const NextHops hops = Find("example.com");
  ASSERT_TRUE(hops.failure.has_value());
  EXPECT_EQ(hops.failure->stage, smtp::Stage::kDns);
  EXPECT_EQ(hops.failure->kind, Kind::kPermanent);
  EXPECT_EQ(hops.failure->reply->ToString(), "556 5.1.10 The domain example.com accepts no mail");
  EXPECT_EQ(hops.failure->tls_reason, std::nullopt);
  EXPECT_THAT(resolver_.asked(), SizeIs(1));
}

TEST_F(NextHopTest, ADomainThatDoesNotExistIsFinal) {
  const NextHops hops = Find("nowhere.example");
  ASSERT_TRUE(hops.failure.has_value());
  EXPECT_EQ(hops.failure->kind, Kind::kPermanent);
  EXPECT_EQ(hops.failure->reply->ToString(), "550 5.1.2 The domain nowhere.example does not exist");
  EXPECT_EQ(hops.failure->detail, "the domain nowhere.example does not exist");
}

TEST_F(NextHopTest, WhatIsNoDomainNameIsFinal) {
  resolver_.FailMx("a_b..c", absl::InvalidArgumentError("'a_b..c' is no domain name"));
  const NextHops hops = Find("a_b..c");
  ASSERT_TRUE(hops.failure.has_value());
  EXPECT_EQ(hops.failure->kind, Kind::kPermanent);
  EXPECT_EQ(hops.failure->reply->status, (smtp::EnhancedStatus{5, 1, 2}));
}

TEST_F(NextHopTest, ALookupThatFailsIsNot) {
  for (const absl::Status& status :
       {absl::UnavailableError("no MX records of example.com: SERVFAIL"),
        absl::UnavailableError("DNSSEC validation failed"),
        absl::CancelledError("the resolver has stopped")}) {
    resolver_.FailMx("example.com", status);
    const NextHops hops = Find("example.com");
    ASSERT_TRUE(hops.failure.has_value());
    EXPECT_EQ(hops.failure->kind, Kind::kTransient);
    EXPECT_EQ(hops.failure->reply, std::nullopt);
    EXPECT_EQ(hops.failure->detail, status.message());
    EXPECT_THAT(hops.addresses, IsEmpty());
  }
}

TEST_F(NextHopTest, OneHostThatCannotBeFoundDoesNotKeepMailFromTheOthers) {
  resolver_.SetMx("example.com", {{10, "a.test"}, {20, "b.test"}, {30, "c.test"}});
  resolver_.FailAddresses("a.test", absl::UnavailableError("SERVFAIL"));
  resolver_.SetAddresses("c.test", {"192.0.2.3"});
  const NextHops hops = Find("example.com");
  EXPECT_FALSE(hops.failure.has_value());
  EXPECT_THAT(Shown(hops), ElementsAre("c.test 192.0.2.3:25"));
  EXPECT_THAT(hops.unresolved,
              ElementsAre("a.test: SERVFAIL", "b.test: the domain b.test does not exist"));
  EXPECT_TRUE(hops.may_come);
  // Were there no hope for any of the missing, what the one that is left says would be final.
  resolver_.FailAddresses("a.test", absl::NotFoundError("the domain a.test does not exist"));
  EXPECT_FALSE(Find("example.com").may_come);
}

TEST_F(NextHopTest, AHostThatNobodyAnswersForLeavesTimeToTheOthers) {
  resolver_.SetMx("example.com", {{10, "a.test"}, {20, "b.test"}, {30, "c.test"}});
  resolver_.Delay("a.test", absl::Hours(1));
  resolver_.SetAddresses("b.test", {"192.0.2.2"});
  resolver_.Delay("b.test", absl::Seconds(2));
  resolver_.SetAddresses("c.test", {"192.0.2.3"});
  const NextHops hops = Find("example.com", absl::Seconds(30));
  EXPECT_THAT(Shown(hops), ElementsAre("b.test 192.0.2.2:25", "c.test 192.0.2.3:25"));
  EXPECT_THAT(hops.unresolved, ElementsAre("a.test: no DNS server answered for a.test"));
  EXPECT_LE(took_, absl::Seconds(13));
}

TEST_F(NextHopTest, NoHostLastsLongerThanTheDeadline) {
  resolver_.SetMx("example.com", {{10, "a.test"}, {20, "b.test"}});
  resolver_.Delay("a.test", absl::Hours(1));
  resolver_.Delay("b.test", absl::Hours(1));
  const NextHops hops = Find("example.com", absl::Seconds(30));
  ASSERT_TRUE(hops.failure.has_value());
  EXPECT_EQ(hops.failure->kind, Kind::kTransient);
  EXPECT_LE(took_, absl::Seconds(30) + absl::Milliseconds(5));
}

TEST_F(NextHopTest, WithoutAnyAddressItIsFinalOnlyIfThatIsSure) {
  resolver_.SetMx("example.com", {{10, "a.test"}, {20, "b.test"}});
  NextHops hops = Find("example.com");  // neither exists
  ASSERT_TRUE(hops.failure.has_value());
  EXPECT_EQ(hops.failure->kind, Kind::kPermanent);
  EXPECT_EQ(hops.failure->reply->ToString(),
            "550 5.4.4 No mail host of example.com has an address");
  EXPECT_THAT(hops.failure->detail, HasSubstr("a.test: the domain a.test does not exist; b.test"));

  for (const std::string host : {"a.test", "b.test"}) {
    resolver_.FailAddresses("a.test", absl::NotFoundError("no"));
    resolver_.FailAddresses("b.test", absl::NotFoundError("no"));
    resolver_.FailAddresses(host, absl::UnavailableError("SERVFAIL"));
    hops = Find("example.com");
    ASSERT_TRUE(hops.failure.has_value());
    EXPECT_EQ(hops.failure->kind, Kind::kTransient) << host;
    EXPECT_EQ(hops.failure->reply, std::nullopt);
  }
}

TEST_F(NextHopTest, ManyAddressesAreBounded) {
  std::vector<std::pair<uint16_t, std::string>> hosts;
  for (int i = 0; i < 32; ++i) {
    const std::string host = absl::StrCat("mx", i, ".test");
    hosts.emplace_back(10, host);
    std::vector<std::string> ips;
    for (int j = 0; j < 32; ++j) ips.push_back(absl::StrCat("10.0.", i, ".", j));
    resolver_.SetAddresses(host, ips);
  }
  resolver_.SetMx("example.com", hosts);
  const NextHops hops = Find("example.com");
  EXPECT_THAT(hops.addresses, SizeIs(64));
  EXPECT_EQ(hops.addresses[0].address.ToString(), "10.0.0.0:25");
}

TEST_F(NextHopTest, AnAddressLiteralNeedsNoLookup) {
  EXPECT_THAT(Shown(Find("[192.0.2.7]")), ElementsAre("192.0.2.7 192.0.2.7:25"));
  EXPECT_THAT(Shown(Find("[IPv6:2001:DB8::7]")), ElementsAre("2001:db8::7 [2001:db8::7]:25"));
  EXPECT_THAT(resolver_.asked(), IsEmpty());
  resolver_.FailMx("[192.0.2.999]", absl::InvalidArgumentError("no domain name"));
  EXPECT_EQ(Find("[192.0.2.999]").failure->kind, Kind::kPermanent);
}

TEST_F(NextHopTest, AStaticRouteGoesWhereItSaysWithoutMx) {
  Route("example.com=192.0.2.9:2525");
  EXPECT_THAT(Shown(Find("example.com")), ElementsAre("192.0.2.9 192.0.2.9:2525"));
  Route("example.com=[2001:db8::9]:25");
  EXPECT_THAT(Shown(Find("example.com")), ElementsAre("2001:db8::9 [2001:db8::9]:25"));
  EXPECT_THAT(resolver_.asked(), IsEmpty());
  Route("example.com=mail.internal:2526");
  resolver_.SetAddresses("mail.internal", {"192.0.2.1", "192.0.2.2"});
  EXPECT_THAT(Shown(Find("example.com")),
              ElementsAre("mail.internal 192.0.2.1:2526", "mail.internal 192.0.2.2:2526"));
  EXPECT_THAT(resolver_.asked(), ElementsAre("a mail.internal"));
}

TEST_F(NextHopTest, ARouteToNowhereIsForTheAdministratorToMend) {
  Route("example.com=mail.internal:25");
  const NextHops hops = Find("example.com");
  ASSERT_TRUE(hops.failure.has_value());
  EXPECT_EQ(hops.failure->kind, Kind::kTransient);
  EXPECT_THAT(hops.failure->detail, HasSubstr("mail.internal: the domain mail.internal does"));
}

TEST_F(NextHopTest, ABackupMxGoesOnlyToHostsPreferredToIt) {
  resolver_.SetMx("example.com",
                  {{5, "a.test"}, {10, "b.test"}, {10, "gw.example.org"}, {20, "c.test"}});
  resolver_.SetAddresses("a.test", {"192.0.2.1"});
  resolver_.SetAddresses("b.test", {"192.0.2.2"});
  resolver_.SetAddresses("gw.example.org", {"192.0.2.3"});
  resolver_.SetAddresses("c.test", {"192.0.2.4"});
  EXPECT_THAT(Shown(Find("example.com")), ElementsAre("a.test 192.0.2.1:25"));
  // Who does not know its own name looks for none.
  EXPECT_THAT(Find(HopTargetOf(routes_, "example.com", 25)).addresses, SizeIs(4));
}

TEST_F(NextHopTest, MailDoesNotLoopBackAndIsNotLostForIt) {
  resolver_.SetMx("example.com", {{10, "gw.example.org"}, {20, "b.test"}});
  resolver_.SetAddresses("b.test", {"192.0.2.2"});
  const NextHops hops = Find("example.com");
  ASSERT_TRUE(hops.failure.has_value());
  EXPECT_EQ(hops.failure->kind, Kind::kTransient);
  EXPECT_THAT(hops.failure->detail, HasSubstr("loops back"));
  EXPECT_THAT(hops.failure->detail, HasSubstr("--route"));
  EXPECT_THAT(resolver_.asked(), ElementsAre("mx example.com"));
}

TEST(HopTargetOf, MailToOneNextHopHasOneName) {
  const RouteTable routes =
      *RouteTable::Build({*RouteTable::ParseRoute(".example.com=mail.internal:2525")});
  const HopTarget by_route = HopTargetOf(routes, "Sub.Example.com", 25);
  EXPECT_EQ(by_route.name, "mail.internal:2525");
  EXPECT_FALSE(by_route.by_mx);
  EXPECT_EQ(by_route.host, "mail.internal");
  EXPECT_EQ(by_route.port, 2525);
  const HopTarget by_mx = HopTargetOf(routes, "Bücher.Example", 26, "GW.example.org");
  EXPECT_EQ(by_mx.name, "xn--bcher-kva.example");
  EXPECT_TRUE(by_mx.by_mx);
  EXPECT_EQ(by_mx.host, by_mx.name);
  EXPECT_EQ(by_mx.port, 26);
  EXPECT_EQ(by_mx.own_name, "gw.example.org");
}

}  // namespace
}  // namespace sluice::relay
