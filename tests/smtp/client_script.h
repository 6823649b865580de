// A server that follows a script, line by line, and writes down what it heard.
//
//   ScriptedServer server(core, {Say("220 mx.example.net ESMTP\r\n"), Hear("EHLO gw.example.com"),
//                                Say("250 mx.example.net\r\n"), Hear("QUIT")});
//   SessionRun run = RunSession(core, server, TlsUse::Never(), …);
#ifndef SLUICE_TESTS_SMTP_CLIENT_SCRIPT_H_
#define SLUICE_TESTS_SMTP_CLIENT_SCRIPT_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/connection.h"
#include "engine/io/task.h"
#include "engine/smtp/client_session.h"
#include "tests/smtp/client_fake_network.h"
#include "tls/stream.h"

namespace sluice::smtp {

struct Step {
  enum class Kind { kSay, kHear, kHearBody, kHearSome, kDrip, kWait, kStall, kAcceptTls, kClose };
  Kind kind;
  std::string text;
  absl::Duration wait;
};
inline Step Say(std::string text) { return {Step::Kind::kSay, std::move(text), {}}; }
// One line, given without its CRLF, which must be exactly this.
inline Step Hear(std::string line) { return {Step::Kind::kHear, std::move(line), {}}; }
// Everything up to the final dot, which must be exactly this.
inline Step HearBody(std::string body) { return {Step::Kind::kHearBody, std::move(body), {}}; }
// Whatever comes next, in one piece or many.
inline Step HearSome() { return {Step::Kind::kHearSome, "", {}}; }
inline Step Wait(absl::Duration wait) { return {Step::Kind::kWait, "", wait}; }
// A byte every ten seconds, over and over, until the client is gone.
inline Step Drip(std::string text) { return {Step::Kind::kDrip, std::move(text), {}}; }
// Neither speaks nor reads until the client must be gone.
inline Step Stall() { return {Step::Kind::kStall, "", {}}; }
inline Step AcceptTls() { return {Step::Kind::kAcceptTls, "", {}}; }
inline Step Close() { return {Step::Kind::kClose, "", {}}; }

class ScriptedServer {
 public:
  ScriptedServer(FakeCore& core, std::vector<Step> script, tls::ServerContext* context = nullptr);

  // All that was heard: before TLS, and inside it.
  const std::string& in_clear() const { return in_clear_; }
  const std::string& in_tls() const { return in_tls_; }
  int connections() const { return connections_; }

 private:
  io::Task<void> Serve(std::unique_ptr<io::Connection> connection);
  // False: the script ends here.
  io::Task<bool> Perform(const Step& step, tls::Stream& stream);
  io::Task<std::optional<std::string>> ReadUntil(std::string end, tls::Stream& stream);
  void Take(tls::Stream& stream, size_t n);

  FakeCore& core_;
  const std::vector<Step> script_;
  tls::ServerContext* const context_;
  std::string in_clear_;
  std::string in_tls_;
  int connections_ = 0;
};

// What came of a session that was opened, used as long as it was reusable, and left.
struct SessionRun {
  std::optional<Failure> failure;
  std::vector<SendResult> sent;
  SessionFacts facts;
  bool reusable_at_the_end = false;
  absl::Duration elapsed;  // until the session was closed
};
struct Mail {
  OutgoingMessage message;
  std::string body = "Subject: hello\r\n\r\nhello\r\n";
};
// `pause` lies between one mail and the next.
SessionRun RunSession(FakeCore& core, TlsUse use, tls::ClientContext& context,
                      std::vector<Mail> mails = {}, ClientOptions options = {},
                      absl::Duration pause = absl::ZeroDuration());

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_CLIENT_SCRIPT_H_
