// A STARTTLS ping against scripted servers, with the real handshake.
#include "engine/relay/ping.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/relay/mta_sts.h"
#include "engine/relay/tls_session.h"
#include "engine/sts/kept_policy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/table.h"
#include "tests/queue/spool_fixture.h"
#include "tests/relay/fake_resolver.h"
#include "tests/relay/test_entries.h"
#include "tests/smtp/client_script.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::relay {
namespace {

using smtp::AcceptTls;
using smtp::Hear;
using smtp::Say;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kEhlo[] = "EHLO gw.example.com";

class PingTest : public testing::Test, private LaneHost {
 protected:
  PingTest() {
    settings_.hostname = options_.hostname = "gw.example.com";
    table_ = *policy::Table::Load({}, 1);
    resolver_.SetMx("example.com", {{10, "mx.example.net"}});
    resolver_.SetAddresses("mx.example.net", {"192.0.2.1"});
  }

  void UseEntry(Fields fields) { table_ = *policy::Table::Load({EntryOf(fields)}, 1); }
  // The script of a server that does what it should, `rest` inside TLS.
  static std::vector<smtp::Step> StartTlsThen(std::vector<smtp::Step> rest) {
    std::vector<smtp::Step> script = {Say("220 mx.example.net ESMTP\r\n"),
                                      Hear(kEhlo),
                                      Say("250-mx.example.net\r\n250 STARTTLS\r\n"),
                                      Hear("STARTTLS"),
                                      Say("220 2.0.0 go on\r\n"),
                                      AcceptTls()};
    script.insert(script.end(), rest.begin(), rest.end());
    return script;
  }
  static std::vector<smtp::Step> Good() {
    return StartTlsThen(
        {Hear(kEhlo), Say("250 mx.example.net\r\n"), Hear("QUIT"), Say("221 bye\r\n")});
  }
  PingResult Ping(absl::Duration limit = absl::Seconds(60)) {
    PingResult result;
    core_.RunToEnd(Run(limit, result));
    return result;
  }

  smtp::FakeCore core_;
  smtp::TestTlsContexts contexts_;
  FakeResolver resolver_;
  Settings settings_;
  std::unique_ptr<MtaSts> mta_sts_;
  absl::Duration took_;
  std::vector<CountedSession> counted_;
  PingOrder order_ = {.domain = "example.com", .entry = nullptr, .addresses = {}};

 private:
  io::Task<void> Run(absl::Duration limit, PingResult& result) {
    const MonoTime begun = core_.Now();
    PingOrder order = order_;
    result = co_await PingDomain(*this, std::move(order), begun + limit);
    took_ = core_.Now() - begun;
  }

  io::Core& core() override { return core_; }
  dns::Resolver& resolver() override { return resolver_; }
  tls::ClientContext& client_context() override { return contexts_.client(); }
  MtaSts* mta_sts() override { return mta_sts_.get(); }
  const Settings& settings() const override { return settings_; }
  const smtp::ClientOptions& client_options() const override { return options_; }
  Counters& counters() override { return counters_; }
  void CountTlsSession(const TlsSession& session) override {
    if (auto counted = CountedSessionOf(session)) counted_.push_back(*std::move(counted));
  }
  OutboundPolicy PolicyFor(absl::string_view domain) const override {
    return OutboundPolicyOf(*table_->current(), domain, DefaultLevel::kMay);
  }
  // A ping carries no mail.
  io::Task<bool> LoadBody(Attempt&) override { SLUICE_CHECK(false); }
  void DropBody(Attempt&) override { SLUICE_CHECK(false); }
  void Conclude(Attempt, const AttemptReport&) override { SLUICE_CHECK(false); }
  void Redirect(Attempt) override { SLUICE_CHECK(false); }
  void PutBack(Attempt) override { SLUICE_CHECK(false); }

