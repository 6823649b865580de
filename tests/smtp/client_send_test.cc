// Sending: golden dialogues, and what each recipient gets when they go wrong.
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
using Outcome = RecipientResult::Outcome;

constexpr char kBody[] = "Subject: hello\r\n\r\nhello\r\n";
constexpr char kStuffed[] = "Subject: hello\r\n\r\nhello\r\n.\r\n";

// A server with these keywords, up to where mail may begin.
std::vector<Step> Greeted(const std::vector<std::string>& keywords, std::vector<Step> rest) {
  std::string reply;
  for (const std::string& keyword : keywords) absl::StrAppend(&reply, "250-", keyword, "\r\n");
  std::vector<Step> script = {Say("220 mx.example.net ESMTP\r\n"), Hear("EHLO gw.example.com"),
                              Say(absl::StrCat("250-mx.example.net\r\n", reply, "250 HELP\r\n"))};
  script.insert(script.end(), rest.begin(), rest.end());
  return script;
}

Mail To(std::vector<std::string> recipients) {
  return {{.sender = "a@example.com", .recipients = std::move(recipients)}, kBody};
}

SessionRun Send(FakeCore& core, std::vector<Mail> mails, ClientOptions options = {},
                absl::Duration pause = absl::ZeroDuration()) {
  static auto& contexts = *new TestTlsContexts;
  return RunSession(core, TlsUse::Never(), contexts.client(), std::move(mails), std::move(options),
                    pause);
}

// "delivered final 250", "failed rcpt 550", ...
std::string Said(const RecipientResult& result) {
  const absl::string_view outcome = result.outcome == Outcome::kDelivered  ? "delivered "
                                    : result.outcome == Outcome::kDeferred ? "deferred "
                                                                           : "failed ";
  return absl::StrCat(outcome, StageName(result.stage), " ", result.reply.code,
                      result.local ? " local" : "");
}

std::vector<std::string> Said(const SessionRun& run, size_t mail = 0) {
  std::vector<std::string> said;
  if (mail >= run.sent.size()) return {"not sent"};
  for (const RecipientResult& result : run.sent[mail].recipients) said.push_back(Said(result));
  return said;
}

using Strings = std::vector<std::string>;

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

// The lines of kBody behind their BDAT (RFC 3030).
std::vector<Step> HearChunk() {
  return {Hear("BDAT 25 LAST"), Hear("Subject: hello"), Hear(""), Hear("hello")};
}

std::vector<Step> Joined(std::vector<std::vector<Step>> parts) {
  std::vector<Step> joined;
  for (const std::vector<Step>& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}

TEST(ClientSendTest, SaysABodyWithItsEnvelopeWhereThereIsChunking) {
  FakeCore core;
  const std::vector<Step> envelope = {Hear("MAIL FROM:<a@example.com>"),
                                      Hear("RCPT TO:<b@example.net>"),
                                      Hear("RCPT TO:<c@example.net>")};
  ScriptedServer server(
      core, Greeted({"PIPELINING", "chunking"},
                    Joined({envelope,
                            HearChunk(),
                            {Say("250 ok\r\n250 ok\r\n550 5.1.1 unknown\r\n250 queued\r\n")},
                            // Nobody is to have it: the transaction may still be open.
                            envelope,
                            HearChunk(),
                            {Say("250 ok\r\n550 no\r\n550 no\r\n503 no recipients\r\n"),
                             Hear("RSET"), Say("250 ok\r\n")},
                            envelope,
                            HearChunk(),
                            {Say("452 full\r\n503 no\r\n503 no\r\n503 no\r\n"), Hear("QUIT")}})));
  const Mail mail = To({"b@example.net", "c@example.net"});
  const SessionRun run = Send(core, {mail, mail, mail});
  EXPECT_EQ(Said(run, 0), (Strings{"delivered final 250", "failed rcpt 550"}));
  EXPECT_EQ(Said(run, 1), (Strings{"failed rcpt 550", "failed rcpt 550"}));
  EXPECT_EQ(Said(run, 2), (Strings{"deferred mail 452", "deferred mail 452"}));
  EXPECT_TRUE(run.reusable_at_the_end);
}

TEST(ClientSendTest, SaysALongBodyOnceSomebodyIsToHaveIt) {
  FakeCore core;
  const std::string line = std::string(98, 'x') + "\r\n";
  std::string body;
  std::vector<Step> lines;
  while (body.size() <= 64 * 1024) {
    body += line;
    lines.push_back(Hear(line.substr(0, 98)));
  }
  ScriptedServer server(
      core, Greeted({"PIPELINING", "CHUNKING"},
                    Joined({{Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>"),
                             Say("250 ok\r\n250 ok\r\n"),
                             Hear(absl::StrCat("BDAT ", body.size(), " LAST"))},
                            lines,
                            {Say("250 queued\r\n"), Hear("MAIL FROM:<a@example.com>"),
                             Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n550 no\r\n"),
                             Hear("RSET"), Say("250 ok\r\n"), Hear("QUIT")}})));
  Mail mail = To({"b@example.net"});
  mail.body = body;
  const SessionRun run = Send(core, {mail, mail});
  EXPECT_EQ(Said(run, 0), (Strings{"delivered final 250"}));
  EXPECT_EQ(Said(run, 1), (Strings{"failed rcpt 550"}));
}

TEST(ClientSendTest, ChunksOneCommandAtATimeWithoutPipelining) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({"CHUNKING"}, Joined({{Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                                           Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n")},
                                          HearChunk(),
                                          {Say("250 queued\r\n"), Hear("QUIT")}})));
  EXPECT_EQ(Said(Send(core, {To({"b@example.net"})})), (Strings{"delivered final 250"}));
}

