// Against a real server on loopback, over a real core.
#include "engine/dns/unbound_resolver.h"

#include <cstdio>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/clock.h"
#include "engine/io/uring_core.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/dns/dns_server.h"

namespace sluice::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

io::Task<void> AskMx(io::Core& core, Resolver& resolver, std::string domain, MonoTime deadline,
                     std::promise<absl::StatusOr<MxAnswer>>& answer) {
  absl::StatusOr<MxAnswer> found = co_await resolver.LookupMx(core, domain, deadline);
  answer.set_value(std::move(found));
}

io::Task<void> AskAddresses(io::Core& core, Resolver& resolver, std::string host, MonoTime deadline,
                            std::promise<absl::StatusOr<AddressAnswer>>& answer) {
  absl::StatusOr<AddressAnswer> found = co_await resolver.LookupAddresses(core, host, deadline);
  answer.set_value(std::move(found));
}

io::Task<void> AskTlsa(io::Core& core, Resolver& resolver, std::string host, uint16_t port,
                       MonoTime deadline, std::promise<absl::StatusOr<TlsaAnswer>>& answer) {
  absl::StatusOr<TlsaAnswer> found = co_await resolver.LookupTlsa(core, host, port, deadline);
  answer.set_value(std::move(found));
}

io::Task<void> AskTxt(io::Core& core, Resolver& resolver, std::string name, MonoTime deadline,
                      std::promise<absl::StatusOr<TxtAnswer>>& answer) {
  absl::StatusOr<TxtAnswer> found = co_await resolver.LookupTxt(core, name, deadline);
  answer.set_value(std::move(found));
}

class UnboundResolverTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new DnsServer({
        "--local=/test/",  // what follows is all there is below test
        "--mx-host=several.test,mx2.test,20",
        "--mx-host=several.test,mx1.test,10",
        "--mx-host=several.test,mx3.test,30",
        "--host-record=mx1.test,192.0.2.1,2001:db8::1",
        "--host-record=mx2.test,192.0.2.2",
        "--host-record=plain.test,192.0.2.3",
        "--dns-rr=null.test,15,000000",
        "--txt-record=_mta-sts.several.test,v=STSv1; id=1;",
        "--txt-record=_mta-sts.several.test,other",
        "--cname=_mta-sts.alias-mx.test,_mta-sts.several.test",
        "--cname=alias.test,plain.test",
        "--dns-rr=_2525._tcp.plain.test,52,030101abcdef",
        "--cname=alias-mx.test,several.test",
    });
    ASSERT_TRUE(server_->running()) << "needs /usr/sbin/dnsmasq: apt-get install dnsmasq-base";
    io::EngineOptions options;
    options.pin = false;
    auto engine = io::StartUringEngine(options, SystemClock());
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = std::move(engine)->release();
  }
  static void TearDownTestSuite() {
    delete std::exchange(engine_, nullptr);
    delete std::exchange(server_, nullptr);
  }

  static std::unique_ptr<UnboundResolver> Started(const std::string& config) {
    UnboundOptions options;
    options.config = config;
    auto resolver = UnboundResolver::Start(options, SystemClock());
    EXPECT_TRUE(resolver.ok()) << resolver.status();
    return resolver.ok() ? *std::move(resolver) : nullptr;
  }

  static io::Core& core() { return engine_->core(0); }

  static absl::StatusOr<MxAnswer> Mx(Resolver& resolver, const std::string& domain,
                                     absl::Duration timeout = absl::Seconds(60)) {
    std::promise<absl::StatusOr<MxAnswer>> answer;
    const MonoTime deadline = SystemClock().MonoNow() + timeout;
    core().Run([&] { core().Spawn(AskMx(core(), resolver, domain, deadline, answer)); });
    return answer.get_future().get();
  }

  static absl::StatusOr<AddressAnswer> Addresses(Resolver& resolver, const std::string& host,
                                                 absl::Duration timeout = absl::Seconds(60)) {
    std::promise<absl::StatusOr<AddressAnswer>> answer;
    const MonoTime deadline = SystemClock().MonoNow() + timeout;
    core().Run([&] { core().Spawn(AskAddresses(core(), resolver, host, deadline, answer)); });
    return answer.get_future().get();
  }

  static absl::StatusOr<TlsaAnswer> Tlsa(Resolver& resolver, const std::string& host,
                                         uint16_t port) {
    std::promise<absl::StatusOr<TlsaAnswer>> answer;
    const MonoTime deadline = SystemClock().MonoNow() + absl::Seconds(60);
    core().Run([&] { core().Spawn(AskTlsa(core(), resolver, host, port, deadline, answer)); });
    return answer.get_future().get();
  }

  static absl::StatusOr<TxtAnswer> Txt(Resolver& resolver, const std::string& name) {
    std::promise<absl::StatusOr<TxtAnswer>> answer;
    const MonoTime deadline = SystemClock().MonoNow() + absl::Seconds(60);
    core().Run([&] { core().Spawn(AskTxt(core(), resolver, name, deadline, answer)); });
    return answer.get_future().get();
  }

  static std::vector<std::string> Hosts(const absl::StatusOr<MxAnswer>& answer) {
    std::vector<std::string> hosts;
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return hosts;
    for (const MxHost& host : answer->hosts) {
      hosts.push_back(absl::StrCat(host.preference, " ", host.name));
    }
    return hosts;
  }

  static std::vector<std::string> Ips(const absl::StatusOr<AddressAnswer>& answer) {
    std::vector<std::string> ips;
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return ips;
    for (const io::SocketAddress& address : answer->addresses) ips.push_back(address.ip());
    return ips;
  }

  static inline DnsServer* server_ = nullptr;
  static inline io::Engine* engine_ = nullptr;
};