  smtp::ClientOptions options_;
  Counters counters_;
  std::unique_ptr<policy::Table> table_;
};

TEST_F(PingTest, AServerThatIsAsItShouldBe) {
  UseEntry({{"pattern", ".example.com"}, {"level", "verify"}});
  smtp::ScriptedServer server(core_, Good(), &contexts_.server());
  const PingResult result = Ping();
  EXPECT_EQ(result.verdict, PingVerdict::kValid);
  EXPECT_EQ(result.domain, "example.com");
  EXPECT_EQ(result.entry, ".example.com");
  EXPECT_EQ(result.level, "verify");
  EXPECT_EQ(result.dns_failure, "");
  ASSERT_THAT(result.targets, SizeIs(1));
  const PingTarget& target = result.targets[0];
  EXPECT_TRUE(target.valid);
  EXPECT_EQ(target.mx, "mx.example.net");
  EXPECT_EQ(target.address, "192.0.2.1:25");
  EXPECT_EQ(target.stage, "post_ehlo");
  EXPECT_EQ(target.reason, "");
  EXPECT_EQ(target.tls_version, "TLSv1.3");
  EXPECT_EQ(target.certificate_subject, "CN=mx.example.net");
  EXPECT_THAT(target.certificate_names, ElementsAre("DNS:mx.example.net"));
  EXPECT_TRUE(target.certificate_not_after.has_value());
  EXPECT_EQ(server.in_tls(), "EHLO gw.example.com\r\nQUIT\r\n");
}

TEST_F(PingTest, ComesFromWhereADeliveryWould) {
  UseEntry({{"pattern", "example.com"}, {"source_addresses", "192.0.2.7"}});
  smtp::ScriptedServer server(core_, Good(), &contexts_.server());
  const PingResult result = Ping();
  ASSERT_THAT(core_.sources(), SizeIs(1));
  EXPECT_EQ(core_.sources()[0]->ip(), "192.0.2.7");
  ASSERT_THAT(result.targets, SizeIs(1));
  EXPECT_EQ(result.targets[0].source, "192.0.2.7");
}

TEST_F(PingTest, ACertificateThatWillNotDoIsShown) {
  UseEntry({{"pattern", "example.com"}, {"level", "secure"}});
  smtp::ScriptedServer server(core_, StartTlsThen({}), &contexts_.server());
  const PingResult result = Ping();
  EXPECT_EQ(result.verdict, PingVerdict::kInvalid);
  ASSERT_THAT(result.targets, SizeIs(1));
  const PingTarget& target = result.targets[0];
  EXPECT_FALSE(target.valid);
  EXPECT_EQ(target.stage, "verify");
  EXPECT_EQ(target.reason, "name_mismatch");
  EXPECT_EQ(target.tls_version, "TLSv1.3");
  EXPECT_THAT(target.cipher, HasSubstr("AES"));
  EXPECT_EQ(target.certificate_subject, "CN=mx.example.net");
  EXPECT_EQ(target.certificate_issuer, "CN=Test Root");
  EXPECT_EQ(target.certificate_fingerprint.size(), 64u);
  EXPECT_THAT(target.certificate_names, ElementsAre("DNS:mx.example.net"));
  EXPECT_THAT(target.chain, ElementsAre("CN=mx.example.net"));
  EXPECT_TRUE(target.certificate_not_after.has_value());
}

// Reports of TLS are about deliveries (RFC 8460 §4); a probe stands for those that wait for it.
TEST_F(PingTest, OnlyAProbeForMailThatWaitsIsCounted) {
  {
    smtp::ScriptedServer server(core_, Good(), &contexts_.server());
    Ping();
  }
  EXPECT_THAT(counted_, IsEmpty());
  order_.for_mail = true;
  {
    smtp::ScriptedServer server(core_, Good(), &contexts_.server());
    Ping();
  }
  ASSERT_THAT(counted_, SizeIs(1));
  EXPECT_EQ(counted_[0].policy.domain, "example.com");
  EXPECT_FALSE(counted_[0].failure.has_value());
  UseEntry({{"pattern", "example.com"}, {"level", "secure"}});
  smtp::ScriptedServer server(core_, StartTlsThen({}), &contexts_.server());
  Ping();
  ASSERT_THAT(counted_, SizeIs(2));
  EXPECT_EQ(counted_[1].failure.value().type, tlsrpt::ResultType::kCertificateHostMismatch);
}

TEST_F(PingTest, ADomainOnNoEntryIsHeldToEncryption) {
  smtp::ScriptedServer server(core_, {Say("220 mx.example.net\r\n"), Hear(kEhlo),
                                      Say("250 mx.example.net\r\n"), Hear("QUIT")});
  const PingResult result = Ping();
  EXPECT_EQ(result.verdict, PingVerdict::kInvalid);
  EXPECT_EQ(result.entry, "");
  EXPECT_EQ(result.level, "encrypt");
  EXPECT_EQ(result.targets.at(0).stage, "starttls");
  EXPECT_EQ(result.targets.at(0).reason, "not_offered");
  EXPECT_EQ(result.targets.at(0).tls_version, "");
  EXPECT_EQ(result.targets.at(0).certificate_subject, "");
  EXPECT_THAT(server.in_clear(), Not(HasSubstr("MAIL")));
}

TEST_F(PingTest, AHostThatCannotBeFoundMakesItPartial) {
  resolver_.SetMx("example.com", {{10, "mx.example.net"}, {20, "gone.test"}});
  smtp::ScriptedServer server(core_, Good(), &contexts_.server());
  const PingResult result = Ping();
  EXPECT_EQ(result.verdict, PingVerdict::kPartial);
  ASSERT_THAT(result.targets, SizeIs(2));
  EXPECT_EQ(result.targets[0].mx, "gone.test");
  EXPECT_EQ(result.targets[0].reason, "dns");
  EXPECT_TRUE(result.targets[1].valid);
}

TEST_F(PingTest, ADomainThatCannotBeFoundSaysWhy) {
  resolver_.FailMx("example.com", absl::UnavailableError("SERVFAIL"));
  const PingResult result = Ping();
  EXPECT_EQ(result.verdict, PingVerdict::kInvalid);
  EXPECT_EQ(result.dns_failure, "SERVFAIL");
  EXPECT_THAT(result.targets, IsEmpty());
}

TEST_F(PingTest, AServerThatSaysNothingDoesNotHoldItBeyondItsDeadline) {
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  smtp::ScriptedServer server(core_, {smtp::Stall()});
  const PingResult result = Ping(absl::Seconds(20));
  EXPECT_LE(took_, absl::Seconds(21));
  EXPECT_EQ(result.verdict, PingVerdict::kInvalid);
  ASSERT_THAT(result.targets, SizeIs(2));
  EXPECT_EQ(result.targets[0].stage, "banner");
  EXPECT_EQ(result.targets[1].reason, "timeout");
}

TEST_F(PingTest, AHostThatIsNotThereDoesNotEither) {
  core_.set_unreachable();
  const PingResult result = Ping(absl::Seconds(3));
  EXPECT_LE(took_, absl::Seconds(4));
  EXPECT_EQ(result.targets.at(0).stage, "connect");
}

TEST_F(PingTest, SaysWhatDecidedAndWhatTheHostAnnounces) {
  {
    smtp::ScriptedServer server(core_, Good(), &contexts_.server());
    const PingResult result = Ping();
    ASSERT_THAT(result.targets, SizeIs(1));
    EXPECT_EQ(result.targets[0].decided_by, "default");
    EXPECT_THAT(result.targets[0].dane, HasSubstr("the MX records of example.com are not signed"));
  }
  resolver_.SignMx("example.com");
  resolver_.SignAddresses("mx.example.net");
  resolver_.SetTlsa("mx.example.net", 25, {{3, 1, 1, std::string(32, 'x')}});
  smtp::ScriptedServer server(core_, StartTlsThen({}), &contexts_.server());
  const PingResult mismatch = Ping();
  ASSERT_THAT(mismatch.targets, SizeIs(1));
  EXPECT_EQ(mismatch.verdict, PingVerdict::kInvalid);
  EXPECT_EQ(mismatch.targets[0].decided_by, "dane");
  EXPECT_EQ(mismatch.targets[0].stage, "verify");
  EXPECT_EQ(mismatch.targets[0].reason, "dane_mismatch");
  EXPECT_EQ(mismatch.targets[0].dane, "1 of 1 TLSA records of mx.example.net can be used");
}

TEST_F(PingTest, AHostThatDaneKeepsMailFromIsNotConnectedTo) {
  UseEntry({{"pattern", "example.com"}, {"level", "dane-only"}});
  const PingResult result = Ping();
  ASSERT_THAT(result.targets, SizeIs(1));
  EXPECT_EQ(result.verdict, PingVerdict::kInvalid);
  EXPECT_EQ(result.targets[0].address, "192.0.2.1:25");
  EXPECT_EQ(result.targets[0].stage, "dns");
  EXPECT_EQ(result.targets[0].reason, "dane_required");
  EXPECT_THAT(result.targets[0].detail, HasSubstr("not signed"));
}

class PingMtaStsTest : public PingTest {
 protected:
  PingMtaStsTest() {
    mta_sts_ = std::make_unique<MtaSts>(core_, resolver_, world_.spool(), contexts_.NewClient(),
                                        absl::Minutes(5));
    resolver_.SetTxt("_mta-sts.example.com", {"v=STSv1; id=1;"});
  }

