// A whole server session over a network of strings, against whatever a client may say: its answers
// are held against the input, line by line and body by body.
//
// That is how "no 250 without CRLF.CRLF" is checked: each message that was taken must be what a
// plain account of RFC 5321 §4.5.2 finds at its place in the input, and nothing else may have been.
#include <fuzzer/FuzzedDataProvider.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/smtp/reply_reader.h"
#include "engine/smtp/server_session.h"
#include "tests/fuzz/input.h"
#include "tests/smtp/client_fake_network.h"
#include "tests/smtp/client_tls_contexts.h"
#include "tests/smtp/data_reference.h"
#include "tests/smtp/test_receiver.h"
#include "tls/stream.h"

namespace sluice::smtp {
namespace {

constexpr absl::Duration kForEver = absl::Hours(24);
// Longer input may hold a line that the server gives up on before its end.
constexpr size_t kMostInput = 32 * 1024;
constexpr size_t kOneChunk = io::ChunkWriter::kFirstChunk;

TestTlsContexts& Contexts() {
  static TestTlsContexts& contexts = *new TestTlsContexts();
  return contexts;
}

struct Scene {
  explicit Scene(FuzzedDataProvider& provider);

  FakeCore core;
  TestReceiver receiver;
  ServerOptions options;
  size_t budget_bytes = 0;
  bool in_tls = false;  // the input comes inside TLS
  std::string input;