TEST(ClientSendTest, ChunkingCanBeSwitchedOff) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({"PIPELINING", "CHUNKING"},
                    {Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>"),
                     Hear("DATA"), Say("250 ok\r\n250 ok\r\n354 go on\r\n"), HearBody(kStuffed),
                     Say("250 queued\r\n"), Hear("QUIT")}));
  ClientOptions options;
  options.chunking = false;
  EXPECT_EQ(Said(Send(core, {To({"b@example.net"})}, options)), (Strings{"delivered final 250"}));
}

// Whoever has all of the message and goes away may have taken it, on a connection kept from before
// too: it is not tried again at once.
TEST(ClientSendTest, WhatWentOutWithItsBodyMayHaveBeenTaken) {
  const std::vector<Step> said =
      Joined({{Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>")}, HearChunk()});
  for (const std::string heard : {"", "250 ok\r\n", "250 ok\r\n250 ok\r\n"}) {
    FakeCore core;
    ScriptedServer server(
        core, Greeted({"PIPELINING", "CHUNKING"},
                      Joined({said,
                              {Say("250 ok\r\n250 ok\r\n250 queued\r\n")},
                              said,
                              heard.empty() ? std::vector<Step>{} : std::vector<Step>{Say(heard)},
                              {Close()}})));
    const SessionRun run = Send(core, {To({"b@example.net"}), To({"b@example.net"})});
    ASSERT_EQ(run.sent.size(), 2u);
    EXPECT_EQ(Said(run, 0), (Strings{"delivered final 250"}));
    EXPECT_EQ(run.sent[1].recipients[0].outcome, Outcome::kDeferred) << heard;
    EXPECT_TRUE(run.sent[1].final_reply_lost) << heard;
    EXPECT_FALSE(run.sent[1].stale_connection) << heard;
    EXPECT_FALSE(run.reusable_at_the_end);
  }
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

// Over one that stood idle the body waits for the envelope's answers, and nothing is in doubt.
TEST(ClientSendTest, OverAnIdleConnectionTheBodyWaits) {
  const std::vector<Step> envelope = {Hear("MAIL FROM:<a@example.com>"),
                                      Hear("RCPT TO:<b@example.net>")};
  for (const bool closed : {false, true}) {
    FakeCore core;
    const std::vector<Step> rest =
        closed ? std::vector<Step>{Close()}
               : Joined({{Say("250 ok\r\n250 ok\r\n")}, HearChunk(), {Say("250 queued\r\n")}});
    ScriptedServer server(core, Greeted({"PIPELINING", "CHUNKING"},
                                        Joined({envelope,
                                                HearChunk(),
                                                {Say("250 ok\r\n250 ok\r\n250 queued\r\n")},
                                                envelope,
                                                rest})));
    const SessionRun run = Send(core, {To({"b@example.net"}), To({"b@example.net"})}, {},
                                /*pause=*/absl::Seconds(1));
    ASSERT_EQ(run.sent.size(), 2u);
    EXPECT_EQ(run.sent[1].stale_connection, closed);
    EXPECT_FALSE(run.sent[1].final_reply_lost);
    EXPECT_EQ(run.sent[1].recipients[0].outcome, closed ? Outcome::kDeferred : Outcome::kDelivered);
  }
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

// ---- Connections that end

TEST(ClientSendTest, A421EndsItAtAnyPointAndDefersWhoIsNotDecided) {
  const std::string bye = "421 4.3.2 closing\r\n";
  const std::vector<std::pair<std::vector<std::string>, Strings>> cases = {
      {{bye}, {"deferred mail 421", "deferred mail 421"}},
      {{"250 ok\r\n", bye}, {"deferred rcpt 421", "deferred rcpt 421"}},
      {{"250 ok\r\n", "550 no\r\n", bye}, {"failed rcpt 550", "deferred rcpt 421"}},
      {{"250 ok\r\n", "250 ok\r\n", "250 ok\r\n", bye}, {"deferred data 421", "deferred data 421"}},
  };
  const std::vector<std::string> commands = {"MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>",
                                             "RCPT TO:<c@example.net>", "DATA"};
  for (const bool pipelining : {false, true}) {
    for (const auto& [replies, expected] : cases) {
      std::vector<Step> script;
      std::string together;
      for (size_t i = 0; i < commands.size() && (pipelining || i < replies.size()); ++i) {
        script.push_back(Hear(commands[i]));
        if (!pipelining) script.push_back(Say(replies[i]));
        if (i < replies.size()) together += replies[i];
      }
      if (pipelining) script.push_back(Say(together));
      FakeCore core;
      ScriptedServer server(core, Greeted({pipelining ? "PIPELINING" : "X"}, script));
      const SessionRun run = Send(core, {To({"b@example.net", "c@example.net"})});
      EXPECT_EQ(Said(run), expected);
      ASSERT_TRUE(run.sent[0].failure.has_value());
      EXPECT_EQ(run.sent[0].failure->reply->code, 421);
      EXPECT_FALSE(run.sent[0].final_reply_lost);
      EXPECT_FALSE(run.reusable_at_the_end);
      EXPECT_THAT(server.in_clear(), testing::Not(HasSubstr("QUIT")));
    }
  }
}

TEST(ClientSendTest, AConnectionLostAfterTheFinalDotMayHaveDelivered) {
  for (const bool stalls : {false, true}) {
    FakeCore core;
    ScriptedServer server(
        core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                           Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n"), Hear("DATA"),
                           Say("354 go on\r\n"), HearBody(kStuffed), stalls ? Stall() : Close()}));
    const SessionRun run = Send(core, {To({"b@example.net"})});
    EXPECT_EQ(Said(run), (Strings{"deferred final 451 local"}));
    EXPECT_TRUE(run.sent[0].final_reply_lost);
    EXPECT_FALSE(run.sent[0].stale_connection);
    EXPECT_EQ(run.sent[0].failure->stage, Stage::kFinal);
  }
}

TEST(ClientSendTest, ANonsenseFinalReplyMayHaveDelivered) {
  for (const std::string reply : {"354 go on\r\n", "queued\r\n", "250-a\r\n550 b\r\n"}) {
    FakeCore core;
    ScriptedServer server(
        core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                           Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n"), Hear("DATA"),
                           Say("354 go on\r\n"), HearBody(kStuffed), Say(reply)}));
    const SessionRun run = Send(core, {To({"b@example.net"})});
    EXPECT_EQ(Said(run), (Strings{"deferred final 451 local"}));
    EXPECT_TRUE(run.sent[0].final_reply_lost);
    EXPECT_FALSE(run.reusable_at_the_end);
  }
}

TEST(ClientSendTest, AServerThatClosesInTheBodyIsAskedForItsLastWords) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"552 5.3.4 too big\r\n", "failed body 552"}, {"", "deferred body 451 local"}};
  for (const auto& [last_words, expected] : cases) {
    FakeCore core;
    core.set_window(1000);
    ScriptedServer server(
        core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                           Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n"), Hear("DATA"),
                           Say("354 go on\r\n"), HearSome(), Say(last_words), Close()}));
    Mail mail = To({"b@example.net"});
    for (int i = 0; i < 100'000; ++i) mail.body += "0123456789\r\n";
    const SessionRun run = Send(core, {mail});
    EXPECT_EQ(Said(run), (Strings{expected}));
    EXPECT_FALSE(run.sent[0].final_reply_lost);
    EXPECT_FALSE(run.reusable_at_the_end);
  }
}

