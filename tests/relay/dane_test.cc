// When TLSA records are asked for, under which name, and what is made of the answer.
#include "engine/relay/dane.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/relay/next_hop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/fake_resolver.h"
#include "tests/smtp/client_fake_network.h"

namespace sluice::relay {
namespace {

using State = DaneFinding::State;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const std::string kHash(32, 'h');

// From a domain to what its first host announces, as a delivery asks for it.
class DaneTest : public testing::Test {
 protected:
  DaneTest() {
    resolver_.SetMx("example.com", {{10, "mx.example.net"}});
    resolver_.SetAddresses("mx.example.net", {"192.0.2.1"});
    resolver_.SetTlsa("mx.example.net", 25, {{3, 1, 1, kHash}});
  }
  void SignAll() {
    resolver_.SignMx("example.com");
    resolver_.SignAddresses("mx.example.net");
  }

  DaneFinding Find(HopTarget target) {
    DaneFinding finding;
    core_.RunToEnd(Run(std::move(target), finding));
    return finding;
  }
  DaneFinding Find(uint16_t port = 25) {
    return Find(HopTargetOf(routes_, "example.com", port, "gw.example.org"));
  }

  smtp::FakeCore core_;
  FakeResolver resolver_;
  RouteTable routes_;

 private:
  io::Task<void> Run(HopTarget target, DaneFinding& finding) {
    const MonoTime deadline = core_.Now() + absl::Seconds(30);
    const NextHops hops = co_await FindNextHops(core_, resolver_, std::move(target), deadline);
    EXPECT_FALSE(hops.addresses.empty());
    if (hops.addresses.empty()) co_return;
    const HopAddress& hop = hops.addresses.front();
    finding = co_await FindDane(core_, resolver_, hop.dane, hop.address.port(), deadline);
  }
};

TEST_F(DaneTest, WhatIsSignedThroughoutHolds) {
  SignAll();
  const DaneFinding dane = Find();
  EXPECT_EQ(dane.state, State::kUsable);
  ASSERT_THAT(dane.demand.records, SizeIs(1));
  EXPECT_EQ(dane.demand.records[0], (tls::TlsaRecord{3, 1, 1, kHash}));
  EXPECT_THAT(dane.demand.names, ElementsAre("mx.example.net", "example.com"));
  EXPECT_EQ(dane.base_domain, "mx.example.net");
  EXPECT_EQ(dane.detail, "1 of 1 TLSA records of mx.example.net can be used");
}

TEST_F(DaneTest, NothingIsAskedWhereTheMxRecordsAreNotSigned) {
  resolver_.SignAddresses("mx.example.net");
  const DaneFinding dane = Find();
  EXPECT_EQ(dane.state, State::kAbsent);
  EXPECT_THAT(dane.detail, HasSubstr("the MX records of example.com are not signed"));
  EXPECT_THAT(resolver_.asked(), Not(Contains(StartsWith("tlsa"))));
}

TEST_F(DaneTest, NothingIsAskedWhereTheAddressesAreNotSigned) {
  resolver_.SignMx("example.com");
  const DaneFinding dane = Find();
  EXPECT_EQ(dane.state, State::kAbsent);
  EXPECT_THAT(dane.detail, HasSubstr("the addresses of mx.example.net are not signed"));
  EXPECT_THAT(resolver_.asked(), Not(Contains(StartsWith("tlsa"))));
}

TEST_F(DaneTest, RecordsThatAreNotSignedAreNone) {
  SignAll();
  resolver_.SetTlsa("mx.example.net", 25, {{3, 1, 1, kHash}}, dns::Security::kInsecure);
  EXPECT_EQ(Find().state, State::kAbsent);
}

TEST_F(DaneTest, RecordsAreThoseOfThePort) {
  SignAll();
  EXPECT_EQ(Find(2525).state, State::kAbsent);
  EXPECT_THAT(resolver_.asked(), Contains("tlsa mx.example.net:2525"));
}

TEST_F(DaneTest, ALookupThatFailsLeavesTheHostOut) {
  SignAll();
  resolver_.FailTlsa("mx.example.net", 25, absl::UnavailableError("SERVFAIL"));
  const DaneFinding dane = Find();
  EXPECT_EQ(dane.state, State::kUnknown);
  EXPECT_EQ(dane.detail, "SERVFAIL");
}

TEST_F(DaneTest, RecordsOfWhichNoneIsUsableAreToldFromNone) {
  SignAll();
  resolver_.SetTlsa("mx.example.net", 25, {{0, 1, 1, kHash}, {1, 0, 1, kHash}});
  const DaneFinding dane = Find();
  EXPECT_EQ(dane.state, State::kUnusable);
  EXPECT_EQ(dane.base_domain, "mx.example.net");
  EXPECT_THAT(dane.detail, HasSubstr("0 of 2 TLSA records of mx.example.net can be used; the "
                                     "first is 0 1 1 6868"));
}

TEST_F(DaneTest, AnAliasIsFollowedFirst) {
  resolver_.SignMx("example.com", "real.example");
  resolver_.SignAddresses("mx.example.net", "host.provider.example");
  // Only the alias has records.
  DaneFinding dane = Find();
  EXPECT_EQ(dane.state, State::kUsable);
  EXPECT_EQ(dane.base_domain, "mx.example.net");
  EXPECT_THAT(dane.demand.names, ElementsAre("mx.example.net", "example.com", "real.example"));
  // What it stands for has some too: those count.
  resolver_.SetTlsa("host.provider.example", 25, {{2, 0, 1, kHash}});
  dane = Find();
  EXPECT_EQ(dane.base_domain, "host.provider.example");
  EXPECT_THAT(dane.demand.names,
              ElementsAre("host.provider.example", "example.com", "real.example"));
  // And what cannot be found out about it is not made up for by the alias.
  resolver_.FailTlsa("host.provider.example", 25, absl::UnavailableError("bogus"));
  EXPECT_EQ(Find().state, State::kUnknown);
}

// RFC 7672 §2.2.2: what stands under the alias's own name says who takes its mail.
TEST_F(DaneTest, ASignedAliasOfAHostThatIsNotSignedStandsForItself) {
  resolver_.SignMx("example.com");
  resolver_.SetAlias("mx.example.net", "host.provider.example", dns::Security::kSecure);
  resolver_.SetTlsa("host.provider.example", 25, {{3, 1, 1, std::string(32, 'x')}});
  const DaneFinding dane = Find();
  EXPECT_EQ(dane.state, State::kUsable);
  EXPECT_EQ(dane.base_domain, "mx.example.net");
  EXPECT_THAT(dane.demand.names, ElementsAre("mx.example.net", "example.com"));
  EXPECT_THAT(resolver_.asked(), Not(Contains("tlsa host.provider.example:25")));
}

TEST_F(DaneTest, AnAliasThatIsNotSignedLeadsNowhere) {
  resolver_.SignMx("example.com");
  resolver_.SetAlias("mx.example.net", "host.provider.example", dns::Security::kInsecure);
  const DaneFinding dane = Find();
  EXPECT_EQ(dane.state, State::kAbsent);
  EXPECT_EQ(dane.detail,
            "neither the addresses of mx.example.net nor its alias are signed with DNSSEC");
  EXPECT_THAT(resolver_.asked(), Not(Contains(StartsWith("tlsa"))));
}

TEST_F(DaneTest, WhatCannotBeFoundOutOfAnAliasLeavesTheHostOut) {
  resolver_.SignMx("example.com");
  resolver_.SetAlias("mx.example.net", "host.provider.example", dns::Security::kSecure);
  for (const absl::Status& why :
       {absl::UnavailableError("SERVFAIL"), absl::NotFoundError("gone")}) {
    resolver_.FailAlias("mx.example.net", why);
    const DaneFinding dane = Find();
    EXPECT_EQ(dane.state, State::kUnknown);
    EXPECT_EQ(dane.detail, why.message());
  }
}

TEST_F(DaneTest, NobodyAsksForAliasesWhereNothingIsSigned) {
  resolver_.SetAlias("mx.example.net", "host.provider.example", dns::Security::kSecure);
  EXPECT_EQ(Find().state, State::kAbsent);
  EXPECT_THAT(resolver_.asked(), Not(Contains(StartsWith("cname"))));
}

TEST_F(DaneTest, ARouteIsTheAdministratorsWord) {
  routes_ = *RouteTable::Build({*RouteTable::ParseRoute("example.com=mx.example.net:2525")});
  resolver_.SetTlsa("mx.example.net", 2525, {{3, 1, 1, kHash}});
  EXPECT_EQ(Find().state, State::kAbsent);
  resolver_.SignAddresses("mx.example.net");
  const DaneFinding dane = Find();
  EXPECT_EQ(dane.state, State::kUsable);
  EXPECT_THAT(dane.demand.names, ElementsAre("mx.example.net"));
  routes_ = *RouteTable::Build({*RouteTable::ParseRoute("example.com=192.0.2.1:25")});
  EXPECT_EQ(Find().state, State::kAbsent);
}

TEST_F(DaneTest, CanBeSwitchedOff) {
  SignAll();
  HopTarget target = HopTargetOf(routes_, "example.com", 25);
  target.dane = false;
  const DaneFinding dane = Find(std::move(target));
  EXPECT_EQ(dane.state, State::kAbsent);
  EXPECT_EQ(dane.detail, "DANE is switched off (--dane)");
}

}  // namespace
}  // namespace sluice::relay
