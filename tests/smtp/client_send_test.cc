// Sending: golden dialogues, and what each recipient gets when they go wrong.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/smtp/client_script.h"
#include "tests/smtp/client_sending.h"

namespace sluice::smtp {
namespace {

using testing::HasSubstr;

TEST(ClientSendTest, SaysOneCommandAfterAnotherWithoutPipelining) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 2.1.0 ok\r\n"),
                         Hear("RCPT TO:<b@example.net>"), Say("250 2.1.5 ok\r\n"),
                         Hear("RCPT TO:<c@example.net>"), Say("251 2.1.5 will forward\r\n"),
                         Hear("DATA"), Say("354 go on\r\n"), HearBody(kStuffed),
                         Say("250 2.0.0 queued as 17\r\n"), Hear("QUIT"), Say("221 bye\r\n")}));
  const SessionRun run = Send(core, {To({"b@example.net", "c@example.net"})});
  EXPECT_EQ(Said(run), (Strings{"delivered final 250", "delivered final 250"}));
  EXPECT_EQ(run.sent[0].recipients[0].reply.text, "queued as 17");
  EXPECT_FALSE(run.sent[0].failure.has_value());
  EXPECT_FALSE(run.sent[0].final_reply_lost);
  EXPECT_TRUE(run.reusable_at_the_end);
}

TEST(ClientSendTest, SaysAllOfTheEnvelopeAtOnceWithPipelining) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({"Pipelining", "size 1000000"},
                    {Hear("MAIL FROM:<a@example.com> SIZE=25"), Hear("RCPT TO:<b@example.net>"),
                     Hear("RCPT TO:<c@example.net>"), Hear("DATA"),
                     Say("250 ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n"), HearBody(kStuffed),
                     Say("250 queued\r\n"), Hear("QUIT")}));
  const SessionRun run = Send(core, {To({"b@example.net", "c@example.net"})});
  EXPECT_EQ(Said(run), (Strings{"delivered final 250", "delivered final 250"}));
}

// What RFC 3461 lets a sender ask, of two of three recipients.
Mail ThatAsks() {
  Mail mail = To({"b@example.net", "c@example.net", "d@example.net"});
  mail.message.ret = "HDRS";
  mail.message.envid = "QQ+2B1";
  mail.message.recipient_parameters = {
      {"SUCCESS,DELAY", "rfc822;b+2Bold@example.net"}, {}, {"NEVER", std::nullopt}};
  return mail;
}

TEST(ClientSendTest, PassesOnWhatTheSenderAsksToBeTold) {
  FakeCore core;
  ScriptedServer server(
      core,
      Greeted(
          {"PIPELINING", "dsn"},
          {Hear("MAIL FROM:<a@example.com> RET=HDRS ENVID=QQ+2B1"),
           Hear("RCPT TO:<b@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bold@example.net"),
           Hear("RCPT TO:<c@example.net>"), Hear("RCPT TO:<d@example.net> NOTIFY=NEVER"),
           Hear("DATA"), Say("250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n"),
           HearBody(kStuffed), Say("250 queued\r\n"), Hear("QUIT")}));
  const SessionRun run = Send(core, {ThatAsks()});
  EXPECT_EQ(Said(run), Strings(3, "delivered final 250"));
  EXPECT_TRUE(run.facts.capabilities.dsn);
}

TEST(ClientSendTest, AsksNothingOfAServerWithoutDsn) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({"PIPELINING"},
                    {Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>"),
                     Hear("RCPT TO:<c@example.net>"), Hear("RCPT TO:<d@example.net>"), Hear("DATA"),
                     Say("250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n"),
                     HearBody(kStuffed), Say("250 queued\r\n"), Hear("QUIT")}));
  const SessionRun run = Send(core, {ThatAsks()});
  EXPECT_EQ(Said(run), Strings(3, "delivered final 250"));
  EXPECT_FALSE(run.facts.capabilities.dsn);
}

