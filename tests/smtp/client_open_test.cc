// Opening a session: the way to TLS, and every way it can fail, in clear as seen by the server.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/smtp/client_script.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::smtp {
namespace {

using testing::HasSubstr;

constexpr char kEhlo[] = "EHLO gw.example.com";
constexpr char kBanner[] = "220 mx.example.net ESMTP\r\n";
constexpr char kOffer[] =
    "250-mx.example.net at your service\r\n250-PIPELINING\r\n250 STARTTLS\r\n";
constexpr char kNoOffer[] = "250-mx.example.net\r\n250 SIZE 1000\r\n";

// The script up to where STARTTLS has been said.
std::vector<Step> AfterStartTls(std::vector<Step> rest) {
  std::vector<Step> script = {Say(kBanner), Hear(kEhlo), Say(kOffer), Hear("STARTTLS")};
  script.insert(script.end(), rest.begin(), rest.end());
  return script;
}

class ClientOpenTest : public testing::Test {
 protected:
  TlsUse Must() { return TlsUse::Must({}); }
  TlsUse May() { return TlsUse::May({}); }
  SessionRun Open(FakeCore& core, TlsUse use, std::vector<Mail> mails = {},
                  ClientOptions options = {}) {
    return RunSession(core, std::move(use), contexts_.client(), std::move(mails),
                      std::move(options));
  }
  // With a mail at hand, which must not leak where the session did not open.
  static std::vector<Mail> OneMail() {
    return {{.message = {.sender = "a@example.com", .recipients = {"b@example.net"}}}};
  }

