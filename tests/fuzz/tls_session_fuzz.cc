// Two TLS sessions of ours and somebody on the wire between them (tls/session.h), who damages,
// cuts, repeats and makes up what he likes. Whatever he does, neither end reads a byte that the
// other did not write, and a session that met nobody but him never calls itself done.
#include <fuzzer/FuzzedDataProvider.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/fuzz/input.h"
#include "tests/smtp/client_tls_contexts.h"
#include "tls/session.h"
#include "tls/signer.h"

namespace sluice::tls {
namespace {

using Progress = Session::Progress;

constexpr size_t kPlenty = 1 << 20;
// A flight of ours has a certificate in it and little else.
constexpr size_t kMostOutput = 16 * 1024;

smtp::TestTlsContexts& Contexts() {
  static smtp::TestTlsContexts& contexts = *new smtp::TestTlsContexts();
  return contexts;
}

class End {
 public:
  explicit End(std::unique_ptr<Session> session) : session_(std::move(session)) {}

  // Takes what came over the wire; the session reads it where it lies.
  void Take(const std::string& bytes, size_t segment) {
    for (size_t at = 0; at < bytes.size() && !over_; at += segment) {
      fed_.push_back(bytes.substr(at, segment));
      session_->Feed(fed_.back());
      GoOn();
    }
  }
  void TakeEnd() {
    if (over_) return;
    session_->FeedEnd();
    GoOn();
    SLUICE_CHECK(over_ || done());
  }
  void GoOn() {
    if (!done()) Shake();
    if (done() && !over_) {
      const Session::ReadResult result = session_->Decrypt(received_, kPlenty);
      SLUICE_CHECK(result != Session::ReadResult::kFull);
      over_ = result != Session::ReadResult::kNeedInput;
    }
  }
  void Write(absl::string_view text) {
    if (!done() || over_) return;
    if (session_->Encrypt(text).ok()) written_.append(text.data(), text.size());
  }
  std::string Output() { return std::exchange(session_->output(), std::string()); }

  bool done() const { return progress_ == Progress::kDone; }
  bool over() const { return over_; }  // failed, broken or ended
  const std::string& written() const { return written_; }
  const std::string& received() const { return received_; }
  const ConnectionInfo& info() const { return session_->info(); }

 private:
  void Shake() {
    progress_ = session_->Handshake();
    while (progress_ == Progress::kNeedSigner) {
      session_->SupplySignature(UsePrivateKey(session_->TakeSignerRequest()));
      progress_ = session_->Handshake();
    }
    SLUICE_CHECK(session_->output().size() < kMostOutput);
    if (progress_ != Progress::kFailed) return;
    over_ = true;
    SLUICE_CHECK(IsPrintableAscii(session_->failure().detail));
  }

  const std::unique_ptr<Session> session_;
  std::deque<std::string> fed_;
  Progress progress_ = Progress::kNeedInput;
  bool over_ = false;
  std::string written_;
  std::string received_;
};

std::unique_ptr<Session> NewClient() {
  const PeerDemand demand;
  return Session::NewClient(Contexts().client(), demand, "192.0.2.1:25");
}
std::unique_ptr<Session> NewServer() { return Session::NewServer(Contexts().server()); }

// What becomes of `flight` on its way; often nothing.
std::string Meddle(FuzzedDataProvider& provider, std::string flight, bool& untouched) {
  constexpr int kNothing = 5;
  const int how = provider.ConsumeIntegralInRange<int>(0, 15);
  if (how >= kNothing || flight.empty()) return flight;
  untouched = false;
  const size_t at = provider.ConsumeIntegralInRange<size_t>(0, flight.size() - 1);
  switch (how) {
    case 0:
      flight[at] = static_cast<char>(flight[at] ^ provider.ConsumeIntegralInRange<int>(1, 255));
      return flight;
    case 1:
      return flight.substr(0, at);
    case 2:
      return flight.insert(at, provider.ConsumeRandomLengthString(300));
    case 3:
      return flight + flight.substr(at);  // again
    default:
      return provider.ConsumeRandomLengthString(300);
  }
}

// One session, and nobody but the fuzzer at the other end.
void Alone(FuzzedDataProvider& provider) {
  End end(provider.ConsumeBool() ? NewClient() : NewServer());
  end.GoOn();
  const size_t segment = provider.PickValueInArray<size_t>({1, 5, kPlenty});
  end.Take(provider.ConsumeRemainingBytesAsString(), segment);
  SLUICE_CHECK(!end.done());
  end.TakeEnd();
  SLUICE_CHECK(!end.done() && end.received().empty());
}

void Between(FuzzedDataProvider& provider) {
  End client(NewClient());
  End server(NewServer());
  bool untouched = true;
  const size_t segment = provider.PickValueInArray<size_t>({kPlenty, 7, 100});
  client.GoOn();
  for (int flights = 0; flights < 20; ++flights) {
    const std::string to_server = client.Output();
    server.Take(Meddle(provider, to_server, untouched), segment);
    const std::string to_client = server.Output();
    client.Take(Meddle(provider, to_client, untouched), segment);
    if (provider.remaining_bytes() > 0) {
      client.Write(provider.ConsumeRandomLengthString(40));
      server.Write(provider.ConsumeRandomLengthString(40));
    } else if (to_server.empty() && to_client.empty()) {
      break;
    }
  }
  // What was written behind the last flight arrives as well.
  server.Take(client.Output(), segment);
  client.Take(server.Output(), segment);
  SLUICE_CHECK(absl::StartsWith(server.written(), client.received()));
  SLUICE_CHECK(absl::StartsWith(client.written(), server.received()));
  if (untouched) {
    SLUICE_CHECK(client.done() && server.done() && !client.over() && !server.over());
    SLUICE_CHECK(server.written() == client.received() && client.written() == server.received());
  }
  if (client.done() && server.done() && !client.received().empty()) {
    SLUICE_CHECK(client.info().version == server.info().version);
    SLUICE_CHECK(client.info().cipher == server.info().cipher);
  }
  client.TakeEnd();
  server.TakeEnd();
}

}  // namespace
}  // namespace sluice::tls

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider provider(data, size);
  if (provider.ConsumeBool()) {
    sluice::tls::Alone(provider);
  } else {
    sluice::tls::Between(provider);
  }
  return 0;
}