TEST(ClientSendTest, ParametersThatCannotBeSaidAreLeftOut) {
  FakeCore core;
  ScriptedServer server(core,
                        Greeted({"DSN"}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                                          Hear("RCPT TO:<b@example.net>"), Say("550 5.1.1 no\r\n"),
                                          Hear("RSET"), Say("250 ok\r\n"), Hear("QUIT")}));
  Mail mail = To({"b@example.net"});
  mail.message.envid = "1 SIZE=5";
  mail.message.ret = "";
  mail.message.recipient_parameters = {{"NEVER\r\nDATA", std::string(5000, 'x')}};
  EXPECT_EQ(Said(Send(core, {mail})), Strings{"failed rcpt 550"});
}

// RFC 8689 §4.2.1: not in clear, whatever is offered there.
TEST(ClientSendTest, RequireTlsIsNeverSentInClear) {
  FakeCore core;
  ScriptedServer server(core, Greeted({"REQUIRETLS"}, {Hear("QUIT")}));
  Mail mail = To({"b@example.net", "c@example.net"});
  mail.message.require_tls = true;
  const SessionRun run = Send(core, {mail});
  EXPECT_EQ(Said(run), Strings(2, "failed mail 550 local"));
  EXPECT_EQ(run.sent[0].recipients[0].reply.status, (EnhancedStatus{5, 7, 30}));
}

// §5: a notification is not lost for it.
TEST(ClientSendTest, RequireTlsOfTheNullSenderIsAWish) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({"REQUIRETLS"},
                    {Hear("MAIL FROM:<>"), Say("250 ok\r\n"), Hear("RCPT TO:<b@example.net>"),
                     Say("550 5.1.1 no\r\n"), Hear("RSET"), Say("250 ok\r\n"), Hear("QUIT")}));
  Mail mail = To({"b@example.net"});
  mail.message.sender = "";
  mail.message.require_tls = true;
  EXPECT_EQ(Said(Send(core, {mail})), Strings{"failed rcpt 550"});
}

TEST(ClientSendTest, SendsSeveralMessagesOverOneConnection) {
  FakeCore core;
  const std::vector<Step> one = {Hear("MAIL FROM:<a@example.com>"),
                                 Hear("RCPT TO:<b@example.net>"),
                                 Hear("DATA"),
                                 Say("250 ok\r\n250 ok\r\n354 go on\r\n"),
                                 HearBody(kStuffed),
                                 Say("250 queued\r\n")};
  std::vector<Step> script = one;
  script.insert(script.end(), one.begin(), one.end());
  script.push_back(Hear("QUIT"));
  ScriptedServer server(core, Greeted({"PIPELINING"}, script));
  const SessionRun run = Send(core, {To({"b@example.net"}), To({"b@example.net"})});
  EXPECT_EQ(Said(run, 1), (Strings{"delivered final 250"}));
  EXPECT_EQ(server.connections(), 1);
}

TEST(ClientSendTest, SplitsManyRecipientsIntoBatchesWhoseRepliesItReads) {
  const size_t kCount = 2 * ClientSession::kPipelinedCommands + 5;
  std::vector<Step> script = {Hear("MAIL FROM:<a@example.com>")};
  std::vector<std::string> recipients;
  std::string replies = "250 ok\r\n";
  size_t in_batch = 1;
  for (size_t i = 0; i < kCount; ++i) {
    recipients.push_back(absl::StrCat("r", i, "@example.net"));
    script.push_back(Hear(absl::StrCat("RCPT TO:<r", i, "@example.net>")));
    replies += i % 10 == 3 ? "550 5.1.1 unknown\r\n" : "250 ok\r\n";
    if (++in_batch == ClientSession::kPipelinedCommands) {
      script.push_back(Say(std::exchange(replies, "")));
      in_batch = 0;
    }
  }
  script.insert(script.end(), {Hear("DATA"), Say(replies + "354 go on\r\n"), HearBody(kStuffed),
                               Say("250 queued\r\n"), Hear("QUIT")});
  FakeCore core;
  ScriptedServer server(core, Greeted({"PIPELINING"}, script));
  const SessionRun run = Send(core, {To(recipients)});
  const Strings said = Said(run);
  ASSERT_EQ(said.size(), kCount);
  for (size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(said[i], i % 10 == 3 ? "failed rcpt 550" : "delivered final 250") << i;
  }
}