TEST(ClientSendTest, AReusedConnectionThatTurnsOutClosedIsStale) {
  for (const std::string goodbye : {"", "421 4.4.2 idle for too long\r\n"}) {
    FakeCore core;
    ScriptedServer server(
        core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                           Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n"), Hear("DATA"),
                           Say("354 go on\r\n"), HearBody(kStuffed),
                           Say(absl::StrCat("250 queued\r\n", goodbye)), Close()}));
    const SessionRun run = Send(core, {To({"b@example.net"}), To({"b@example.net"})});
    EXPECT_EQ(Said(run), (Strings{"delivered final 250"}));
    EXPECT_FALSE(run.sent[0].stale_connection);
    ASSERT_EQ(run.sent.size(), 2u);
    EXPECT_TRUE(run.sent[1].stale_connection);
    EXPECT_FALSE(run.sent[1].final_reply_lost);
  }
}

TEST(ClientSendTest, WhatAnIdleConnectionWasClosedWithFailsNoMessage) {
  FakeCore core;
  ScriptedServer server(core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                                           Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n"),
                                           Hear("DATA"), Say("354 go on\r\n"), HearBody(kStuffed),
                                           Say("250 queued\r\n"), Wait(absl::Seconds(20)),
                                           Say("554 5.4.7 idle for too long\r\n"), Close()}));
  const SessionRun run =
      Send(core, {To({"b@example.net"}), To({"b@example.net"})}, {}, absl::Seconds(30));
  ASSERT_EQ(run.sent.size(), 2u);
  EXPECT_EQ(Said(run, 1), (Strings{"deferred mail 451 local"}));
  EXPECT_TRUE(run.sent[1].stale_connection);
}