  FakeCore core_;
  TestTlsContexts contexts_;
};

TEST_F(ClientOpenTest, OpensInClearWhereTlsIsNotWanted) {
  ScriptedServer server(
      core_, {Say(kBanner), Hear(kEhlo), Say(kOffer), Hear("QUIT"), Say("221 2.0.0 bye\r\n")});
  const SessionRun run = Open(core_, TlsUse::Never());
  EXPECT_FALSE(run.failure.has_value()) << run.failure->detail;
  EXPECT_TRUE(run.reusable_at_the_end);
  EXPECT_EQ(server.in_clear(), "EHLO gw.example.com\r\nQUIT\r\n");
  EXPECT_EQ(run.facts.reached, Stage::kEhlo);
  EXPECT_EQ(run.facts.server_name, "mx.example.net");
  EXPECT_EQ(run.facts.banner->code, 220);
  EXPECT_TRUE(run.facts.capabilities.pipelining);
  EXPECT_FALSE(run.facts.tls.has_value());
  EXPECT_FALSE(run.facts.in_clear_because.has_value());
  EXPECT_EQ(core_.elapsed(), absl::ZeroDuration());
}

struct TlsFailureCase {
  std::string name;
  std::vector<Step> script;
  Stage stage;
  tls::Reason reason;
  std::string in_clear;  // all that the server may have heard
  int reply = 0;
};

std::vector<TlsFailureCase> TlsFailureCases() {
  const std::string ehlo_quit = "EHLO gw.example.com\r\nQUIT\r\n";
  const std::string starttls = "EHLO gw.example.com\r\nSTARTTLS\r\n";
  const std::string starttls_quit = starttls + "QUIT\r\n";
  using R = tls::Reason;
  return {
      {"not offered",
       {Say(kBanner), Hear(kEhlo), Say(kNoOffer)},
       Stage::kStarttls,
       R::kNotOffered,
       ehlo_quit},
      {"EHLO unknown",
       {Say(kBanner), Hear(kEhlo), Say("502 5.5.1 what?\r\n")},
       Stage::kEhlo,
       R::kNotOffered,
       ehlo_quit,
       502},
      {"454", AfterStartTls({Say("454 4.7.0 not now\r\n")}), Stage::kStarttls, R::kRefused,
       starttls_quit, 454},
      {"554", AfterStartTls({Say("554 5.7.0 no\r\n")}), Stage::kStarttls, R::kRefused,
       starttls_quit, 554},
      {"250", AfterStartTls({Say("250 2.0.0 ok\r\n")}), Stage::kStarttls, R::kRefused,
       starttls_quit, 250},
      {"421", AfterStartTls({Say("421 4.3.2 closing\r\n"), Close()}), Stage::kStarttls, R::kRefused,
       starttls, 421},
      {"no SMTP", AfterStartTls({Say("sure\r\n")}), Stage::kStarttls, R::kProtocol, starttls},
      {"closed before the answer", AfterStartTls({Close()}), Stage::kStarttls, R::kClosed,
       starttls},
      {"injected", AfterStartTls({Say("220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n")}), Stage::kStarttls,
       R::kPlaintextInjected, starttls, 220},
      {"one byte injected", AfterStartTls({Say("220 go\r\n\r")}), Stage::kStarttls,
       R::kPlaintextInjected, starttls, 220},
  };
}

TEST_F(ClientOpenTest, MandatoryTlsFailsWithoutAWordOfMail) {
  for (const TlsFailureCase& expected : TlsFailureCases()) {
    SCOPED_TRACE(expected.name);
    FakeCore core;
    ScriptedServer server(core, expected.script);
    const SessionRun run = Open(core, Must(), OneMail());
    ASSERT_TRUE(run.failure.has_value());
    EXPECT_EQ(run.failure->stage, expected.stage);
    EXPECT_EQ(run.failure->tls_reason, expected.reason);
    EXPECT_EQ(run.failure->kind, Failure::Kind::kTransient);
    EXPECT_EQ(run.failure->reply.has_value() ? run.failure->reply->code : 0, expected.reply);
    EXPECT_FALSE(run.failure->detail.empty());
    EXPECT_EQ(server.in_clear(), expected.in_clear);
    EXPECT_TRUE(run.sent.empty());
    EXPECT_FALSE(run.facts.tls.has_value());
    EXPECT_EQ(run.facts.reached, expected.stage);
  }
}

TEST_F(ClientOpenTest, OpportunisticTlsGoesOnInClearWhereItIsNotOffered) {
  ScriptedServer server(core_, {Say(kBanner), Hear(kEhlo), Say(kNoOffer), Hear("QUIT")});
  const SessionRun run = Open(core_, May());
  EXPECT_FALSE(run.failure.has_value());
  ASSERT_TRUE(run.facts.in_clear_because.has_value());
  EXPECT_EQ(run.facts.in_clear_because->reason, tls::Reason::kNotOffered);
  EXPECT_FALSE(run.facts.starttls_offered);
}

TEST_F(ClientOpenTest, OpportunisticTlsGoesOnInClearWhereItIsRefused) {
  ScriptedServer server(core_, AfterStartTls({Say("454 4.7.0 not now\r\n"), Hear("QUIT")}));
  const SessionRun run = Open(core_, May());
  EXPECT_FALSE(run.failure.has_value());
  ASSERT_TRUE(run.facts.in_clear_because.has_value());
  EXPECT_EQ(run.facts.in_clear_because->reason, tls::Reason::kRefused);
  EXPECT_THAT(run.facts.in_clear_because->detail, HasSubstr("454"));
  EXPECT_TRUE(run.facts.starttls_offered);
}

TEST_F(ClientOpenTest, OpportunisticTlsDoesNotGoOnBehindInjectedBytesOrAfter421) {
  for (const std::string answer : {"220 go\r\n250 x\r\n", "421 4.3.2 closing\r\n"}) {
    FakeCore core;
    ScriptedServer server(core, AfterStartTls({Say(answer)}));
    const SessionRun run = Open(core, May(), OneMail());
    ASSERT_TRUE(run.failure.has_value());
    EXPECT_EQ(server.in_clear(), "EHLO gw.example.com\r\nSTARTTLS\r\n");
  }
}

struct StallCase {
  std::string name;
  std::vector<Step> script;
  Stage stage;
  absl::Duration elapsed;
  bool tls = false;
};

TEST_F(ClientOpenTest, AServerThatStallsOrDripsIsLeftAtTheDeadlineOfItsStage) {
  ClientOptions options;
  options.connect_timeout = absl::Seconds(11);
  options.banner_timeout = absl::Seconds(120);
  options.ehlo_timeout = absl::Seconds(130);
  options.starttls_timeout = absl::Seconds(140);
  options.handshake_timeout = absl::Seconds(150);
  const std::vector<StallCase> cases = {
      {"banner", {Stall()}, Stage::kBanner, options.banner_timeout},
      {"banner drips", {Drip("220-welcome\r\n")}, Stage::kBanner, options.banner_timeout},
      {"ehlo", {Say(kBanner), Stall()}, Stage::kEhlo, options.ehlo_timeout},
      {"ehlo drips",
       {Say(kBanner), Hear(kEhlo), Drip("250-x\r\n")},
       Stage::kEhlo,
       options.ehlo_timeout},
      {"ehlo is never complete",
       {Say(kBanner), Hear(kEhlo), Say("250-mx\r\n250-STARTTLS\r\n"), Stall()},
       Stage::kEhlo,
       options.ehlo_timeout},
      {"starttls", AfterStartTls({Stall()}), Stage::kStarttls, options.starttls_timeout, true},
      {"starttls drips", AfterStartTls({Drip("220-go\r\n")}), Stage::kStarttls,
       options.starttls_timeout, true},
      {"handshake", AfterStartTls({Say("220 go\r\n"), Stall()}), Stage::kHandshake,
       options.handshake_timeout, true},
  };
  for (const StallCase& expected : cases) {
    SCOPED_TRACE(expected.name);
    FakeCore core;
    ScriptedServer server(core, expected.script);
    const SessionRun run = Open(core, Must(), OneMail(), options);
    ASSERT_TRUE(run.failure.has_value());
    EXPECT_EQ(run.failure->stage, expected.stage);
    EXPECT_EQ(run.failure->tls_reason.has_value(), expected.tls);
    if (expected.tls) EXPECT_EQ(run.failure->tls_reason, tls::Reason::kHandshakeTimeout);
    EXPECT_EQ(run.failure->kind, Failure::Kind::kTransient);
    EXPECT_GE(run.elapsed, expected.elapsed);
    EXPECT_LT(run.elapsed, expected.elapsed + absl::Seconds(1));
    EXPECT_THAT(server.in_clear(), testing::Not(HasSubstr("MAIL")));
  }
}

TEST_F(ClientOpenTest, AConnectThatHangsEndsAtItsDeadline) {
  core_.set_unreachable();
  ClientOptions options;
  options.connect_timeout = absl::Seconds(11);
  const SessionRun run = Open(core_, Must(), OneMail(), options);
  ASSERT_TRUE(run.failure.has_value());
  EXPECT_EQ(run.failure->stage, Stage::kConnect);
  EXPECT_FALSE(run.failure->tls_reason.has_value());
  EXPECT_LT(run.elapsed, absl::Seconds(12));
}

TEST_F(ClientOpenTest, TheWholeOfOpeningHasALimitOfItsOwn) {
  // Each step keeps to its deadline; all of them together do not.
  ScriptedServer server(core_, {Wait(absl::Seconds(60)), Say(kBanner), Wait(absl::Seconds(60)),
                                Say(kOffer), Wait(absl::Seconds(60)), Say("220 go\r\n"), Stall()});
  ClientOptions options;
  options.open_limit = absl::Seconds(170);
  const SessionRun run = Open(core_, Must(), OneMail(), options);
  ASSERT_TRUE(run.failure.has_value());
  EXPECT_EQ(run.failure->stage, Stage::kStarttls);
  EXPECT_LT(run.elapsed, absl::Seconds(171));
}

TEST_F(ClientOpenTest, FallsBackToHeloWhereTlsIsNotMandatory) {
  for (const bool wanted : {false, true}) {
    FakeCore core;
    ScriptedServer server(
        core, {Say("220 old.example.net\r\n"), Hear(kEhlo), Say("500 what?\r\n"),
               Hear("HELO gw.example.com"), Say("250 old.example.net\r\n"), Hear("QUIT")});
    const SessionRun run = Open(core, wanted ? May() : TlsUse::Never());
    EXPECT_FALSE(run.failure.has_value());
    EXPECT_EQ(run.facts.in_clear_because.has_value(), wanted);
  }
}

TEST_F(ClientOpenTest, AServerThatKnowsNeitherEhloNorHeloIsAPermanentFailureInClear) {
  ScriptedServer server(core_, {Say(kBanner), Hear(kEhlo), Say("500 what?\r\n"),
                                Hear("HELO gw.example.com"), Say("550 5.7.1 not you\r\n")});
  const SessionRun run = Open(core_, May());
  ASSERT_TRUE(run.failure.has_value());
  EXPECT_EQ(run.failure->stage, Stage::kEhlo);
  EXPECT_EQ(run.failure->kind, Failure::Kind::kPermanent);
  EXPECT_EQ(run.failure->reply->code, 550);
}

TEST_F(ClientOpenTest, ABannerThatRefusesIsTransientAndSoIsNone) {
  for (const std::string banner : {"554 5.7.1 not you\r\n", "421 4.3.2 busy\r\n", "hello\r\n"}) {
    FakeCore core;
    ScriptedServer server(core, {Say(banner)});
    const SessionRun run = Open(core, May());
    ASSERT_TRUE(run.failure.has_value());
    EXPECT_EQ(run.failure->stage, Stage::kBanner);
    EXPECT_EQ(run.failure->kind, Failure::Kind::kTransient);
    EXPECT_FALSE(run.failure->tls_reason.has_value());
    EXPECT_EQ(server.in_clear(), absl::StartsWith(banner, "554") ? "QUIT\r\n" : "");
  }
}

TEST_F(ClientOpenTest, RepliesThatNobodyAskedForAreNotTakenForAnswers) {
  // The forged EHLO reply has no STARTTLS; taken for the answer, it would strip TLS.
  ScriptedServer server(core_, {Say(absl::StrCat(kBanner, "250 mx.example.net\r\n"))});
  const SessionRun run = Open(core_, May(), OneMail());
  ASSERT_TRUE(run.failure.has_value());
  EXPECT_EQ(run.failure->stage, Stage::kEhlo);
  EXPECT_THAT(run.failure->detail, HasSubstr("without having been asked"));
  EXPECT_EQ(server.in_clear(), "");
}

io::Task<void> OpenAndAbort(FakeCore& core, ClientSession& session, TlsUse use,
                            tls::ClientContext& context, std::optional<Failure>& failure) {
  core.Spawn([](FakeCore& c, ClientSession& aborted) -> io::Task<void> {
    co_await c.SleepUntil(c.Now() + absl::Seconds(3));
    aborted.Abort();
  }(core, session));
  const io::ConnectOptions to{.remote = *io::SocketAddress::Parse("192.0.2.1:25"),
                              .source = std::nullopt};
  const MonoTime before = core.Now();
  failure = co_await session.Open(to, std::move(use), context);
  EXPECT_LT(core.Now(), before + absl::Seconds(4));
}

TEST_F(ClientOpenTest, AbortEndsAnOpenThatIsUnderWayAndIsNoFaultOfTls) {
  const std::vector<std::pair<std::vector<Step>, Stage>> cases = {
      {{Say(kBanner), Stall()}, Stage::kEhlo},
      {AfterStartTls({Stall()}), Stage::kStarttls},
      {AfterStartTls({Say("220 go\r\n"), Stall()}), Stage::kHandshake}};
  for (const auto& [script, stage] : cases) {
    FakeCore core;
    ScriptedServer server(core, script);
    ClientOptions options;
    options.hostname = "gw.example.com";
    ClientSession session(core, options);
    std::optional<Failure> failure;
    core.RunToEnd(OpenAndAbort(core, session, Must(), contexts_.client(), failure));
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->stage, stage);
    EXPECT_FALSE(failure->tls_reason.has_value());
    EXPECT_FALSE(session.reusable());
  }
}

}  // namespace
}  // namespace sluice::smtp