TEST(ClientSendTest, StuffsDots) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({}, {Hear("MAIL FROM:<>"), Say("250 ok\r\n"), Hear("RCPT TO:<b@example.net>"),
                         Say("250 ok\r\n"), Hear("DATA"), Say("354 go on\r\n"),
                         HearBody("..\r\n..x\r\nMAIL FROM:<evil@example.com>\r\n.\r\n"),
                         Say("250 queued\r\n"), Hear("QUIT")}));
  const SessionRun run = Send(core, {{{.sender = "", .recipients = {"b@example.net"}},
                                      ".\r\n.x\r\nMAIL FROM:<evil@example.com>\r\n"}});
  EXPECT_EQ(Said(run), (Strings{"delivered final 250"}));
}

// ---- Recipients that fare differently

TEST(ClientSendTest, EachRecipientGetsItsOwnAnswer) {
  FakeCore core;
  ScriptedServer server(
      core,
      Greeted({"PIPELINING"},
              {Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>"),
               Hear("RCPT TO:<c@example.net>"), Hear("RCPT TO:<d@example.net>"), Hear("DATA"),
               Say("250 ok\r\n550 5.1.1 unknown\r\n250 ok\r\n450 4.2.1 greylisted\r\n354 go\r\n"),
               HearBody(kStuffed), Say("250 queued\r\n"), Hear("QUIT")}));
  const SessionRun run = Send(core, {To({"b@example.net", "c@example.net", "d@example.net"})});
  EXPECT_EQ(Said(run), (Strings{"failed rcpt 550", "delivered final 250", "deferred rcpt 450"}));
  EXPECT_EQ(run.sent[0].recipients[2].reply.text, "greylisted");
}

TEST(ClientSendTest, TooManyRecipientsIsTransientAndAFullMailboxIsNot) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({"PIPELINING"},
                    {Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>"),
                     Hear("RCPT TO:<c@example.net>"), Hear("RCPT TO:<d@example.net>"), Hear("DATA"),
                     Say("250 ok\r\n552 too many\r\n552 5.5.3 too many\r\n552 5.2.2 full\r\n"
                         "503 5.5.1 no valid recipients\r\n"),
                     Hear("RSET"), Say("250 ok\r\n"), Hear("QUIT")}));
  const SessionRun run = Send(core, {To({"b@example.net", "c@example.net", "d@example.net"})});
  EXPECT_EQ(Said(run), (Strings{"deferred rcpt 552", "deferred rcpt 552", "failed rcpt 552"}));
}

TEST(ClientSendTest, ABodyForNobodyIsEmpty) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({"PIPELINING"},
                    {Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>"),
                     Hear("DATA"), Say("250 ok\r\n550 5.1.1 unknown\r\n354 go on\r\n"),
                     HearBody(".\r\n"), Say("554 5.5.1 no valid recipients\r\n"), Hear("QUIT")}));
  const SessionRun run = Send(core, {To({"b@example.net"})});
  EXPECT_EQ(Said(run), (Strings{"failed rcpt 550"}));
  EXPECT_TRUE(run.reusable_at_the_end);
  EXPECT_THAT(server.in_clear(), testing::Not(HasSubstr("hello\r\n")));
}

TEST(ClientSendTest, WithoutPipeliningNobodyAcceptedMeansNoData) {
  FakeCore core;
  ScriptedServer server(core,
                        Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                                     Hear("RCPT TO:<b@example.net>"), Say("550 5.1.1 unknown\r\n"),
                                     Hear("RSET"), Say("250 ok\r\n"), Hear("QUIT")}));
  EXPECT_EQ(Said(Send(core, {To({"b@example.net"})})), (Strings{"failed rcpt 550"}));
}

TEST(ClientSendTest, ARefusalOfMailIsForEveryRecipient) {
  for (const bool pipelining : {false, true}) {
    FakeCore core;
    std::vector<Step> script =
        pipelining
            ? std::vector<Step>{Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>"),
                                Hear("RCPT TO:<c@example.net>"), Hear("DATA"),
                                Say("550 5.7.1 no\r\n503 no\r\n503 no\r\n503 no\r\n")}
            : std::vector<Step>{Hear("MAIL FROM:<a@example.com>"), Say("550 5.7.1 no\r\n")};
    script.push_back(Hear("QUIT"));
    ScriptedServer server(core, Greeted({pipelining ? "PIPELINING" : "X"}, script));
    const SessionRun run = Send(core, {To({"b@example.net", "c@example.net"})});
    EXPECT_EQ(Said(run), (Strings{"failed mail 550", "failed mail 550"}));
    EXPECT_TRUE(run.reusable_at_the_end);
  }
}