TEST_F(UnboundResolverTest, FindsMailHosts) {
  const auto resolver = Started(server_->forwarder());
  const auto answer = Mx(*resolver, "Several.TEST.");
  EXPECT_THAT(Hosts(answer), ElementsAre("10 mx1.test", "20 mx2.test", "30 mx3.test"));
  EXPECT_FALSE(answer->implicit);
  EXPECT_FALSE(answer->null_mx);
  EXPECT_EQ(answer->security, Security::kInsecure);
  // And once more, now from the cache.
  EXPECT_THAT(Hosts(Mx(*resolver, "several.test")),
              ElementsAre("10 mx1.test", "20 mx2.test", "30 mx3.test"));
}

TEST_F(UnboundResolverTest, ADomainWithoutMxIsItsOwnMailHost) {
  const auto resolver = Started(server_->forwarder());
  const auto answer = Mx(*resolver, "plain.test");
  EXPECT_THAT(Hosts(answer), ElementsAre("0 plain.test"));
  EXPECT_TRUE(answer->implicit);
}

TEST_F(UnboundResolverTest, ANullMxTakesNoMail) {
  const auto resolver = Started(server_->forwarder());
  const auto answer = Mx(*resolver, "null.test");
  EXPECT_THAT(Hosts(answer), IsEmpty());
  EXPECT_TRUE(answer->null_mx);
}

TEST_F(UnboundResolverTest, FollowsAliases) {
  const auto resolver = Started(server_->forwarder());
  EXPECT_THAT(Hosts(Mx(*resolver, "alias-mx.test")),
              ElementsAre("10 mx1.test", "20 mx2.test", "30 mx3.test"));
  EXPECT_THAT(Hosts(Mx(*resolver, "alias.test")), ElementsAre("0 alias.test"));
  EXPECT_THAT(Ips(Addresses(*resolver, "alias.test")), ElementsAre("192.0.2.3"));
  EXPECT_EQ(Addresses(*resolver, "alias.test")->canonical, "plain.test");
  EXPECT_EQ(Mx(*resolver, "alias-mx.test")->canonical, "several.test");
  EXPECT_EQ(Mx(*resolver, "several.test")->canonical, "several.test");
}

