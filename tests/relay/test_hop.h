// A next hop that answers line by line as a test says, in clear and inside TLS, and keeps what it
// heard. Connections are told apart by their number: the core for tests does not look at addresses.
#ifndef SLUICE_TESTS_RELAY_TEST_HOP_H_
#define SLUICE_TESTS_RELAY_TEST_HOP_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/smtp/client_fake_network.h"
#include "tls/stream.h"

namespace sluice::relay {

class TestHop {
 public:
  struct Heard {
    int connection;  // from 0
    bool tls;
    std::string line;  // "<banner>" when it was to say its first word, "<body>" at the final dot
  };
  struct Said {
    std::string reply;  // without CRLF; empty: it hangs up
    absl::Duration after = absl::ZeroDuration();
  };
  using Answer = std::function<Said(const Heard&)>;

  TestHop(smtp::FakeCore& core, tls::ServerContext& context) : core_(core), context_(context) {
    core.set_server([this](std::unique_ptr<io::Connection> connection) {
      return Serve(std::move(connection));
    });
  }

  // What a server says that takes everything, and offers STARTTLS.
  static std::string Good(absl::string_view line) {
    if (line == "<banner>") return "220 mx.example.net ESMTP";
    if (absl::StartsWith(line, "EHLO")) return "250-mx.example.net\r\n250 STARTTLS";
    if (line == "DATA") return "354 go on";
    if (line == "STARTTLS") return "220 2.0.0 go on";
    return "250 2.0.0 ok";
  }
  Answer answer = [](const Heard& heard) { return Said{Good(heard.line)}; };

  int connections() const { return connections_; }
  const std::vector<Heard>& heard() const { return heard_; }
  // How often a line that begins with `prefix` was heard.
  int Count(absl::string_view prefix) const {
    int count = 0;
    for (const Heard& heard : heard_) count += absl::StartsWith(heard.line, prefix) ? 1 : 0;
    return count;
  }
  int CountInClear(absl::string_view prefix) const {
    int count = 0;
    for (const Heard& heard : heard_) {
      count += !heard.tls && absl::StartsWith(heard.line, prefix) ? 1 : 0;
    }
    return count;
  }

 private:
  io::Task<void> Serve(std::unique_ptr<io::Connection> connection) {
    const int number = connections_++;
    tls::Stream stream(core_, std::move(connection));
    std::string line = "<banner>";
    while (true) {
      bool body_comes = false;
      const bool said = co_await Respond(number, line, stream, body_comes);
      if (!said) break;
      const std::string end = body_comes ? "\r\n.\r\n" : "\r\n";
      size_t found = stream.input().find(end);
      bool open = true;
      while (found == absl::string_view::npos && open) {
        const absl::StatusOr<bool> more = co_await stream.Fill(core_.Now() + absl::Hours(24));
        open = more.ok() && *more;
        found = stream.input().find(end);
      }
      if (!open) break;
      line = body_comes ? "<body>" : std::string(stream.input().substr(0, found));
      stream.Consume(found + end.size());
    }
    co_await stream.Close(core_.Now() + absl::Seconds(1));
  }

  // False: it has hung up, or the other end has.
  io::Task<bool> Respond(int number, std::string line, tls::Stream& stream, bool& body_comes) {
    heard_.push_back({number, stream.tls() != nullptr, line});
    const Said said = answer(heard_.back());
    body_comes = absl::StartsWith(said.reply, "354");
    co_await core_.SleepUntil(core_.Now() + said.after);
    if (said.reply.empty()) co_return false;
    const std::string reply = absl::StrCat(said.reply, "\r\n");
    const absl::Status sent = co_await stream.Write(reply, core_.Now() + absl::Minutes(1));
    if (!sent.ok()) co_return false;
    if (line != "STARTTLS" || !absl::StartsWith(said.reply, "220")) co_return true;
    const std::optional<tls::Failure> failed =
        co_await stream.AcceptTls(context_, core_.Now() + absl::Minutes(1));
    co_return !failed.has_value();
  }

  smtp::FakeCore& core_;
  tls::ServerContext& context_;
  int connections_ = 0;
  std::vector<Heard> heard_;
};

}  // namespace sluice::relay

#endif  // SLUICE_TESTS_RELAY_TEST_HOP_H_