TEST(ClientSendTest, ARefusalOfDataLeavesATransactionThatIsResetBeforeTheNext) {
  FakeCore core;
  ScriptedServer server(
      core,
      Greeted({"PIPELINING"}, {Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>"),
                               Hear("RCPT TO:<c@example.net>"), Hear("DATA"),
                               Say("250 ok\r\n250 ok\r\n550 5.1.1 unknown\r\n451 4.3.0 later\r\n"),
                               Hear("RSET"), Say("250 2.0.0 ok\r\n"),
                               Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<d@example.net>"),
                               Hear("DATA"), Say("250 ok\r\n250 ok\r\n354 go on\r\n"),
                               HearBody(kStuffed), Say("250 queued\r\n"), Hear("QUIT")}));
  const SessionRun run =
      Send(core, {To({"b@example.net", "c@example.net"}), To({"d@example.net"})});
  EXPECT_EQ(Said(run), (Strings{"deferred data 451", "failed rcpt 550"}));
  EXPECT_EQ(Said(run, 1), (Strings{"delivered final 250"}));
}

TEST(ClientSendTest, AConnectionThatCannotBeResetIsNotUsedAgainAndDecidesNothing) {
  for (const Step& answer :
       {Say("421 4.3.2 closing\r\n"), Say("500 what?\r\n"), Say("x\r\n"), smtp::Close(), Stall()}) {
    FakeCore core;
    ScriptedServer server(core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                                             Hear("RCPT TO:<b@example.net>"),
                                             Say("550 5.1.1 unknown\r\n"), Hear("RSET"), answer}));
    const SessionRun run = Send(core, {To({"b@example.net"}), To({"c@example.net"})});
    ASSERT_EQ(run.sent.size(), 1u);
    EXPECT_EQ(Said(run), (Strings{"failed rcpt 550"}));
    EXPECT_FALSE(run.sent[0].failure.has_value());
    EXPECT_FALSE(run.reusable_at_the_end);
  }
}

TEST(ClientSendTest, NothingIsWaitedForInFrontOfTheNextMailFrom) {
  // What is asked before a message is sent (does the policy still hold?) must hold when it is. So a
  // transaction that was left open is ended with its own message, a minute before the next one.
  FakeCore core;
  ScriptedServer server(
      core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                         Hear("RCPT TO:<b@example.net>"), Say("550 5.1.1 unknown\r\n"),
                         Hear("RSET"), Say("250 ok\r\n"), smtp::Wait(absl::Seconds(30)),
                         Hear("MAIL FROM:<a@example.com>"), Say("421 4.3.2 closing\r\n")}));
  const SessionRun run =
      Send(core, {To({"b@example.net"}), To({"c@example.net"})}, {}, absl::Minutes(1));
  EXPECT_EQ(run.sent.size(), 2u);
  EXPECT_EQ(run.elapsed, absl::Minutes(2));  // the pause behind each
}

TEST(ClientSendTest, TheFinalReplyDecidesForThoseAccepted) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"250 ok\r\n", "delivered final 250"},
      {"452 4.3.1 full\r\n", "deferred final 452"},
      {"554 5.7.1 spam\r\n", "failed final 554"},
      {"421 4.3.2 closing\r\n", "deferred final 421"}};
  for (const auto& [reply, expected] : cases) {
    FakeCore core;
    ScriptedServer server(
        core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                           Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n"), Hear("DATA"),
                           Say("354 go on\r\n"), HearBody(kStuffed), Say(reply)}));
    const SessionRun run = Send(core, {To({"b@example.net"})});
    EXPECT_EQ(Said(run), (Strings{expected}));
    EXPECT_FALSE(run.sent[0].final_reply_lost);
    EXPECT_EQ(run.reusable_at_the_end, !absl::StartsWith(reply, "421"));
  }
}

