#include "tests/smtp/server_scene.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace sluice::smtp {
namespace {

// Longer than any server waits.
constexpr absl::Duration kForEver = absl::Hours(24);

// As it stands behind "M:".
std::string Describe(const TestReceiver::Taken& message) {
  const Transaction& transaction = message.transaction;
  std::string text = absl::StrCat("<", transaction.sender.text, ">");
  for (size_t i = 0; i < transaction.recipients.size(); ++i) {
    absl::StrAppend(&text, " <", transaction.recipients[i].text, ">");
    const RecipientParameters& asked = transaction.recipient_parameters[i];
    if (asked.notify.has_value()) absl::StrAppend(&text, " NOTIFY=", *asked.notify);
    if (asked.orcpt.has_value()) absl::StrAppend(&text, " ORCPT=", *asked.orcpt);
  }
  if (transaction.parameters.size > 0) absl::StrAppend(&text, " SIZE=", transaction.parameters.size);
  if (transaction.parameters.eight_bit) text += " 8BITMIME";
  if (transaction.parameters.smtputf8) text += " SMTPUTF8";
  if (transaction.parameters.require_tls) text += " REQUIRETLS";
  if (transaction.parameters.ret.has_value()) {
    absl::StrAppend(&text, " RET=", *transaction.parameters.ret);
  }
  if (transaction.parameters.envid.has_value()) {
    absl::StrAppend(&text, " ENVID=", *transaction.parameters.envid);
  }
  return absl::StrCat(text, message.tls ? " tls" : " clear");
}

}  // namespace

io::Task<std::string> ReadUntil(tls::Stream& stream, std::string end, MonoTime deadline) {
  std::string found;
  while (true) {
    const absl::string_view input = stream.input();
    const size_t before = found.size();
    found.append(input.data(), input.size());
    const size_t at = found.find(end);
    if (at != std::string::npos) {
      found.resize(at + end.size());
      stream.Consume(found.size() - before);
      co_return found;
    }
    stream.Consume(input.size());
    const absl::StatusOr<bool> more = co_await stream.Fill(deadline);
    if (!more.ok() || !*more) co_return found;
  }
}

ServerScene::ServerScene(TestTlsContexts& contexts)
    : contexts_(contexts), budget_(std::make_unique<BodyBudget>(size_t{64} << 20)) {
  options_.hostname = "gw.example.net";
  receiver_.core = &core_;
}

bool ServerScene::Apply(absl::string_view setting) {
  const std::vector<std::string> words = absl::StrSplit(setting, ' ');
  if (words == std::vector<std::string>{"no-starttls"}) {
    options_.offer_starttls = false;
    return true;
  }
  if (words == std::vector<std::string>{"whole"}) return whole_only_ = true;
  if (words.size() == 2 && words[0] == "tls-domain") {
    receiver_.tls_domain = words[1];
    return true;
  }
  if (words.size() == 2 && words[0] == "relay-domain") {
    receiver_.relay_domain = words[1];
    return true;
  }
  int n = 0;
  if (!absl::SimpleAtoi(words.back(), &n) || n < 0) return false;
  if (words.size() == 2 && words[0] == "budget") {
    set_budget(static_cast<size_t>(n));
    return true;
  }
  if (words.size() != 3 || words[0] != "limit") return false;
  ServerLimits& limits = options_.limits;
  const std::string& name = words[1];
  const auto bytes = static_cast<size_t>(n);
  if (name == "recipients") return limits.recipients = n, true;
  if (name == "errors") return limits.errors = n, true;
  if (name == "commands") return limits.commands = n, true;
  if (name == "transactions") return limits.transactions = n, true;
  if (name == "line") return limits.command_octets = bytes, true;
  if (name == "message") return limits.data.message_bytes = bytes, true;
  if (name == "header") return limits.data.header_bytes = bytes, true;
  if (name == "received") return limits.data.received_fields = n, true;
  return false;
}

io::Task<void> ServerScene::Serve(std::unique_ptr<io::Connection> connection) {
  ServerSession session(core_, std::move(connection), options_, receiver_, &contexts_.server(),
                        *budget_);
  session_ = &session;
  co_await session.Run();
  session_ = nullptr;
}

io::Task<void> ServerScene::ConnectAndRun(
    std::function<io::Task<void>(std::unique_ptr<io::Connection>)> client) {
  const io::ConnectOptions to{.remote = *io::SocketAddress::Parse("192.0.2.1:25"),
                              .source = std::nullopt};
  absl::StatusOr<std::unique_ptr<io::Connection>> connection =
      co_await core_.Connect(to, core_.Now() + kForEver);
  co_await client(*std::move(connection));
}

