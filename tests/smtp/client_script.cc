#include "tests/smtp/client_script.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice::smtp {
namespace {

// Longer than any client waits.
constexpr absl::Duration kForEver = absl::Hours(24);

}  // namespace

ScriptedServer::ScriptedServer(FakeCore& core, std::vector<Step> script,
                               tls::ServerContext* context)
    : core_(core), script_(std::move(script)), context_(context) {
  core.set_server(
      [this](std::unique_ptr<io::Connection> connection) { return Serve(std::move(connection)); });
}

io::Task<void> ScriptedServer::Serve(std::unique_ptr<io::Connection> connection) {
  ++connections_;
  tls::Stream stream(core_, std::move(connection));
  bool going = true;
  for (size_t i = 0; going && i < script_.size(); ++i) {
    going = co_await Perform(script_[i], stream);
  }
  while (going) {  // what is said after the script is heard too
    Take(stream, stream.input().size());
    const absl::StatusOr<bool> more = co_await stream.Fill(core_.Now() + kForEver);
    going = more.ok() && *more;
  }
  co_await stream.Close(core_.Now() + absl::Seconds(1));
}

io::Task<bool> ScriptedServer::Perform(const Step& step, tls::Stream& stream) {
  const MonoTime deadline = core_.Now() + kForEver;
  switch (step.kind) {
    case Step::Kind::kSay: {
      const absl::Status said = co_await stream.Write(step.text, deadline);
      co_return said.ok();
    }
    case Step::Kind::kHear: {
      const std::optional<std::string> line = co_await ReadUntil("\r\n", stream);
      EXPECT_TRUE(line.has_value()) << "the client left instead of saying: " << step.text;
      if (!line.has_value()) co_return false;
      EXPECT_EQ(*line, step.text + "\r\n");
      co_return *line == step.text + "\r\n";
    }
    case Step::Kind::kHearBody: {
      const std::optional<std::string> body = co_await ReadUntil("\r\n.\r\n", stream);
      EXPECT_TRUE(body == step.text) << body.value_or("nothing").substr(0, 1000);
      co_return body.has_value();
    }
    case Step::Kind::kDrip:
      for (size_t i = 0;; i = (i + 1) % step.text.size()) {
        const absl::Status said =
            co_await stream.Write(absl::string_view(step.text).substr(i, 1), deadline);
        if (!said.ok()) co_return false;
        co_await core_.SleepUntil(core_.Now() + absl::Seconds(10));
      }
    case Step::Kind::kHearSome: {
      while (stream.input().empty()) {
        const absl::StatusOr<bool> more = co_await stream.Fill(deadline);
        if (!more.ok() || !*more) co_return false;
      }
      Take(stream, stream.input().size());
      co_return true;
    }
    case Step::Kind::kWait:
      co_await core_.SleepUntil(core_.Now() + step.wait);
      co_return true;
    case Step::Kind::kStall:
      co_await core_.SleepUntil(deadline);
      co_return false;
    case Step::Kind::kAcceptTls: {
      const std::optional<tls::Failure> failed = co_await stream.AcceptTls(*context_, deadline);
      co_return !failed.has_value();
    }
    case Step::Kind::kClose:
      co_return false;
  }
  co_return false;
}

// Including `end`, or the ".\r\n" of an empty body; nullopt when the client leaves before.
io::Task<std::optional<std::string>> ScriptedServer::ReadUntil(std::string end,
                                                               tls::Stream& stream) {
  std::string found;
  while (true) {
    const absl::string_view input = stream.input();
    const size_t searched = found.size() < end.size() ? 0 : found.size() - end.size();
    absl::StrAppend(&found, input);
    size_t size = found.find(end, searched);
    if (size != std::string::npos) size += end.size();
    if (end.size() > 2 && absl::StartsWith(found, ".\r\n")) size = 3;
    if (size != std::string::npos) {
      Take(stream, input.size() - (found.size() - size));
      found.resize(size);
      co_return found;
    }
    Take(stream, input.size());
    const absl::StatusOr<bool> more = co_await stream.Fill(core_.Now() + kForEver);
    if (!more.ok() || !*more) co_return std::nullopt;
  }
}

void ScriptedServer::Take(tls::Stream& stream, size_t n) {
  absl::StrAppend(stream.tls() == nullptr ? &in_clear_ : &in_tls_, stream.input().substr(0, n));
  stream.Consume(n);
}

namespace {

io::Task<void> RunIn(FakeCore& core, TlsUse use, tls::ClientContext& context,
                     const std::vector<Mail>& mails, const ClientOptions& options,
                     absl::Duration pause, SessionRun& run) {
  ClientSession session(core, options);
  const io::ConnectOptions to{.remote = *io::SocketAddress::Parse("192.0.2.1:25"),
                              .source = std::nullopt};
  run.failure = co_await session.Open(to, std::move(use), context);
  for (const Mail& mail : mails) {
    if (!session.reusable()) break;
    const io::Body body = io::Body::Copy(mail.body);
    SendResult result = co_await session.Send(mail.message, body);
    run.sent.push_back(std::move(result));
    co_await core.SleepUntil(core.Now() + pause);
  }
  run.reusable_at_the_end = session.reusable();
  co_await session.Quit();
  run.facts = session.facts();
  run.elapsed = core.elapsed();
}

}  // namespace

SessionRun RunSession(FakeCore& core, TlsUse use, tls::ClientContext& context,
                      std::vector<Mail> mails, ClientOptions options, absl::Duration pause) {
  options.hostname = "gw.example.com";
  SessionRun run;
  core.RunToEnd(RunIn(core, std::move(use), context, mails, options, pause, run));
  return run;
}

}  // namespace sluice::smtp
