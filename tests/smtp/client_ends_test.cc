// Sending over connections that end, fall out of step, or stall.
#include <string>
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

// ---- Connections that end

TEST(ClientEndsTest, A421EndsItAtAnyPointAndDefersWhoIsNotDecided) {
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

TEST(ClientEndsTest, AConnectionLostAfterTheFinalDotMayHaveDelivered) {
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

TEST(ClientEndsTest, ANonsenseFinalReplyMayHaveDelivered) {
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

TEST(ClientEndsTest, AServerThatClosesInTheBodyIsAskedForItsLastWords) {
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

TEST(ClientEndsTest, AReusedConnectionThatTurnsOutClosedIsStale) {
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

TEST(ClientEndsTest, WhatAnIdleConnectionWasClosedWithFailsNoMessage) {
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

TEST(ClientEndsTest, ANewConnectionThatClosesIsNotStale) {
  FakeCore core;
  ScriptedServer server(core, Greeted({}, {Hear("MAIL FROM:<a@example.com>"), Close()}));
  const SessionRun run = Send(core, {To({"b@example.net"})});
  EXPECT_EQ(Said(run), (Strings{"deferred mail 451 local"}));
  EXPECT_FALSE(run.sent[0].stale_connection);
}

TEST(ClientEndsTest, AnswersThatDoNotFitEndTheSession) {
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

TEST(ClientEndsTest, AnAnswerFromBeforeTheBodyIsNoAnswerToIt) {
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

TEST(ClientEndsTest, AServerThatStallsOrDripsIsLeftAtTheDeadlineOfItsStage) {
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

TEST(ClientEndsTest, TheWholeEnvelopeHasALimitOfItsOwn) {
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

TEST(ClientEndsTest, TheWholeBodyHasALimitOfItsOwn) {
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

}  // namespace
}  // namespace sluice::smtp