TEST(ClientSendTest, ANewConnectionThatClosesIsNotStale) {
  FakeCore core;
  ScriptedServer server(core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Close()}));
  const SessionRun run = Send(core, {To({"b@example.net"})});
  EXPECT_EQ(Said(run), (Strings{"deferred mail 451 local"}));
  EXPECT_FALSE(run.sent[0].stale_connection);
}

TEST(ClientSendTest, AnswersThatDoNotFitEndTheSession) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"354 hm\r\n"}, "deferred mail 451 local"},
      {{"250 ok\r\n", "354 hm\r\n"}, "deferred rcpt 451 local"},
      {{"250 ok\r\n", "250 ok\r\n", "250 hm\r\n"}, "deferred data 451 local"},
      {{"250 ok\r\n250 ok\r\n"}, "deferred rcpt 451 local"},  // an answer ahead of its question
  };
  const std::vector<std::string> commands = {"MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>",
                                             "DATA"};
  for (const auto& [replies, expected] : cases) {
    std::vector<Step> script;
    for (size_t i = 0; i < replies.size(); ++i) {
      script.push_back(Hear(commands[i]));
      script.push_back(Say(replies[i]));
    }
    FakeCore core;
    ScriptedServer server(core, Greeted({}, script));
    const SessionRun run = Send(core, {To({"b@example.net"})});
    EXPECT_EQ(Said(run), (Strings{expected}));
    EXPECT_FALSE(run.reusable_at_the_end);
    EXPECT_FALSE(run.sent[0].final_reply_lost);
    EXPECT_THAT(server.in_clear(), testing::Not(HasSubstr("hello\r\n")));
  }
}

// ---- Deadlines

TEST(ClientSendTest, AnAnswerFromBeforeTheBodyIsNoAnswerToIt) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({"PIPELINING"},
                    {Hear("MAIL FROM:<a@example.com>"), Hear("RCPT TO:<b@example.net>"),
                     Hear("DATA"), Say("250 ok\r\n250 ok\r\n354 go on\r\n250 queued as 17\r\n")}));
  const SessionRun run = Send(core, {To({"b@example.net"})});
  EXPECT_EQ(Said(run), (Strings{"deferred body 451 local"}));
  EXPECT_FALSE(absl::StrContains(server.in_clear(), "Subject"));
  EXPECT_FALSE(run.reusable_at_the_end);
}