TEST_F(UnboundResolverTest, FindsTlsaRecordsOfAPort) {
  const auto resolver = Started(server_->forwarder());
  const absl::StatusOr<TlsaAnswer> answer = Tlsa(*resolver, "plain.test", 2525);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->security, Security::kInsecure);
  ASSERT_EQ(answer->records.size(), 1u);
  EXPECT_EQ(answer->records[0].usage, 3);
  EXPECT_EQ(answer->records[0].selector, 1);
  EXPECT_EQ(answer->records[0].matching_type, 1);
  EXPECT_EQ(answer->records[0].data, "\xab\xcd\xef");
  EXPECT_TRUE(absl::IsNotFound(Tlsa(*resolver, "plain.test", 25).status()));
}

// With a trust anchor what is not signed below it is a forgery, and never merely insecure.
TEST_F(UnboundResolverTest, AnAnswerThatDoesNotValidateIsUnavailable) {
  const std::string path = testing::TempDir() + "/anchor.key";
  std::ofstream(path) << "test. IN DS 12345 13 2 " << std::string(64, 'a') << "\n";
  UnboundOptions options;
  options.config = server_->forwarder();
  options.trust_anchor = path;
  ASSERT_TRUE(UnboundResolver::CheckTrustAnchor(path).ok());
  const auto resolver = UnboundResolver::Start(options, SystemClock());
  ASSERT_TRUE(resolver.ok()) << resolver.status();
  for (const absl::Status& status :
       {Mx(**resolver, "several.test").status(), Addresses(**resolver, "mx1.test").status()}) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(status.message(), HasSubstr("DNSSEC validation"));
  }
  std::remove(path.c_str());
}

TEST_F(UnboundResolverTest, ABadTrustAnchorIsRefusedAtStart) {
  const std::string path = testing::TempDir() + "/bad-anchor.key";
  EXPECT_THAT(UnboundResolver::CheckTrustAnchor(path).message(),
              HasSubstr("--dnssec_trust_anchor: " + path + " cannot be used: No such file"));
  std::ofstream(path) << "this is no record\n";
  UnboundOptions options;
  options.config = server_->forwarder();
  options.trust_anchor = path;
  EXPECT_THAT(UnboundResolver::Start(options, SystemClock()).status().message(),
              HasSubstr("--dnssec_trust_anchor: " + path + " cannot be used"));
  std::remove(path.c_str());
}

TEST_F(UnboundResolverTest, FindsAddressesOfBothFamilies) {
  const auto resolver = Started(server_->forwarder());
  EXPECT_THAT(Ips(Addresses(*resolver, "mx1.test")), ElementsAre("2001:db8::1", "192.0.2.1"));
  EXPECT_THAT(Ips(Addresses(*resolver, "mx2.test")), ElementsAre("192.0.2.2"));
}

TEST_F(UnboundResolverTest, FindsTextsBehindAliasesToo) {
  const auto resolver = Started(server_->forwarder());
  for (const std::string name : {"_mta-sts.several.test", "_mta-sts.alias-mx.test"}) {
    const auto answer = Txt(*resolver, name);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_THAT(answer->texts, UnorderedElementsAre("v=STSv1; id=1;", "other"));
    EXPECT_EQ(answer->security, Security::kInsecure);
  }
  EXPECT_TRUE(absl::IsNotFound(Txt(*resolver, "_mta-sts.plain.test").status()));
  EXPECT_TRUE(absl::IsNotFound(Txt(*resolver, "plain.test").status()));
}

TEST_F(UnboundResolverTest, WhatDoesNotExistIsNotFound) {
  const auto resolver = Started(server_->forwarder());
  EXPECT_EQ(Mx(*resolver, "missing.test").status(),
            absl::NotFoundError("the domain missing.test does not exist"));
  EXPECT_TRUE(absl::IsNotFound(Addresses(*resolver, "missing.test").status()));
}

TEST_F(UnboundResolverTest, ARefusalIsUnavailable) {
  const auto resolver = Started(server_->forwarder());
  EXPECT_TRUE(absl::IsUnavailable(Mx(*resolver, "elsewhere.example").status()));
  EXPECT_TRUE(absl::IsUnavailable(Addresses(*resolver, "elsewhere.example").status()));
}

