// A client session over a network of strings, against whatever a server may say. What is checked is
// what the server heard, and what the session made of the answers.
//
// The input is a few options and the server's words, in parts that are parted by an octet of 0xff:
// a part is said when something has been heard since the last one; a part "T" is the handshake.
#include <fuzzer/FuzzedDataProvider.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/smtp/client_session.h"
#include "tests/fuzz/input.h"
#include "tests/smtp/client_fake_network.h"
#include "tests/smtp/client_tls_contexts.h"
#include "tls/stream.h"

namespace sluice::smtp {
namespace {

constexpr absl::Duration kForEver = absl::Hours(24);

enum class Use { kNever, kMay, kMust };

struct Scene {
  explicit Scene(FuzzedDataProvider& provider);

  FakeCore core;
  ClientOptions options;
  Use use = Use::kMay;
  bool server_closes = false;  // after its last words; else it listens until the client leaves
  bool whole_segments = true;
  std::vector<OutgoingMessage> messages;
  std::string body;
  std::vector<std::string> parts;

  // What the server heard, and how many parts it came to say.
  std::string in_clear;
  std::string in_tls;
  size_t said = 0;
  // What the client says came of it.
  std::optional<Failure> failure;
  std::vector<SendResult> sent;
  SessionFacts facts;
};

Scene::Scene(FuzzedDataProvider& provider) {
  options.hostname = "gw.example.com";
  use = provider.PickValueInArray({Use::kNever, Use::kMay, Use::kMust});
  server_closes = provider.ConsumeBool();
  const size_t segment = provider.PickValueInArray<size_t>({SIZE_MAX, SIZE_MAX, 1, 5});
  whole_segments = segment == SIZE_MAX;
  core.set_segment(segment);
  body = provider.PickValueInArray<std::string>(
      {"Subject: hello\r\n\r\nhello\r\n", ".\r\n..\r\n.a\r\n", "", "a\r\n.\r\nQUIT\r\n"});
  for (size_t n = provider.ConsumeIntegralInRange<size_t>(1, 2); n > 0; --n) {
    OutgoingMessage message;
    message.sender = provider.PickValueInArray<std::string>({"a@b.example", "", "a>\r\nINJECTED"});
    message.recipients.assign(provider.PickValueInArray<size_t>({1, 2, 60}), "x@y.example");
    message.recipients[0] =
        provider.PickValueInArray<std::string>({"x@y.example", "x\r\nINJECTED", "\"a b\"@c"});
    message.eight_bit = provider.ConsumeBool();
    message.smtputf8 = provider.ConsumeIntegralInRange<int>(0, 3) == 1;
    messages.push_back(std::move(message));
  }
  parts = absl::StrSplit(provider.ConsumeRemainingBytesAsString(), '\xff');
}

TestTlsContexts& Contexts() {
  static TestTlsContexts& contexts = *new TestTlsContexts();
  return contexts;
}

void Note(Scene& scene, tls::Stream& stream) {
  absl::StrAppend(stream.tls() == nullptr ? &scene.in_clear : &scene.in_tls, stream.input());
  stream.Consume(stream.input().size());
}

// False: the client has left.
io::Task<bool> Hear(Scene& scene, tls::Stream& stream) {
  Note(scene, stream);
  const absl::StatusOr<bool> more = co_await stream.Fill(scene.core.Now() + kForEver);
  Note(scene, stream);
  co_return more.ok() && *more;
}

// False: nothing more can be said.
io::Task<bool> Say(Scene& scene, tls::Stream& stream, const std::string& part) {
  const MonoTime deadline = scene.core.Now() + kForEver;
  if (part != "T") {
    ++scene.said;
    const absl::Status status = co_await stream.Write(part, deadline);
    co_return status.ok();
  }
  Note(scene, stream);
  if (stream.tls() != nullptr) co_return false;
  const std::optional<tls::Failure> failed =
      co_await stream.AcceptTls(Contexts().server(), deadline);
  if (failed.has_value()) scene.server_closes = true;  // who knows what it has heard meanwhile
  co_return !failed.has_value();
}

io::Task<void> Serve(Scene& scene, std::unique_ptr<io::Connection> connection) {
  tls::Stream stream(scene.core, std::move(connection));
  bool going = true;
  for (size_t i = 0; going && i < scene.parts.size(); ++i) {
    going = co_await Say(scene, stream, scene.parts[i]);
    const bool last = i + 1 == scene.parts.size();
    const bool handshake_next = !last && scene.parts[i + 1] == "T";
    if (going && !last && !handshake_next) going = co_await Hear(scene, stream);
  }
  going = !scene.server_closes;
  while (going) going = co_await Hear(scene, stream);
  co_await stream.Close(scene.core.Now() + absl::Seconds(1));
}

io::Task<void> OpenAndSend(Scene& scene, const io::Body& body) {
  ClientSession session(scene.core, scene.options);
  const io::ConnectOptions to{.remote = *io::SocketAddress::Parse("192.0.2.1:25"),
                              .source = std::nullopt};
  const tls::PeerDemand demand;
  TlsUse use = scene.use == Use::kNever ? TlsUse::Never()
               : scene.use == Use::kMay ? TlsUse::May(demand)
                                        : TlsUse::Must(demand);
  scene.failure = co_await session.Open(to, std::move(use), Contexts().client());
  for (const OutgoingMessage& message : scene.messages) {
    if (!session.reusable()) break;
    SendResult result = co_await session.Send(message, body);
    scene.sent.push_back(std::move(result));
  }
  co_await session.Quit();
  scene.facts = session.facts();
}

// Whole TLS records (RFC 8446 §5.1), the last of them perhaps cut.
bool IsTlsRecords(absl::string_view bytes) {
  while (!bytes.empty()) {
    const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (at(0) < 20 || at(0) > 23 || bytes.size() < 5 || at(1) != 3) return false;
    bytes.remove_prefix(std::min(bytes.size(), size_t{5} + at(3) * 256 + at(4)));
  }
  return true;
}

// The promise of mandatory TLS: these three lines in clear, and then only TLS. The server may have
// left in the middle of one.
void CheckMandatoryTls(const Scene& scene) {
  constexpr absl::string_view kLines[] = {"EHLO gw.example.com\r\n", "STARTTLS\r\n", "QUIT\r\n"};
  absl::string_view clear = scene.in_clear;
  bool is_line = true;
  while (is_line) {
    is_line = std::any_of(std::begin(kLines), std::end(kLines), [&clear](absl::string_view line) {
      return absl::ConsumePrefix(&clear, line);
    });
  }
  SLUICE_CHECK(IsTlsRecords(clear) ||
               std::any_of(std::begin(kLines), std::end(kLines), [clear](absl::string_view line) {
                 return absl::StartsWith(line, clear);
               }));
  SLUICE_CHECK(scene.sent.empty() || scene.facts.tls.has_value());
}

std::string Stuffed(absl::string_view body) {
  std::string out;
  while (!body.empty()) {
    const size_t end = body.find("\r\n") + 2;
    absl::StrAppend(&out, absl::StartsWith(body, ".") ? "." : "", body.substr(0, end));
    body.remove_prefix(end);
  }
  return absl::StrCat(out, ".\r\n");
}

size_t CountOf(absl::string_view what, absl::string_view text) {
  size_t count = 0;
  for (size_t at = text.find(what); at != absl::string_view::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

void CheckRecipient(const RecipientResult& result) {
  switch (result.outcome) {
    case RecipientResult::Outcome::kDelivered:
      SLUICE_CHECK(result.reply.positive() && !result.local && result.stage == Stage::kFinal);
      break;
    case RecipientResult::Outcome::kFailed:
      SLUICE_CHECK(result.reply.permanent());
      break;
    case RecipientResult::Outcome::kDeferred:
      SLUICE_CHECK(result.reply.transient() || result.reply.permanent());
      break;
  }
  for (const absl::string_view line : absl::StrSplit(result.reply.text, '\n')) {
    SLUICE_CHECK(IsPrintableAscii(line));
  }
}

void CheckFailure(const Scene& scene, const Failure& failure) {
  SLUICE_CHECK(IsPrintableAscii(failure.detail) && !failure.detail.empty());
  SLUICE_CHECK(scene.use != Use::kNever || !failure.tls_reason.has_value());
  // What TLS did not allow today may be mended tomorrow (RFC 3207 §4).
  SLUICE_CHECK(scene.use != Use::kMust || failure.kind == Failure::Kind::kTransient);
}

void CheckSent(const Scene& scene) {
  size_t delivered = 0;  // messages, to anyone
  for (size_t i = 0; i < scene.sent.size(); ++i) {
    const SendResult& result = scene.sent[i];
    SLUICE_CHECK(result.recipients.size() == scene.messages[i].recipients.size());
    bool to_anyone = false;
    for (const RecipientResult& recipient : result.recipients) {
      CheckRecipient(recipient);
      to_anyone |= recipient.outcome == RecipientResult::Outcome::kDelivered;
    }
    SLUICE_CHECK(!to_anyone || (!result.final_reply_lost && !result.stale_connection));
    if (result.failure.has_value()) CheckFailure(scene, *result.failure);
    delivered += to_anyone;
  }
  // Nothing is delivered that the server has not heard to its end,
  const std::string& heard = scene.facts.tls.has_value() ? scene.in_tls : scene.in_clear;
  if (!scene.server_closes) {
    SLUICE_CHECK(CountOf(absl::StrCat("DATA\r\n", Stuffed(scene.body)), heard) >= delivered);
  }
  // and not by a word that was said before: banner, EHLO (twice with TLS, and STARTTLS), then for
  // each message an answer to the envelope and one to the body.
  if (scene.whole_segments && delivered > 0) {
    SLUICE_CHECK(scene.said >= 2 + (scene.facts.tls.has_value() ? 2 : 0) + 2 * delivered);
  }
}

void CheckTheWhole(const Scene& scene) {
  SLUICE_CHECK(!absl::StrContains(scene.in_clear, "INJECTED"));
  SLUICE_CHECK(!absl::StrContains(scene.in_tls, "INJECTED"));
  if (scene.use == Use::kMust) CheckMandatoryTls(scene);
  if (scene.use == Use::kNever) {
    SLUICE_CHECK(!absl::StrContains(scene.in_clear, "STARTTLS") && !scene.facts.tls.has_value());
  }
  SLUICE_CHECK(!scene.failure.has_value() || scene.sent.empty());
  if (scene.failure.has_value()) CheckFailure(scene, *scene.failure);
  CheckSent(scene);
  // However slow, no server holds a session for longer than its limits say.
  const ClientOptions& options = scene.options;
  SLUICE_CHECK(scene.core.elapsed() <=
               options.open_limit + 4 * options.quit_timeout +
                   2 * (options.envelope_limit + options.body_limit + options.final_timeout));
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::smtp;
  FuzzedDataProvider provider(data, size);
  Scene scene(provider);
  const sluice::io::Body body = sluice::io::Body::Copy(scene.body);
  scene.core.set_server([&scene](std::unique_ptr<sluice::io::Connection> connection) {
    return Serve(scene, std::move(connection));
  });
  scene.core.RunToEnd(OpenAndSend(scene, body));
  CheckTheWhole(scene);
  return 0;
}
