// The whole way through TLS, with the real handshake on both ends.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/smtp/client_script.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::smtp {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kClear[] = "EHLO gw.example.com\r\nSTARTTLS\r\n";
constexpr char kEhlo[] = "EHLO gw.example.com";
constexpr char kBody[] = "Subject: hello\r\n\r\n.hello\r\n";

// The script up to where TLS begins, then `rest`.
std::vector<Step> StartTlsThen(std::vector<Step> rest) {
  std::vector<Step> script = {Say("220 mx.example.net ESMTP\r\n"), Hear(kEhlo),
                              Say("250-mx.example.net\r\n250-PIPELINING\r\n250 STARTTLS\r\n"),
                              Hear("STARTTLS"), Say("220 2.0.0 go on\r\n")};
  script.insert(script.end(), rest.begin(), rest.end());
  return script;
}

class ClientTlsTest : public testing::Test {
 protected:
  SessionRun Open(FakeCore& core, TlsUse use, std::vector<Mail> mails = {},
                  ClientOptions options = {}) {
    return RunSession(core, std::move(use), contexts_.client(), std::move(mails),
                      std::move(options));
  }
  static tls::PeerDemand Verified(std::string name) {
    tls::PeerDemand demand;
    demand.check = tls::PeerCheck::kNames;
    demand.server_name = name;
    demand.names = {name};
    return demand;
  }
  static std::vector<Mail> OneMail() {
    return {{{.sender = "a@example.com", .recipients = {"b@example.net"}}, kBody}};
  }

  TestTlsContexts contexts_;
};

TEST_F(ClientTlsTest, DeliversInsideTls) {
  FakeCore core;
  ScriptedServer server(
      core,
      StartTlsThen({AcceptTls(), Hear(kEhlo), Say("250-mx.example.net\r\n250 SIZE 1000\r\n"),
                    Hear("MAIL FROM:<a@example.com> SIZE=26"), Say("250 ok\r\n"),
                    Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n"), Hear("DATA"),
                    Say("354 go on\r\n"), HearBody("Subject: hello\r\n\r\n..hello\r\n.\r\n"),
                    Say("250 queued\r\n"), Hear("QUIT"), Say("221 bye\r\n")}),
      &contexts_.server());
  const SessionRun run = Open(core, TlsUse::Must(Verified("mx.example.net")), OneMail());
  ASSERT_FALSE(run.failure.has_value()) << run.failure->detail;
  ASSERT_EQ(run.sent.size(), 1u);
  EXPECT_EQ(run.sent[0].recipients[0].outcome, RecipientResult::Outcome::kDelivered);
  EXPECT_EQ(server.in_clear(), kClear);
  ASSERT_TRUE(run.facts.tls.has_value());
  EXPECT_EQ(run.facts.tls->version_name, "TLSv1.3");
  EXPECT_EQ(run.facts.reached, Stage::kPostEhlo);
  EXPECT_TRUE(run.facts.starttls_offered);
}

// RFC 8689 §4.2.1.
TEST_F(ClientTlsTest, RequireTlsIsSaidWhereItIsOfferedInsideTls) {
  FakeCore core;
  ScriptedServer server(
      core,
      StartTlsThen({AcceptTls(), Hear(kEhlo), Say("250-mx.example.net\r\n250 RequireTLS\r\n"),
                    Hear("MAIL FROM:<a@example.com> REQUIRETLS"), Say("250 ok\r\n"),
                    Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n"), Hear("DATA"),
                    Say("354 go on\r\n"), HearBody("Subject: hello\r\n\r\n..hello\r\n.\r\n"),
                    Say("250 queued\r\n"), Hear("QUIT"), Say("221 bye\r\n")}),
      &contexts_.server());
  std::vector<Mail> mails = OneMail();
  mails[0].message.require_tls = true;
  const SessionRun run = Open(core, TlsUse::Must(Verified("mx.example.net")), mails);
  ASSERT_EQ(run.sent.size(), 1u);
  EXPECT_EQ(run.sent[0].recipients[0].outcome, RecipientResult::Outcome::kDelivered);
}