TEST_F(UnboundResolverTest, WhatIsNoNameIsNotAsked) {
  const auto resolver = Started(server_->forwarder());
  EXPECT_TRUE(absl::IsInvalidArgument(Mx(*resolver, "[192.0.2.1]").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Addresses(*resolver, "a..b").status()));
}

TEST_F(UnboundResolverTest, TheDeadlineHoldsWhenNoServerAnswers) {
  const SilentServer silent;
  const auto resolver = Started(silent.forwarder());
  EXPECT_EQ(
      Mx(*resolver, "several.test", absl::Milliseconds(50)).status(),
      absl::UnavailableError("no DNS server answered for the MX records of several.test in time"));
  EXPECT_EQ(
      Addresses(*resolver, "several.test", absl::Milliseconds(50)).status(),
      absl::UnavailableError("no DNS server answered for the A records of several.test in time"));
}

TEST_F(UnboundResolverTest, StoppingEndsWhatIsUnderWay) {
  const SilentServer silent;
  auto resolver = Started(silent.forwarder());
  std::promise<absl::StatusOr<AddressAnswer>> answer;
  core().Run([&] {
    core().Spawn(AskAddresses(core(), *resolver, "several.test", MonoTime::Never(), answer));
  });
  silent.AwaitQuestion();
  resolver.reset();
  EXPECT_TRUE(absl::IsCancelled(answer.get_future().get().status()));
}

TEST_F(UnboundResolverTest, QuestionsUnderWayAreBounded) {
  UnboundOptions options;
  options.config = server_->forwarder();
  options.max_pending = 0;
  const auto resolver = UnboundResolver::Start(options, SystemClock());
  const absl::Status status = Mx(**resolver, "several.test").status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(status.message(), HasSubstr("overloaded"));
}

TEST_F(UnboundResolverTest, ManyQuestionsAtOnce) {
  const auto resolver = Started(server_->forwarder());
  constexpr size_t kQuestions = 500;
  std::vector<std::promise<absl::StatusOr<AddressAnswer>>> answers(kQuestions);
  const MonoTime deadline = SystemClock().MonoNow() + absl::Seconds(60);
  core().Run([&] {
    for (size_t i = 0; i < kQuestions; ++i) {
      const std::string host = i % 2 == 0 ? "mx2.test" : absl::StrCat("missing", i, ".test");
      core().Spawn(AskAddresses(core(), *resolver, host, deadline, answers[i]));
    }
  });
  for (size_t i = 0; i < kQuestions; ++i) {
    const absl::StatusOr<AddressAnswer> answer = answers[i].get_future().get();
    EXPECT_EQ(answer.status().code(),
              i % 2 == 0 ? absl::StatusCode::kOk : absl::StatusCode::kNotFound)
        << i;
  }
}

TEST_F(UnboundResolverTest, TakesAnUnboundConfiguration) {
  const std::string path = ::testing::TempDir() + "/resolver_test_unbound.conf";
  std::ofstream(path)
      << "server:\n  domain-insecure: \"test\"\n  local-zone: \"test.\" transparent\n"
      << "forward-zone:\n  name: \"test.\"\n  forward-addr: " << server_->forwarder() << "\n";
  const auto resolver = Started("unbound:" + path);
  EXPECT_THAT(Hosts(Mx(*resolver, "several.test")),
              ElementsAre("10 mx1.test", "20 mx2.test", "30 mx3.test"));
  std::remove(path.c_str());
}

TEST_F(UnboundResolverTest, ABadConfigurationIsRefusedAtStart) {
  const std::string path = ::testing::TempDir() + "/resolver_test_bad.conf";
  std::ofstream(path) << "server:\n  no-such-option: 1\n";
  UnboundOptions options;
  options.config = "unbound:" + path;
  const auto status = UnboundResolver::Start(options, SystemClock()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("--dns_config: " + path));
  std::remove(path.c_str());
  options.config = "nonsense";
  EXPECT_TRUE(absl::IsInvalidArgument(UnboundResolver::Start(options, SystemClock()).status()));
}

}  // namespace
}  // namespace sluice::dns