  // As from the store, and of today.
  void Know(const std::string& mode, const std::string& mx) {
    sts::KeptPolicy kept;
    kept.id = "1";
    kept.file =
        absl::StrCat("version: STSv1\nmode: ", mode, "\nmx: ", mx, "\nmax_age: 604800\n");
    kept.fetched_at = kept.used_at = world_.Now();
    mta_sts_->Remember("example.com", sts::EncodePolicy(kept));
  }

 private:
  queue::SpoolWorld world_;
};

TEST_F(PingMtaStsTest, AHostThatTheDomainNamesIsHeldToItsName) {
  Know("enforce", "*.example.net");
  smtp::ScriptedServer server(core_, Good(), &contexts_.server());
  const PingResult result = Ping();
  ASSERT_THAT(result.targets, SizeIs(1));
  EXPECT_EQ(result.verdict, PingVerdict::kValid);
  EXPECT_EQ(result.targets[0].decided_by, "mta-sts");
}

TEST_F(PingMtaStsTest, ACertificateOfAnotherNameWillNotDo) {
  Know("enforce", "mx.example.org");
  resolver_.SetMx("example.com", {{10, "mx.example.org"}});
  resolver_.SetAddresses("mx.example.org", {"192.0.2.1"});
  smtp::ScriptedServer server(core_, StartTlsThen({}), &contexts_.server());
  const PingResult result = Ping();
  ASSERT_THAT(result.targets, SizeIs(1));
  EXPECT_EQ(result.targets[0].stage, "verify");
  EXPECT_EQ(result.targets[0].reason, "name_mismatch");
  EXPECT_EQ(result.targets[0].decided_by, "mta-sts");
}

TEST_F(PingMtaStsTest, AHostThatTheDomainDoesNotNameIsNotConnectedTo) {
  Know("enforce", "mx.example.org");
  const PingResult result = Ping();
  ASSERT_THAT(result.targets, SizeIs(1));
  EXPECT_EQ(result.verdict, PingVerdict::kInvalid);
  EXPECT_EQ(result.targets[0].stage, "dns");
  EXPECT_EQ(result.targets[0].reason, "sts_mx_mismatch");
  EXPECT_THAT(result.targets[0].detail, HasSubstr("names mx.example.org, and not mx.example.net"));
}

TEST_F(PingMtaStsTest, TestingKeepsNothingBack) {
  Know("testing", "mx.example.org");
  smtp::ScriptedServer server(core_, Good(), &contexts_.server());
  EXPECT_EQ(Ping().verdict, PingVerdict::kValid);
}

TEST_F(PingMtaStsTest, AnAddressThatIsGivenIsNobodysPolicy) {
  Know("enforce", "mx.example.org");
  order_.addresses.push_back(*io::SocketAddress::FromIp("192.0.2.1", 25));
  smtp::ScriptedServer server(core_, Good(), &contexts_.server());
  EXPECT_EQ(Ping().verdict, PingVerdict::kValid);
}

}  // namespace
}  // namespace sluice::relay