void ServerScene::Run(std::function<io::Task<void>(std::unique_ptr<io::Connection>)> client) {
  core_.set_server(
      [this](std::unique_ptr<io::Connection> connection) { return Serve(std::move(connection)); });
  core_.RunToEnd(ConnectAndRun(std::move(client)));
}

// The client's side of a dialogue.
struct ServerScene::Player {
  Player(ServerScene& s, const Dialogue& d, Cut c, std::unique_ptr<io::Connection> connection)
      : scene(s), dialogue(d), cut(c), stream(s.core_, std::move(connection)) {}

  void Fail(const DialogueStep& step, const std::string& why) {
    ADD_FAILURE_AT(dialogue.path.c_str(), step.line) << why;
  }
  MonoTime Late() { return scene.core_.Now() + kForEver; }
  // False: it does not hold, and there is no sense in going on.
  io::Task<bool> Say(const DialogueStep& step);
  io::Task<bool> Perform(const DialogueStep& step);

  ServerScene& scene;
  const Dialogue& dialogue;
  const Cut cut;
  tls::Stream stream;
  Random random{7};
};

io::Task<bool> ServerScene::Player::Say(const DialogueStep& step) {
  absl::string_view rest = step.text;
  while (!rest.empty()) {
    const size_t n = cut == Cut::kOctets   ? 1
                     : cut == Cut::kRandom ? 1 + random.Below(rest.size())
                                           : rest.size();
    const absl::Status sent = co_await stream.Write(rest.substr(0, n), Late());
    if (!sent.ok()) co_return true;  // it shows in what is not answered
    rest.remove_prefix(n);
    if (!rest.empty()) co_await scene.core_.SleepUntil(scene.core_.Now() + absl::Milliseconds(1));
  }
  co_return true;
}

io::Task<bool> ServerScene::Player::Perform(const DialogueStep& step) {
  const std::vector<TestReceiver::Taken>& taken = scene.receiver_.taken;
  switch (step.mark) {
    case 'C': {
      const bool said = co_await Say(step);
      co_return said;
    }
    case 'S': {
      const std::string line = co_await ReadUntil(stream, "\r\n", Late());
      if (line == step.text + "\r\n") co_return true;
      Fail(step, absl::StrCat("expected: ", step.text, "\n  answer: ", absl::CHexEscape(line)));
      co_return false;
    }
    case 'T': {
      tls::PeerDemand demand;
      const std::optional<tls::Failure> failed =
          co_await stream.ConnectTls(scene.contexts_.client(), demand, Late());
      if (!failed.has_value()) co_return true;
      Fail(step, absl::StrCat("no TLS: ", failed->detail));
      co_return false;
    }
    case 'W': {
      absl::Duration wait;
      const bool parsed = absl::ParseDuration(step.text, &wait);
      if (!parsed) Fail(step, "not a duration");
      co_await scene.core_.SleepUntil(scene.core_.Now() + wait);
      co_return parsed;
    }
    case 'X': {
      const std::string rest = co_await ReadUntil(stream, "\r\n", Late());
      if (rest.empty()) co_return true;
      Fail(step, absl::StrCat("expected the end, but came: ", absl::CHexEscape(rest)));
      co_return false;
    }
    case 'M':
      if (!taken.empty() && Describe(taken.back()) == step.text) co_return true;
      Fail(step, taken.empty() ? "no message was taken" : Describe(taken.back()));
      co_return false;
    case 'B': {
      const std::string body = taken.empty() ? "" : WithoutTraceField(taken.back().body);
      if (body == step.text) co_return true;
      Fail(step, absl::StrCat("the body is: ", absl::CHexEscape(body)));
      co_return false;
    }
  }
  Fail(step, "unknown mark");
  co_return false;
}

io::Task<void> ServerScene::Perform(const Dialogue& dialogue, Cut cut,
                                    std::unique_ptr<io::Connection> connection) {
  Player player(*this, dialogue, cut, std::move(connection));
  bool holds = true;
  for (size_t i = 0; holds && i < dialogue.steps.size(); ++i) {
    holds = co_await player.Perform(dialogue.steps[i]);
  }
  // Nothing may have been said that the dialogue does not have.
  const absl::string_view left = player.stream.input();
  if (holds && !left.empty()) {
    player.Fail(dialogue.steps.back(),
                absl::StrCat("more was said behind this: ", absl::CHexEscape(left)));
  }
  co_await player.stream.Close(player.Late());
}

void ServerScene::Play(const Dialogue& dialogue, Cut cut) {
  if (cut == Cut::kSegments) {
    core_.set_segment(7);
    core_.set_window(1);
  }
  Run([this, &dialogue, cut](std::unique_ptr<io::Connection> connection) {
    return Perform(dialogue, cut, std::move(connection));
  });
}

}  // namespace sluice::smtp
