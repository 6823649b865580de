// Bodies that go by BDAT (RFC 3030).
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/smtp/client_script.h"
#include "tests/smtp/client_sending.h"

namespace sluice::smtp {
namespace {

using Outcome = RecipientResult::Outcome;

// The lines of kBody behind their BDAT (RFC 3030).
std::vector<Step> HearChunk() {
  return {Hear("BDAT 25 LAST"), Hear("Subject: hello"), Hear(""), Hear("hello")};
}

std::vector<Step> Joined(std::vector<std::vector<Step>> parts) {
  std::vector<Step> joined;
  for (const std::vector<Step>& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}

TEST(ClientChunkingTest, SaysABodyWithItsEnvelopeWhereThereIsChunking) {
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

TEST(ClientChunkingTest, SaysALongBodyOnceSomebodyIsToHaveIt) {
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

TEST(ClientChunkingTest, ChunksOneCommandAtATimeWithoutPipelining) {
  FakeCore core;
  ScriptedServer server(
      core, Greeted({"CHUNKING"}, Joined({{Hear("MAIL FROM:<a@example.com>"), Say("250 ok\r\n"),
                                           Hear("RCPT TO:<b@example.net>"), Say("250 ok\r\n")},
                                          HearChunk(),
                                          {Say("250 queued\r\n"), Hear("QUIT")}})));
  EXPECT_EQ(Said(Send(core, {To({"b@example.net"})})), (Strings{"delivered final 250"}));
}

TEST(ClientChunkingTest, ChunkingCanBeSwitchedOff) {
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
TEST(ClientChunkingTest, WhatWentOutWithItsBodyMayHaveBeenTaken) {
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

// Over one that stood idle the body waits for the envelope's answers, and nothing is in doubt.
TEST(ClientChunkingTest, OverAnIdleConnectionTheBodyWaits) {
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

}  // namespace
}  // namespace sluice::smtp
