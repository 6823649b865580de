// A server session on a core with a clock of its own, and a client that plays a dialogue with it.
//
//   ServerScene scene(contexts);
//   scene.Apply("limit recipients 2");
//   scene.Play(dialogue, ServerScene::Cut::kWhole);
//   … scene.receiver().taken …
#ifndef SLUICE_TESTS_SMTP_SERVER_SCENE_H_
#define SLUICE_TESTS_SMTP_SERVER_SCENE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "engine/base/random.h"
#include "engine/smtp/server_session.h"
#include "tests/smtp/client_fake_network.h"
#include "tests/smtp/client_tls_contexts.h"
#include "tests/smtp/dialogue.h"
#include "tests/smtp/test_receiver.h"
#include "tls/stream.h"

namespace sluice::smtp {

class ServerScene {
 public:
  // How what the client says arrives: as it was said, octet by octet, or cut at random. Or cut
  // below TLS, in both directions: segments of a few octets, and no room for more on the way.
  enum class Cut { kWhole, kOctets, kRandom, kSegments };

  explicit ServerScene(TestTlsContexts& contexts);

  // "limit recipients|errors|commands|transactions|line|message|header|received N", "budget N",
  // "no-starttls", "tls-domain D", "relay-domain D", "whole" (it holds for Cut::kWhole alone).
  // False: there is no such setting.
  bool Apply(absl::string_view setting);
  bool whole_only() const { return whole_only_; }

  // Fails the test at the file and line of the dialogue that does not hold.
  void Play(const Dialogue& dialogue, Cut cut);
  // Whatever a client does, with the other end served.
  void Run(std::function<io::Task<void>(std::unique_ptr<io::Connection>)> client);

  FakeCore& core() { return core_; }
  TestReceiver& receiver() { return receiver_; }
  ServerOptions& options() { return options_; }
  BodyBudget& budget() { return *budget_; }
  void set_budget(size_t bytes) { budget_ = std::make_unique<BodyBudget>(bytes); }
  ServerSession* session() { return session_; }  // null before and behind its life

 private:
  struct Player;
  io::Task<void> Serve(std::unique_ptr<io::Connection> connection);
  io::Task<void> ConnectAndRun(
      std::function<io::Task<void>(std::unique_ptr<io::Connection>)> client);
  io::Task<void> Perform(const Dialogue& dialogue, Cut cut,
                         std::unique_ptr<io::Connection> connection);

  TestTlsContexts& contexts_;
  FakeCore core_;
  TestReceiver receiver_;
  ServerOptions options_;
  std::unique_ptr<BodyBudget> budget_;
  ServerSession* session_ = nullptr;
  bool whole_only_ = false;
};

// Reads until `end` has come, and returns all of it; what was read so far at the end of the stream.
io::Task<std::string> ReadUntil(tls::Stream& stream, std::string end, MonoTime deadline);

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_SERVER_SCENE_H_