TEST_F(ClientTlsTest, RequireTlsGoesToNoServerThatDoesNotOfferIt) {
  FakeCore core;
  ScriptedServer server(
      core,
      StartTlsThen({AcceptTls(), Hear(kEhlo), Say("250-mx.example.net\r\n250 DSN\r\n"),
                    Hear("QUIT"), Say("221 bye\r\n")}),
      &contexts_.server());
  std::vector<Mail> mails = OneMail();
  mails[0].message.require_tls = true;
  const SessionRun run = Open(core, TlsUse::Must(Verified("mx.example.net")), mails);
  ASSERT_EQ(run.sent.size(), 1u);
  EXPECT_EQ(run.sent[0].recipients[0].outcome, RecipientResult::Outcome::kFailed);
  EXPECT_TRUE(run.sent[0].recipients[0].local);
  EXPECT_EQ(run.sent[0].recipients[0].reply.status, (EnhancedStatus{5, 7, 30}));
  EXPECT_FALSE(run.sent[0].failure.has_value());
}

TEST_F(ClientTlsTest, AStarttlsPingSaysNoMailFrom) {
  FakeCore core;
  ScriptedServer server(
      core, StartTlsThen({AcceptTls(), Hear(kEhlo), Say("250 mx.example.net\r\n"), Hear("QUIT")}),
      &contexts_.server());
  const SessionRun run = Open(core, TlsUse::Must({}));
  EXPECT_FALSE(run.failure.has_value());
  EXPECT_EQ(server.in_tls(), "EHLO gw.example.com\r\nQUIT\r\n");
}

TEST_F(ClientTlsTest, WhatWasOfferedInClearDoesNotCountInsideTls) {
  FakeCore core;
  // PIPELINING was offered in clear only: the commands come one by one.
  ScriptedServer server(
      core,
      StartTlsThen({AcceptTls(), Hear(kEhlo), Say("250-inside.example.net\r\n250 SMTPUTF8\r\n"),
                    Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                    Hear("RCPT TO:<b@example.net>"), Say("550 5.1.1 no\r\n"), Hear("RSET"),
                    Say("250 ok\r\n"), Hear("QUIT")}),
      &contexts_.server());
  const SessionRun run = Open(core, TlsUse::May({}), OneMail());
  ASSERT_EQ(run.sent.size(), 1u);
  EXPECT_EQ(run.sent[0].recipients[0].reply.code, 550);
  EXPECT_FALSE(run.facts.capabilities.pipelining);
  EXPECT_FALSE(run.facts.capabilities.starttls);
  EXPECT_TRUE(run.facts.capabilities.smtputf8);
  EXPECT_EQ(run.facts.server_name, "inside.example.net");
}

TEST_F(ClientTlsTest, AServerThatIsNotTheOneAskedForGetsNoMail) {
  FakeCore core;
  ScriptedServer server(core, StartTlsThen({AcceptTls(), Hear(kEhlo)}), &contexts_.server());
  const SessionRun run = Open(core, TlsUse::Must(Verified("other.example.net")), OneMail());
  ASSERT_TRUE(run.failure.has_value());
  EXPECT_EQ(run.failure->stage, Stage::kVerify);
  EXPECT_EQ(run.failure->tls_reason, tls::Reason::kNameMismatch);
  EXPECT_EQ(run.failure->kind, Failure::Kind::kTransient);
  // What history is to have.
  ASSERT_TRUE(run.facts.tls.has_value());
  EXPECT_EQ(run.facts.tls->version_name, "TLSv1.3");
  EXPECT_THAT(run.facts.tls->cipher, HasSubstr("AES"));
  EXPECT_EQ(run.facts.tls->peer_subject, "CN=mx.example.net");
  EXPECT_EQ(run.facts.tls->peer_fingerprint.size(), 64u);
  EXPECT_EQ(server.in_clear(), kClear);
  EXPECT_EQ(server.in_tls(), "");
}

