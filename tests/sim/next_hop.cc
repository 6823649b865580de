#include "tests/sim/next_hop.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "engine/base/log.h"

namespace sluice::sim {
namespace {

std::string Between(absl::string_view text, char open, char close) {
  const size_t begin = text.find(open);
  const size_t end = text.find(close);
  if (begin == absl::string_view::npos || end == absl::string_view::npos || end < begin) return "";
  return std::string(text.substr(begin + 1, end - begin - 1));
}

}  // namespace

struct NextHop::Visit {
  Visit(io::Core& core, std::unique_ptr<io::Connection> connection)
      : core(core), peer(core, std::move(connection)), answered_at(core.Now()) {}

  io::Core& core;
  Peer peer;
  bool over = false;
  // When we last said something: what comes next was not sent before that, or was pipelined.
  MonoTime answered_at;
  bool in_transaction = false;
  bool chunking = false;  // offered in the last answer to EHLO
  Proof proof = Proof::kGood;  // that was shown
  std::string sender;
  std::vector<std::string> recipients;
  std::optional<size_t> delivered;  // whose answer has not been seen to arrive
};

NextHop::Mishap NextHop::Draw() {
  if (!trouble_ || bad_visits_ == 0 || !world_.OneIn(bad_visits_)) return Mishap::kNone;
  ++mishaps_;
  return static_cast<Mishap>(1 + world_.random().Below(kMishaps - 1));
}

io::Task<void> NextHop::Say(Visit& visit, std::string text) {
  world_.Tell(absl::StrCat(host_.name, " says ", log::Printable(text.substr(0, 120))));
  const bool sent = co_await visit.peer.Say(std::move(text));
  visit.answered_at = world_.Now();
  if (!sent) visit.over = true;
}

io::Task<bool> NextHop::Suffer(Visit& visit, Mishap mishap, std::string refusal) {
  switch (mishap) {
    case Mishap::kNone:
      co_return true;
    case Mishap::kDefers:
      co_await Say(visit, "451 4.3.2 Not now\r\n");
      co_return false;
    case Mishap::kRefuses:
      co_await Say(visit, std::move(refusal));
      co_return false;
    case Mishap::kSaysGoodbye:
      co_await Say(visit, "421 4.3.2 Shutting down\r\n");
      break;
    case Mishap::kHangsUp:
      break;
    case Mishap::kStalls:
      world_.Tell(absl::StrCat(host_.name, " stalls"));
      co_await visit.core.SleepUntil(visit.core.Now() + absl::Hours(2));
      break;
    case Mishap::kGarbage:
      co_await Say(visit, "\x16\x03 25O OK\n\r2\r\n");
      break;
    case Mishap::kDrips:
      for (int i = 0; i < 400 && !visit.over; ++i) {
        const bool sent = co_await visit.peer.Say(i == 0 ? "2" : "5");
        if (!sent) break;
        co_await visit.core.SleepUntil(visit.core.Now() + absl::Seconds(10));
      }
      break;
    case Mishap::kChatters:
      for (int i = 0; i < 3000 && !visit.over; ++i) {
        const bool sent = co_await visit.peer.Say("250-and another thing\r\n");
        if (!sent) break;
      }
      break;
  }
  visit.over = true;
  co_return false;
}

io::Task<void> NextHop::Serve(io::Core& core, std::unique_ptr<io::Connection> connection) {
  Visit visit(core, std::move(connection));
  world_.Tell(absl::StrCat(host_.name, " is visited by ",
                           visit.peer.stream().remote().ToString()));
  const bool greets = co_await Suffer(visit, Draw(), "554 5.3.2 Go away\r\n");
  if (greets) co_await Say(visit, absl::StrCat("220 ", host_.name, " ESMTP\r\n"));
  if (greets) co_await Converse(visit);
  co_await visit.peer.Close();
}

io::Task<void> NextHop::Converse(Visit& visit) {
  while (!visit.over) {
    std::optional<std::string> line = co_await visit.peer.ReadLine();
    if (!line.has_value()) break;
    if (visit.delivered.has_value()) {
      ledger_.AnswerHeard(*std::exchange(visit.delivered, std::nullopt));
    }
    const std::string verb = absl::AsciiStrToUpper(line->substr(0, line->find(' ')));
    world_.Tell(absl::StrCat(host_.name, visit.peer.secure() ? " (TLS)" : " (clear)", " hears ",
                             log::Printable(line->substr(0, 120))));
    if (verb == "EHLO" || verb == "HELO") {
      co_await Hello(visit, verb == "EHLO");
    } else if (verb == "STARTTLS") {
      co_await StartTlsCommand(visit);
    } else if (verb == "MAIL") {
      co_await Mail(visit, *std::move(line));
    } else if (verb == "RCPT") {
      co_await Rcpt(visit, *std::move(line));
    } else if (verb == "DATA") {
      co_await Data(visit);
    } else if (verb == "BDAT") {
      co_await Bdat(visit, *std::move(line));
    } else if (verb == "RSET") {
      visit.in_transaction = false;
      co_await Say(visit, "250 2.0.0 Ok\r\n");
    } else if (verb == "QUIT") {
      co_await Say(visit, "221 2.0.0 Bye\r\n");
      visit.over = true;
    } else {
      ledger_.Broken("a next hop hears SMTP alone", log::Printable(*line));
    }
  }
}

io::Task<void> NextHop::Hello(Visit& visit, bool extended) {
  const Mishap mishap = Draw();
  if (mishap == Mishap::kRefuses) ledger_.HostRefused(host_.name);
  const bool goes_on = co_await Suffer(visit, mishap, "502 5.5.1 Never heard of it\r\n");
  if (!goes_on) co_return;
  visit.in_transaction = false;
  std::string text = absl::StrCat("250", extended ? "-" : " ", host_.name, "\r\n");
  if (extended) {
    if (!visit.peer.secure() && host_.starttls != StartTls::kNotOffered) {
      absl::StrAppend(&text, world_.OneIn(2) ? "250-STARTTLS\r\n" : "250-starttls\r\n");
    }
    if (!world_.OneIn(4)) absl::StrAppend(&text, "250-PIPELINING\r\n");
    visit.chunking = world_.OneIn(2);
    if (visit.chunking) absl::StrAppend(&text, "250-CHUNKING\r\n");
    absl::StrAppend(&text, "250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10240000\r\n");
  }
  co_await Say(visit, std::move(text));
}

io::Task<void> NextHop::StartTlsCommand(Visit& visit) {
  switch (visit.peer.secure() ? StartTls::kRejected : host_.starttls) {
    case StartTls::kNotOffered:
    case StartTls::kRejected:
      co_await Say(visit, "554 5.7.0 No\r\n");
      co_return;
    case StartTls::kRefused:
      co_await Say(visit, "454 4.7.0 TLS not available\r\n");
      co_return;
    case StartTls::kInjects:
      co_await Say(visit, "220 2.0.0 Go\r\n250-injected\r\n250 AUTH PLAIN\r\n");
      break;
    case StartTls::kGarbage:
      co_await Say(visit, "220 2.0.0 Go\r\n");
      co_await Say(visit, "\x01\x02 this is no TLS\r\n");
      break;
    case StartTls::kOldVersions: {
      co_await Say(visit, "220 2.0.0 Go\r\n");
      (void)co_await visit.peer.stream().Fill(visit.peer.Deadline());
      // Alert, fatal, protocol_version (RFC 8446 §6.2).
      co_await Say(visit, std::string("\x15\x03\x01\x00\x02\x02\x46", 7));
      visit.over = true;
      co_return;
    }
    case StartTls::kStalls:
      co_await Say(visit, "220 2.0.0 Go\r\n");
      co_await visit.core.SleepUntil(visit.core.Now() + absl::Hours(1));
      visit.over = true;
      co_return;
    case StartTls::kHangsUp:
      co_await Say(visit, "220 2.0.0 Go\r\n");
      visit.over = true;
      co_return;
    case StartTls::kOffered:
      co_await Say(visit, "220 2.0.0 Go\r\n");
      break;
  }
  if (visit.over) co_return;
  if (!visit.peer.stream().input().empty()) {
    ledger_.Broken("nothing is said in clear behind STARTTLS", host_.name);
  }
  visit.proof = host_.proof;
  tls::ServerContext& context = host_.faces->Show(visit.proof, host_.offer);
  const std::optional<tls::Failure> failed =
      co_await visit.peer.stream().AcceptTls(context, visit.peer.Deadline(absl::Minutes(2)));
  if (failed.has_value()) {
    world_.Tell(absl::StrCat(host_.name, ": no TLS: ", tls::ReasonName(failed->reason), ": ",
                             failed->detail));
    visit.over = true;
  }
}

io::Task<void> NextHop::Mail(Visit& visit, std::string line) {
  const MonoTime not_before = visit.answered_at;
  visit.in_transaction = false;
  const Mishap mishap = Draw();
  visit.sender = Between(line, '<', '>');
  visit.recipients.clear();
  if (mishap == Mishap::kRefuses) {
    visit.sender = absl::StrCat("refused:", visit.sender);
    ledger_.HostRefused(host_.name);  // whom it was for may never be said
  }
  const bool goes_on = co_await Suffer(visit, mishap, "550 5.7.1 Not from you\r\n");
  visit.in_transaction = goes_on;
  if (goes_on) co_await Say(visit, "250 2.1.0 Ok\r\n");
  visit.answered_at = not_before;  // RCPT may have been sent along with it
}

io::Task<void> NextHop::Rcpt(Visit& visit, std::string line) {
  const std::string recipient = Between(line, '<', '>');
  // Whatever we answer: it has been said.
  ledger_.EnvelopeSeen(host_.name, recipient, visit.peer.stream().tls(), visit.proof,
                       visit.answered_at);
  const MonoTime not_before = visit.answered_at;
  const Mishap mishap = Draw();
  if (!visit.in_transaction) {
    // Behind a MAIL that was refused.
    if (absl::StartsWith(visit.sender, "refused:")) ledger_.RefusedForGood(recipient);
    co_await Say(visit, "503 5.5.1 MAIL first\r\n");
  } else {
    if (mishap == Mishap::kRefuses) ledger_.RefusedForGood(recipient);
    const bool goes_on = co_await Suffer(visit, mishap, "550 5.1.1 No such user\r\n");
    if (goes_on) {
      visit.recipients.push_back(recipient);
      co_await Say(visit, "250 2.1.5 Ok\r\n");
    }
  }
  visit.answered_at = not_before;
}

io::Task<void> NextHop::Data(Visit& visit) {
  if (!visit.in_transaction || visit.recipients.empty()) {
    co_await Say(visit, "503 5.5.1 No recipients\r\n");
    co_return;
  }
  const Mishap mishap = Draw();
  if (mishap == Mishap::kRefuses) {
    for (const std::string& recipient : visit.recipients) ledger_.RefusedForGood(recipient);
  }
  const bool goes_on = co_await Suffer(visit, mishap, "554 5.7.1 No data please\r\n");
  if (!goes_on) co_return;
  co_await Say(visit, "354 Go on\r\n");
  std::optional<std::string> body = co_await visit.peer.ReadUntil("\r\n.\r\n");
  if (!body.has_value()) {
    world_.Tell(absl::StrCat(host_.name, " did not get the whole body"));
    visit.over = true;
    co_return;
  }
  // Dot-stuffing undone (RFC 5321 §4.5.2); the body begins with our Received: field, not a dot.
  std::string sent = absl::StrReplaceAll(absl::StrCat(*body, "\r\n"), {{"\r\n.", "\r\n"}});
  co_await Take(visit, std::move(sent));
}

// All of a message in one piece (RFC 3030).
io::Task<void> NextHop::Bdat(Visit& visit, std::string line) {
  size_t size = 0;
  absl::string_view words = line;
  const bool sayable = absl::ConsumePrefix(&words, "BDAT ") && absl::ConsumeSuffix(&words, " LAST") &&
                       absl::SimpleAtoi(words, &size);
  if (!visit.chunking || !sayable) ledger_.Broken("a next hop hears SMTP alone", line);
  std::optional<std::string> body = co_await visit.peer.ReadBytes(size);
  if (!body.has_value()) {
    world_.Tell(absl::StrCat(host_.name, " did not get the whole body"));
    visit.over = true;
  } else if (!visit.in_transaction || visit.recipients.empty()) {
    co_await Say(visit, "503 5.5.1 No recipients\r\n");
  } else {
    co_await Take(visit, *std::move(body));
  }
}

// A message that has come whole, and what is said to it.
io::Task<void> NextHop::Take(Visit& visit, std::string body) {
  Delivery delivery;
  delivery.host = host_.name;
  delivery.sender = visit.sender;
  delivery.token = TokenOf(visit.recipients.front());
  delivery.recipients = visit.recipients;
  delivery.body = std::move(body);
  delivery.secure = visit.peer.secure();
  delivery.at = world_.Now();
  visit.in_transaction = false;
  const Mishap mishap = Draw();
  if (mishap == Mishap::kRefuses || mishap == Mishap::kDefers) {
    if (mishap == Mishap::kRefuses) {
      for (const std::string& recipient : visit.recipients) ledger_.RefusedForGood(recipient);
    }
    (void)co_await Suffer(visit, mishap, "554 5.6.0 Not this\r\n");
    co_return;
  }
  world_.Tell(absl::StrCat(host_.name, " has ", delivery.token, delivery.sender.empty()
                                                                    ? " (a notification)"
                                                                    : ""));
  const size_t number = ledger_.Delivered(std::move(delivery));
  // It has the message; the answer may not get through.
  const bool goes_on = co_await Suffer(visit, mishap, "");
  if (!goes_on) co_return;
  visit.delivered = number;
  co_await Say(visit, "250 2.0.0 Ok\r\n");
}

}  // namespace sluice::sim