  std::string output;  // all that the server said; in TLS, what it said there
};

Scene::Scene(FuzzedDataProvider& provider) {
  options.hostname = "gw.example.net";
  ServerLimits& limits = options.limits;
  limits.command_octets = provider.PickValueInArray<size_t>({64, 200, 1024});
  limits.recipients = provider.ConsumeIntegralInRange<int>(1, 3);
  limits.commands = provider.PickValueInArray<int>({8, 10'000});
  limits.errors = provider.PickValueInArray<int>({2, 20});
  limits.transactions = provider.PickValueInArray<int>({1, 1000});
  limits.data.message_bytes = provider.PickValueInArray<size_t>({100, 100'000});
  limits.data.header_bytes = provider.PickValueInArray<size_t>({50, 100'000});
  limits.data.received_fields = provider.PickValueInArray<int>({1, 100});
  options.offer_starttls = provider.ConsumeIntegralInRange<int>(0, 7) != 1;
  budget_bytes = provider.PickValueInArray<size_t>({1 << 20, kOneChunk, 100});
  core.set_segment(provider.PickValueInArray<size_t>({SIZE_MAX, 1, 7, 100}));
  // A handshake costs more than all the rest.
  in_tls = options.offer_starttls && provider.ConsumeIntegralInRange<int>(0, 15) == 9;
  input = provider.ConsumeRemainingBytesAsString();
}

io::Task<void> Serve(Scene& scene, BodyBudget& budget, std::unique_ptr<io::Connection> connection) {
  ServerSession session(scene.core, std::move(connection), scene.options, scene.receiver,
                        &Contexts().server(), budget);
  co_await session.Run();
}

io::Task<void> ReadToEnd(Scene& scene, tls::Stream& stream) {
  while (true) {
    scene.output.append(stream.input().data(), stream.input().size());
    stream.Consume(stream.input().size());
    const absl::StatusOr<bool> more = co_await stream.Fill(scene.core.Now() + kForEver);
    if (!more.ok() || !*more) co_return;
  }
}

// Says EHLO and STARTTLS, and shakes hands.
io::Task<bool> StartTls(Scene& scene, tls::Stream& stream) {
  const MonoTime deadline = scene.core.Now() + kForEver;
  const absl::Status asked = co_await stream.Write("EHLO c\r\nSTARTTLS\r\n", deadline);
  if (!asked.ok()) co_return false;
  while (!absl::StrContains(stream.input(), "Ready to start TLS\r\n")) {
    const absl::StatusOr<bool> more = co_await stream.Fill(deadline);
    if (!more.ok() || !*more) co_return false;
  }
  stream.Consume(stream.input().size());
  const tls::PeerDemand demand;
  const std::optional<tls::Failure> failed =
      co_await stream.ConnectTls(Contexts().client(), demand, deadline);
  co_return !failed.has_value();
}

// Says everything, and then listens until the server has had enough.
io::Task<void> Talk(Scene& scene) {
  const io::ConnectOptions to{.remote = *io::SocketAddress::Parse("192.0.2.1:25"),
                              .source = std::nullopt};
  absl::StatusOr<std::unique_ptr<io::Connection>> connection =
      co_await scene.core.Connect(to, scene.core.Now() + kForEver);
  tls::Stream stream(scene.core, *std::move(connection));
  bool going = true;
  if (scene.in_tls) going = co_await StartTls(scene, stream);
  if (going) {
    const absl::Status sent = co_await stream.Write(scene.input, scene.core.Now() + kForEver);
    sent.IgnoreError();  // the server may have closed
    co_await ReadToEnd(scene, stream);
  }
  co_await stream.Close(scene.core.Now() + absl::Seconds(1));
}

// The server's answers, read one by one.
class Answers {
 public:
  explicit Answers(absl::string_view output) : rest_(output) {}

  // Nullopt: no more in clear. What the server says is lines of at most 512 octets.
  std::optional<Reply> Next() {
    if (rest_.empty() || starting_tls_) return std::nullopt;
    ReplyReader reader;
    size_t used = 0;
    const absl::StatusOr<bool> complete = reader.Read(rest_, used);
    SLUICE_CHECK(complete.ok() && *complete);
    for (const absl::string_view line :
         absl::StrSplit(absl::StripSuffix(rest_.substr(0, used), "\r\n"), "\r\n")) {
      SLUICE_CHECK(line.size() + 2 <= kMaxReplyLineOctets && IsPrintableAscii(line));
    }
    rest_.remove_prefix(used);
    const Reply reply = reader.Take();
    starting_tls_ = reply.code == 220 && reply.text == "Ready to start TLS";
    return reply;
  }
  bool at_end() const { return rest_.empty(); }
  bool starting_tls() const { return starting_tls_; }

 private:
  absl::string_view rest_;
  bool starting_tls_ = false;
};

// Our own trace field, in front of every message: one field, folded, and none that a client wrote.
void CheckTraceField(absl::string_view field, bool smtputf8) {
  SLUICE_CHECK(absl::StartsWith(field, "Received: from ") && absl::EndsWith(field, "\r\n"));
  field.remove_suffix(2);
  bool first = true;
  for (absl::string_view line : absl::StrSplit(field, "\r\n")) {
    SLUICE_CHECK(line.size() <= 998);  // RFC 5322 §2.1.1
    SLUICE_CHECK(absl::ConsumePrefix(&line, "\t") != first);
    SLUICE_CHECK(smtputf8 ? !HasControl(line) : IsPrintableAscii(line));
    first = false;
  }
}

void CheckTaken(const TestReceiver::Taken& message, const DecodedData& expected, bool tls) {
  SLUICE_CHECK(absl::EndsWith(message.body, expected.body));
  CheckTraceField(message.body.substr(0, message.body.size() - expected.body.size()),
                  message.transaction.parameters.smtputf8);
  SLUICE_CHECK(message.tls == tls && !message.helo.empty());
  SLUICE_CHECK(!message.transaction.recipients.empty());
}

// The input, as the answers say it was read.
void CheckConversation(const Scene& scene) {
  Answers answers(scene.output);
  absl::string_view input = scene.input;
  size_t taken = 0;
  bool ended = false;  // nothing may be said any more
  if (!scene.in_tls) {
    const std::optional<Reply> banner = answers.Next();
    // No banner: the client's first words made the server close before it had said anything.
    ended = !banner.has_value();
    SLUICE_CHECK(ended || banner->code == 220);
  }
  while (const std::optional<Reply> reply = answers.Next()) {
    SLUICE_CHECK(!ended);
    if (reply->code == 421) {  // "too many", "timeout": to a line or to none
      ended = true;
      continue;
    }
    const size_t end_of_line = input.find('\n');
    SLUICE_CHECK(end_of_line != absl::string_view::npos);  // there was a line to answer
    const absl::string_view line = input.substr(0, end_of_line + 1);
    input.remove_prefix(end_of_line + 1);
    ended = reply->code == 221;
    if (reply->code != 354) continue;
    SLUICE_CHECK(absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(line), "DATA"));
    SLUICE_CHECK(absl::EndsWith(line, "\r\n"));
    const std::optional<DecodedData> expected = ReferenceDecode(scene.options.limits.data, input);
    const std::optional<Reply> verdict = answers.Next();
    if (!expected.has_value()) {  // all the rest was body, and its end never came
      SLUICE_CHECK(verdict.has_value() && verdict->code == 421);
      ended = true;
      continue;
    }
    input.remove_prefix(expected->end);
    SLUICE_CHECK(verdict.has_value());
    if (verdict->code == 250) {
      SLUICE_CHECK(expected->refusal.empty() && taken < scene.receiver.taken.size());
      CheckTaken(scene.receiver.taken[taken++], *expected, scene.in_tls);
    } else if (verdict->code == 452) {
      SLUICE_CHECK(scene.budget_bytes <= kOneChunk);
    } else {
      SLUICE_CHECK(absl::StrCat(verdict->code, " ", verdict->status->ToString()) ==
                   expected->refusal);
    }
  }
  SLUICE_CHECK(taken == scene.receiver.taken.size());
  SLUICE_CHECK(answers.at_end() || answers.starting_tls());
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::smtp;
  if (size > kMostInput) return 0;
  FuzzedDataProvider provider(data, size);
  Scene scene(provider);
  BodyBudget budget(scene.budget_bytes);
  scene.core.set_server([&](std::unique_ptr<sluice::io::Connection> connection) {
    return Serve(scene, budget, std::move(connection));
  });
  scene.core.RunToEnd(Talk(scene));
  SLUICE_CHECK(budget.used() == 0);
  CheckConversation(scene);
  return 0;
}