TEST_F(ClientTlsTest, AHandshakeThatFailsIsTheEndUnderEveryUse) {
  struct Case {
    std::vector<Step> script;
    tls::Reason reason;
  };
  const std::vector<Case> cases = {
      {{HearSome(), Close()}, tls::Reason::kClosed},
      {{HearSome(), Say("500 what was that?\r\n")}, tls::Reason::kProtocol},
      {{HearSome(), Stall()}, tls::Reason::kHandshakeTimeout},
      {{Wait(absl::Seconds(1)), HearSome(), Drip("\x16")}, tls::Reason::kProtocol}};
  for (const Case& expected : cases) {
    for (const bool mandatory : {true, false}) {
      FakeCore core;
      ScriptedServer server(core, StartTlsThen(expected.script));
      const SessionRun run = Open(core, mandatory ? TlsUse::Must({}) : TlsUse::May({}), OneMail());
      ASSERT_TRUE(run.failure.has_value());
      EXPECT_EQ(run.failure->stage, Stage::kHandshake);
      EXPECT_EQ(run.failure->tls_reason, expected.reason) << run.failure->detail;
      EXPECT_FALSE(run.facts.tls.has_value());
      EXPECT_LE(run.elapsed, ClientOptions().handshake_timeout + absl::Seconds(2));
      EXPECT_THAT(server.in_clear(), Not(HasSubstr("MAIL")));
      EXPECT_THAT(server.in_clear(), Not(HasSubstr("QUIT")));
    }
  }
}

TEST_F(ClientTlsTest, EhloInsideTlsThatFailsIsNotTakenForPermanent) {
  struct Case {
    std::vector<Step> rest;
    absl::string_view name;
  };
  const std::vector<Case> cases = {{{Say("550 5.7.1 not you\r\n")}, "refused"},
                                   {{Close()}, "closed"},
                                   {{Stall()}, "stalled"},
                                   {{Drip("250-x\r\n")}, "drips"}};
  for (const Case& expected : cases) {
    SCOPED_TRACE(expected.name);
    std::vector<Step> rest = {AcceptTls(), Hear(kEhlo)};
    rest.insert(rest.end(), expected.rest.begin(), expected.rest.end());
    FakeCore core;
    ScriptedServer server(core, StartTlsThen(rest), &contexts_.server());
    const SessionRun run = Open(core, TlsUse::Must({}), OneMail());
    ASSERT_TRUE(run.failure.has_value());
    EXPECT_EQ(run.failure->stage, Stage::kPostEhlo);
    EXPECT_EQ(run.failure->kind, Failure::Kind::kTransient);
    EXPECT_TRUE(run.facts.tls.has_value());
    EXPECT_LE(run.elapsed, ClientOptions().ehlo_timeout + absl::Seconds(1));
    EXPECT_THAT(server.in_tls(), Not(HasSubstr("MAIL")));
    EXPECT_THAT(server.in_tls(), Not(HasSubstr("HELO ")));
  }
}

TEST_F(ClientTlsTest, ALongBodyArrivesWhole) {
  Mail mail = OneMail()[0];
  mail.body.clear();
  for (int i = 0; i < 60'000; ++i) absl::StrAppend(&mail.body, i % 7 == 0 ? "." : "", i, "\r\n");
  std::string wire;
  for (int i = 0; i < 60'000; ++i) absl::StrAppend(&wire, i % 7 == 0 ? ".." : "", i, "\r\n");
  FakeCore core;
  core.set_window(5000);
  std::vector<Step> script = {AcceptTls(),
                              Hear(kEhlo),
                              Say("250 mx.example.net\r\n"),
                              Hear("MAIL FROM:<a@example.com>"),
                              Say("250 ok\r\n"),
                              Hear("RCPT TO:<b@example.net>"),
                              Say("250 ok\r\n"),
                              Hear("DATA"),
                              Say("354 go on\r\n"),
                              HearBody(wire + ".\r\n"),
                              Say("250 queued\r\n"),
                              Hear("QUIT")};
  ScriptedServer server(core, StartTlsThen(script), &contexts_.server());
  const SessionRun run = Open(core, TlsUse::Must({}), {mail});
  ASSERT_EQ(run.sent.size(), 1u);
  EXPECT_EQ(run.sent[0].recipients[0].outcome, RecipientResult::Outcome::kDelivered);
}

}  // namespace
}  // namespace sluice::smtp
