#include "tests/sim/client.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/base/log.h"

namespace sluice::sim {

io::Task<std::optional<int>> Client::ReadReply(Session& session) {
  while (true) {
    std::optional<std::string> line = co_await session.peer.ReadLine();
    if (!line.has_value()) co_return std::nullopt;
    world_.Tell(absl::StrCat("client of ", session.letter.token, " hears ", *line));
    int code = 0;
    if (line->size() < 3 || !absl::SimpleAtoi(line->substr(0, 3), &code) || code < 200 ||
        code > 599) {
      ledger_.Broken("a client hears SMTP alone", log::Printable(*line));
    }
    if (line->size() > 3 && (*line)[3] == '-') continue;
    session.last_reply = *std::move(line);
    co_return code;
  }
}

io::Task<std::optional<int>> Client::Command(Session& session, std::string line) {
  world_.Tell(absl::StrCat("client of ", session.letter.token, " says ", line));
  const bool sent = co_await session.peer.Say(absl::StrCat(line, "\r\n"));
  if (!sent) co_return std::nullopt;
  std::optional<int> code = co_await ReadReply(session);
  co_return code;
}

io::Task<void> Client::Send(io::Core& core, Letter& letter, bool use_tls, Manner manner) {
  const io::ConnectOptions to{.remote = gateway_, .source = std::nullopt};
  const MonoTime deadline = core.Now() + absl::Minutes(1);
  absl::StatusOr<std::unique_ptr<io::Connection>> connection = co_await core.Connect(to, deadline);
  if (!connection.ok()) {
    world_.Tell(absl::StrCat("client of ", letter.token, ": ", connection.status().message()));
    ledger_.Answered(letter, Letter::Answer::kRefused, "");
    co_return;
  }
  Peer peer(core, *std::move(connection));
  Session session{peer, letter, manner, ""};
  co_await Converse(core, session, use_tls);
  // A letter that never came to its end has not been taken.
  if (letter.answer == Letter::Answer::kNone) Refused(session);
  co_await peer.Close();
}

void Client::Refused(Session& session) {
  ledger_.Answered(session.letter, Letter::Answer::kRefused, session.last_reply);
}

io::Task<void> Client::Converse(io::Core& core, Session& session, bool use_tls) {
  std::optional<int> code = co_await ReadReply(session);
  if (code != 220) co_return;
  if (session.manner == Manner::kGarbage) {
    std::string garbage;
    for (int i = 0; i < 3000; ++i) garbage += static_cast<char>(world_.random().Below(256));
    (void)co_await session.peer.Say(std::move(garbage));
    while ((co_await ReadReply(session)).has_value()) {
    }
    co_return;
  }
  code = co_await Command(session, "EHLO client.example");
  if (code != 250) co_return;
  if (use_tls) {
    const bool secured = co_await Secure(session);
    if (!secured) co_return;
  }
  const bool welcome = co_await Envelope(session);
  if (!welcome || session.manner == Manner::kLeavesBeforeData) co_return;
  co_await Body(core, session);
  if (session.letter.answer == Letter::Answer::kAccepted && world_.OneIn(2)) {
    (void)co_await Command(session, "QUIT");
  }
}

io::Task<bool> Client::Secure(Session& session) {
  if (session.manner == Manner::kSpeaksBehindStartTls) {
    // In one piece: whatever the gateway makes of it, the second command was said in clear.
    const bool sent =
        co_await session.peer.Say(absl::StrCat("STARTTLS\r\nMAIL FROM:<", session.letter.sender,
                                               ">\r\nRCPT TO:<", session.letter.recipients[0],
                                               ">\r\nDATA\r\n"));
    if (!sent) co_return false;
    const std::optional<int> code = co_await ReadReply(session);
    const std::optional<int> next =
        code.has_value() ? co_await ReadReply(session) : std::optional<int>();
    if (code == 220 && next.has_value() && *next < 400) {
      ledger_.Broken("nothing said in clear behind STARTTLS counts", session.last_reply);
    }
    co_return false;
  }
  std::optional<int> code = co_await Command(session, "STARTTLS");
  if (code != 220) co_return false;
  tls::PeerDemand demand;
  demand.server_name = "gw.example";
  if (!session.peer.stream().input().empty()) {
    ledger_.Broken("nothing is said in clear behind a 220", session.letter.token);
  }
  const std::optional<tls::Failure> failed = co_await session.peer.stream().ConnectTls(
      town_.client_context(), demand, session.peer.Deadline(absl::Minutes(2)));
  if (failed.has_value()) {
    world_.Tell(absl::StrCat("client of ", session.letter.token, ": no TLS: ", failed->detail));
    co_return false;
  }
  session.letter.secure = true;
  code = co_await Command(session, "EHLO client.example");
  co_return code == 250;
}

io::Task<bool> Client::Envelope(Session& session) {
  std::vector<std::string> lines = {
      absl::StrCat("MAIL FROM:<", session.letter.sender, "> BODY=8BITMIME")};
  for (const std::string& recipient : session.letter.recipients) {
    lines.push_back(absl::StrCat("RCPT TO:<", recipient, ">"));
  }
  lines.push_back("DATA");
  if (session.manner == Manner::kLeavesBeforeData) lines.pop_back();
  const MonoTime said_at = world_.Now();
  if (session.manner == Manner::kPipelines) {
    std::string all;
    for (const std::string& line : lines) absl::StrAppend(&all, line, "\r\n");
    world_.Tell(absl::StrCat("client of ", session.letter.token, " pipelines"));
    const bool sent = co_await session.peer.Say(std::move(all));
    if (!sent) co_return false;
  }
  bool all_good = true;
  for (const std::string& line : lines) {
    const std::optional<int> code = session.manner == Manner::kPipelines
                                        ? co_await ReadReply(session)
                                        : co_await Command(session, line);
    if (!code.has_value()) co_return false;
    if (code == 250 && &line == &lines.front()) ledger_.SenderTaken(session.letter, said_at);
    all_good &= *code == (line == "DATA" ? 354 : 250);
    if (!all_good && session.manner != Manner::kPipelines) co_return false;
  }
  co_return all_good;
}

io::Task<void> Client::Body(io::Core& core, Session& session) {
  std::string text = absl::StrReplaceAll(session.letter.body, {{"\r\n.", "\r\n.."}});
  if (session.manner == Manner::kBareLineFeeds) {
    // As an attacker smuggles a second message past servers that end a body at a bare line feed.
    absl::StrAppend(&text, "smuggled\n.\r\nMAIL FROM:<mallory@d0.example>\r\n");
  }
  if (session.manner == Manner::kLeavesInBody || session.manner == Manner::kStallsInBody) {
    (void)co_await session.peer.Say(text.substr(0, text.size() / 2));
    if (session.manner == Manner::kStallsInBody) {
      co_await core.SleepUntil(core.Now() + absl::Hours(1));
    }
    co_return;
  }
  // From here on it may be taken, whether we learn of it or not.
  session.letter.answer = Letter::Answer::kUnheard;
  const bool sent = co_await session.peer.Say(absl::StrCat(text, ".\r\n"));
  if (!sent || session.manner == Manner::kLeavesAfterDot) co_return;
  const std::optional<int> code = co_await ReadReply(session);
  if (!code.has_value()) co_return;
  if (code == 250) {
    if (session.manner == Manner::kBareLineFeeds) {
      ledger_.Broken("a body with bare line feeds is refused", session.letter.token);
    }
    ledger_.Answered(session.letter, Letter::Answer::kAccepted, session.last_reply);
    co_return;
  }
  const bool put_off = code == 451 || code == 452;
  ledger_.Answered(session.letter, put_off ? Letter::Answer::kPutOff : Letter::Answer::kRefused,
                   session.last_reply);
}

}  // namespace sluice::sim
