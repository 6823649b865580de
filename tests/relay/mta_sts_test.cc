// Policies fetched over HTTPS and kept in a real store.
#include "engine/relay/mta_sts.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/https/test_server.h"
#include "tests/queue/spool_fixture.h"
#include "tests/relay/fake_resolver.h"
#include "tests/smtp/client_fake_network.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kFile[] = "version: STSv1\nmode: enforce\nmx: mx.example.net\nmax_age: 86400\n";

class MtaStsTest : public ::testing::Test {
 protected:
  MtaStsTest() {
    resolver_.SetTxt("_mta-sts.example.net", {"v=STSv1; id=7;"});
    resolver_.SetAddresses("mta-sts.example.net", {"192.0.2.1"});
    server_.answer = absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ",
                                  sizeof(kFile) - 1, "\r\n\r\n", kFile);
    Start();
  }

  // A gateway's: the first, and those after a restart.
  void Start() {
    mta_sts_ = std::make_unique<MtaSts>(core_, resolver_, world_.spool(), contexts_.NewClient(),
                                        absl::Minutes(5));
  }
  sts::Finding PolicyFor(HopTarget target) {
    sts::Finding finding;
    core_.RunToEnd(FindInto(std::move(target), finding));
    world_.store().RunAll();
    return finding;
  }
  static HopTarget ByMx(const std::string& domain) {
    return HopTargetOf(RouteTable(), domain, /*mx_port=*/25);
  }

  queue::SpoolWorld world_;
  smtp::FakeCore core_;
  FakeResolver resolver_;
  smtp::TestTlsContexts contexts_{"mta-sts.example.net"};
  https::TestServer server_{core_, contexts_.server()};
  std::unique_ptr<MtaSts> mta_sts_;

 private:
  io::Task<void> FindInto(HopTarget target, sts::Finding& finding) {
    finding = co_await FindMtaSts(mta_sts_.get(), target);
  }
};

TEST_F(MtaStsTest, WhatWasFetchedIsInTheStore) {
  const sts::Finding found = PolicyFor(ByMx("example.net"));
  ASSERT_NE(found.in_force(), nullptr) << found.detail;
  EXPECT_THAT(found.in_force()->mx, ElementsAre("mx.example.net"));
  const queue::SideRows rows = world_.spool().ReadMtaSts().value();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].first, "example.net");
  EXPECT_EQ(sts::DecodePolicy(rows[0].second)->file, kFile);
}

TEST_F(MtaStsTest, AfterARestartItIsThereBeforeAnythingIsAsked) {
  PolicyFor(ByMx("example.net"));
  const queue::SideRows rows = world_.spool().ReadMtaSts().value();
  resolver_.FailTxt("_mta-sts.example.net", absl::UnavailableError("SERVFAIL"));
  Start();
  EXPECT_EQ(PolicyFor(ByMx("example.net")).policy, nullptr);
  Start();
  mta_sts_->Remember(rows[0].first, rows[0].second);
  const sts::Finding found = PolicyFor(ByMx("example.net"));
  ASSERT_NE(found.in_force(), nullptr);
  EXPECT_EQ(found.policy->id, "7");
}

TEST_F(MtaStsTest, ARowThatIsDamagedIsAsNone) {
  mta_sts_->Remember("example.net", "nonsense");
  EXPECT_NE(PolicyFor(ByMx("example.net")).in_force(), nullptr);
  EXPECT_EQ(server_.connections(), 1);  // it was fetched
}

TEST_F(MtaStsTest, OnlyADomainFoundByMxHasOne) {
  HopTarget route = ByMx("example.net");
  route.by_mx = false;
  EXPECT_EQ(PolicyFor(route).policy, nullptr);
  EXPECT_EQ(PolicyFor(ByMx("[192.0.2.1]")).policy, nullptr);
  EXPECT_THAT(resolver_.asked(), IsEmpty());
}

TEST_F(MtaStsTest, TellsWhenAnotherPolicyIsKnown) {
  const HopTarget target = ByMx("example.net");
  const sts::Finding none;
  EXPECT_TRUE(IsStillKnown(none, mta_sts_.get(), target));
  EXPECT_TRUE(IsStillKnown(none, nullptr, target));
  const sts::Finding found = PolicyFor(target);
  EXPECT_TRUE(IsStillKnown(found, mta_sts_.get(), target));
  EXPECT_FALSE(IsStillKnown(none, mta_sts_.get(), target));
  sts::KeptPolicy again = *found.policy;
  again.id = "8";
  mta_sts_->Remember("example.net", sts::EncodePolicy(again));
  EXPECT_TRUE(IsStillKnown(found, mta_sts_.get(), target));  // the same, fetched anew
  again.file += "mx: other.example\n";
  mta_sts_->Remember("example.net", sts::EncodePolicy(again));
  EXPECT_FALSE(IsStillKnown(found, mta_sts_.get(), target));
}

TEST_F(MtaStsTest, ExplainsWhatIsInForce) {
  std::optional<MtaStsState> state;
  const auto explain = [&](const std::string& domain) {
    mta_sts_->Explain(domain, [&](MtaStsState told) { state = std::move(told); });
    PolicyFor(ByMx("[192.0.2.1]"));  // runs the core to its end
  };
  explain("example.net");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->mode, "enforce");
  EXPECT_EQ(state->id, "7");
  EXPECT_THAT(state->mx, ElementsAre("mx.example.net"));
  EXPECT_EQ(state->expires_at, state->fetched_at + absl::Hours(24));
  EXPECT_EQ(state->fault, "");
  resolver_.SetTxt("_mta-sts.other.example", {"v=STSv1; id=1;"});
  resolver_.SetAddresses("mta-sts.other.example", {"192.0.2.1"});
  explain("other.example");
  EXPECT_EQ(state->mode, "");
  EXPECT_EQ(state->fault, "sts-webpki-invalid");
  EXPECT_NE(state->detail, "");
}

}  // namespace
}  // namespace sluice::relay