TEST(ClientSendTest, AServerThatStallsOrDripsIsLeftAtTheDeadlineOfItsStage) {
  ClientOptions options;
  options.mail_timeout = absl::Seconds(110);
  options.rcpt_timeout = absl::Seconds(120);
  options.data_timeout = absl::Seconds(130);
  options.body_timeout = absl::Seconds(140);
  options.final_timeout = absl::Seconds(150);
  const std::vector<Step> script = {Hear("MAIL FROM:<a@example.com>"),
                                    Say("250 ok\r\n"),
                                    Hear("RCPT TO:<b@example.net>"),
                                    Say("250 ok\r\n"),
                                    Hear("DATA"),
                                    Say("354 go on\r\n"),
                                    HearSome(),
                                    Say("250 ok\r\n")};
  const std::vector<std::tuple<size_t, Stage, absl::Duration>> cases = {
      {1, Stage::kMail, options.mail_timeout},
      {3, Stage::kRcpt, options.rcpt_timeout},
      {5, Stage::kData, options.data_timeout},
      {6, Stage::kBody, options.body_timeout}};
  for (const auto& [steps, stage, elapsed] : cases) {
    for (const bool drips : {false, true}) {
      if (drips && stage == Stage::kBody) continue;
      FakeCore core;
      core.set_window(1000);
      std::vector<Step> stalling(script.begin(), script.begin() + static_cast<ptrdiff_t>(steps));
      stalling.push_back(drips ? Drip("250-x\r\n") : Stall());
      ScriptedServer server(core, Greeted({}, stalling));
      Mail mail = To({"b@example.net"});
      for (int i = 0; i < 1000; ++i) mail.body += "0123456789\r\n";
      const SessionRun run = Send(core, {mail}, options);
      ASSERT_EQ(run.sent.size(), 1u);
      ASSERT_TRUE(run.sent[0].failure.has_value());
      EXPECT_EQ(run.sent[0].failure->stage, stage);
      EXPECT_GE(run.elapsed, elapsed);
      EXPECT_LT(run.elapsed, elapsed + absl::Seconds(1));
      EXPECT_FALSE(run.sent[0].final_reply_lost);
    }
  }
}

TEST(ClientSendTest, TheWholeEnvelopeHasALimitOfItsOwn) {
  ClientOptions options;
  options.rcpt_timeout = absl::Seconds(100);
  options.envelope_limit = absl::Seconds(1000);
  std::vector<std::string> recipients;
  std::vector<Step> script = {Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n")};
  for (int i = 0; i < 30; ++i) {
    recipients.push_back(absl::StrCat("r", i, "@example.net"));
    script.insert(script.end(), {Hear(absl::StrCat("RCPT TO:<r", i, "@example.net>")),
                                 Wait(absl::Seconds(99)), Say("250 ok\r\n")});
    if (i == 10) {
      script.push_back(Stall());
      break;
    }
  }
  recipients.resize(30, "more@example.net");
  FakeCore core;
  ScriptedServer server(core, Greeted({}, script));
  const SessionRun run = Send(core, {To(recipients)}, options);
  ASSERT_TRUE(run.sent[0].failure.has_value());
  EXPECT_GE(run.elapsed, options.envelope_limit);
  EXPECT_LT(run.elapsed, options.envelope_limit + absl::Seconds(1));
}

TEST(ClientSendTest, TheWholeBodyHasALimitOfItsOwn) {
  // Takes a little of the body every 20 seconds, just enough for every write to get through.
  ClientOptions options;
  options.body_timeout = absl::Seconds(100'000);
  options.body_limit = absl::Seconds(500);
  std::vector<Step> script = {Hear("MAIL FROM:<a@example.com>"),
                              Say("250 ok\r\n"),
                              Hear("RCPT TO:<b@example.net>"),
                              Say("250 ok\r\n"),
                              Hear("DATA"),
                              Say("354 go on\r\n")};
  for (int i = 0; i < 100; ++i) {
    script.push_back(HearSome());
    script.push_back(Wait(absl::Seconds(20)));
  }
  FakeCore core;
  core.set_window(100);
  ScriptedServer server(core, Greeted({}, script));
  Mail mail = To({"b@example.net"});
  for (int i = 0; i < 1'000'000; ++i) mail.body += ".\r\n";
  const SessionRun run = Send(core, {mail}, options);
  EXPECT_EQ(Said(run), (Strings{"deferred body 451 local"}));
  EXPECT_GE(run.elapsed, options.body_limit);
  EXPECT_LT(run.elapsed, options.body_limit + absl::Seconds(1));
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
