// Two endpoints back to back in memory, each a Session or a RawPeer.
//
//   Wire wire(*client, *server);
//   wire.Shake();
//   EXPECT_EQ(wire.server_progress(), Session::Progress::kDone);
//
// RSA signatures that a Session asks for are made on the spot.
#ifndef SLUICE_TESTS_TLS_WIRE_H_
#define SLUICE_TESTS_TLS_WIRE_H_

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/string_view.h"
#include "tests/tls/raw_peer.h"
#include "tls/session.h"
#include "tls/signer.h"

namespace sluice::tls {

template <typename Client, typename Server>
class Wire {
 public:
  using Progress = Session::Progress;
  static constexpr size_t kWhole = static_cast<size_t>(-1);

  // No more than `segment` bytes arrive at a time.
  Wire(Client& client, Server& server, size_t segment = kWhole)
      : client_(client), server_(server), segment_(segment) {}

  // Until both are done, or one has failed and the other has heard of it, or nothing moves.
  void Shake() {
    while (true) {
      const bool client_moved = Step(client_, client_progress_, to_client_, to_server_);
      const bool server_moved = Step(server_, server_progress_, to_server_, to_client_);
      if (!client_moved && !server_moved) return;
    }
  }
  Progress client_progress() const { return client_progress_; }
  Progress server_progress() const { return server_progress_; }
  bool done() const {
    return client_progress_ == Progress::kDone && server_progress_ == Progress::kDone;
  }
  // How often an endpoint had bytes to send: flights, when segments are whole.
  int client_sends() const { return client_sends_; }
  int server_sends() const { return server_sends_; }

  // What an endpoint that is done has sent and the other has not read yet.
  std::string& to_client() { return to_client_; }
  std::string& to_server() { return to_server_; }

  // After the handshake, from one to the other, decrypted there.
  std::string FromClient(absl::string_view bytes) {
    (void)client_.Encrypt(bytes);
    to_server_ += std::exchange(client_.output(), std::string());
    return Read(server_, to_server_);
  }
  std::string FromServer(absl::string_view bytes) {
    (void)server_.Encrypt(bytes);
    to_client_ += std::exchange(server_.output(), std::string());
    return Read(client_, to_client_);
  }

 private:
  template <typename Endpoint>
  bool Step(Endpoint& endpoint, Progress& progress, std::string& in, std::string& out) {
    if (progress == Progress::kDone || progress == Progress::kFailed) return false;
    const bool arrived = !in.empty();
    if (arrived) FeedSome(endpoint, in);
    progress = endpoint.Handshake();
    if constexpr (std::is_same_v<Endpoint, Session>) {
      while (progress == Progress::kNeedSigner) {
        endpoint.SupplySignature(UsePrivateKey(endpoint.TakeSignerRequest()));
        progress = endpoint.Handshake();
      }
    }
    const bool sends = !endpoint.output().empty();
    out += std::exchange(endpoint.output(), std::string());
    if (sends) ++(&in == &to_client_ ? client_sends_ : server_sends_);
    return arrived || sends;
  }

  template <typename Endpoint>
  void FeedSome(Endpoint& endpoint, std::string& in) {
    const size_t n = std::min(segment_, in.size());
    fed_.push_back(in.substr(0, n));
    in.erase(0, n);
    endpoint.Feed(fed_.back());
  }

  std::string Read(RawPeer& endpoint, std::string& in) {
    endpoint.Feed(std::exchange(in, std::string()));
    return endpoint.Decrypt();
  }
  std::string Read(Session& endpoint, std::string& in) {
    constexpr size_t kPlenty = size_t{1} << 30;
    std::string text;
    (void)endpoint.Decrypt(text, kPlenty);  // what came with the end of the handshake
    while (!in.empty()) {
      FeedSome(endpoint, in);
      if (endpoint.Decrypt(text, kPlenty) == Session::ReadResult::kBroken) break;
    }
    return text;
  }

  Client& client_;
  Server& server_;
  const size_t segment_;
  Progress client_progress_ = Progress::kNeedInput;
  Progress server_progress_ = Progress::kNeedInput;
  int client_sends_ = 0;
  int server_sends_ = 0;
  std::string to_client_;
  std::string to_server_;
  std::deque<std::string> fed_;  // in place for as long as a Session may still read it
};

}  // namespace sluice::tls

#endif  // SLUICE_TESTS_TLS_WIRE_H_