// ---- What is decided without the server

SessionRun SendToServerWith(const std::vector<std::string>& keywords, const Mail& mail,
                            const std::string& mail_command, FakeCore& core) {
  std::vector<Step> script;
  if (!mail_command.empty()) {
    script = {Hear(mail_command), Say("250 ok\r\n"),    Hear("RCPT TO:<b@example.net>"),
              Say("250 ok\r\n"),  Hear("DATA"),         Say("354 go on\r\n"),
              HearSome(),         Say("250 queued\r\n")};
  }
  script.push_back(Hear("QUIT"));
  ScriptedServer server(core, Greeted(keywords, script));
  return Send(core, {mail});
}

TEST(ClientSendTest, MailParametersAreThoseOffered) {
  Mail mail = To({"b@example.net"});
  mail.message.eight_bit = true;
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "MAIL FROM:<a@example.com>"},
      {{"SIZE"}, "MAIL FROM:<a@example.com> SIZE=25"},
      {{"8BITMIME"}, "MAIL FROM:<a@example.com> BODY=8BITMIME"},
      {{"SMTPUTF8", "8bitmime", "SIZE 25"}, "MAIL FROM:<a@example.com> SIZE=25 BODY=8BITMIME"}};
  for (const auto& [keywords, command] : cases) {
    FakeCore core;
    EXPECT_EQ(Said(SendToServerWith(keywords, mail, command, core)),
              (Strings{"delivered final 250"}));
  }
}

TEST(ClientSendTest, InternationalizedMailNeedsAServerThatTakesIt) {
  Mail mail = To({"b@example.net"});
  mail.message.sender = "grüße@example.com";
  mail.message.smtputf8 = true;
  FakeCore with;
  EXPECT_EQ(
      Said(SendToServerWith({"SMTPUTF8"}, mail, "MAIL FROM:<grüße@example.com> SMTPUTF8", with)),
      (Strings{"delivered final 250"}));
  FakeCore without;
  const SessionRun run = SendToServerWith({"8BITMIME"}, mail, "", without);
  EXPECT_EQ(Said(run), (Strings{"failed mail 553 local"}));
  EXPECT_EQ(run.sent[0].recipients[0].reply.status->ToString(), "5.6.7");
  EXPECT_TRUE(run.reusable_at_the_end);
}

TEST(ClientSendTest, ABodyOverTheStatedSizeIsNotSent) {
  FakeCore core;
  const SessionRun run = SendToServerWith({"SIZE 24"}, To({"b@example.net"}), "", core);
  EXPECT_EQ(Said(run), (Strings{"failed mail 552 local"}));
  EXPECT_EQ(run.sent[0].recipients[0].reply.status->ToString(), "5.3.4");
}

TEST(ClientSendTest, AddressesCannotSmuggleCommandsOrParameters) {
  for (const std::string evil :
       {"c@example.net>\r\nDATA\r\nx", "c@example.net> SIZE=1", "c d@example.net", "<c@example.net",
        "\"c@example.net", "c@example.net\n", "", "\"\r\n\"@example.net"}) {
    SCOPED_TRACE(evil);
    FakeCore core;
    Mail mail = To({evil, "b@example.net"});
    const SessionRun run = SendToServerWith({}, mail, "MAIL FROM:<a@example.com>", core);
    EXPECT_EQ(Said(run), (Strings{"failed rcpt 553 local", "delivered final 250"}));
    if (evil.empty()) continue;  // the null sender is one
    FakeCore other;
    mail = To({"b@example.net"});
    mail.message.sender = evil;
    EXPECT_EQ(Said(SendToServerWith({}, mail, "", other)), (Strings{"failed mail 553 local"}));
  }
  FakeCore core;
  Mail mail = To({"b@example.net"});
  mail.message.sender = "\"odd \\\" <one>\"@example.com";
  EXPECT_EQ(Said(SendToServerWith({}, mail, "MAIL FROM:<\"odd \\\" <one>\"@example.com>", core)),
            (Strings{"delivered final 250"}));
}

}  // namespace
}  // namespace sluice::smtp
