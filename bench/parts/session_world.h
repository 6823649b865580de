// A TLS server and its clients in memory, without a socket, for benchmarks and for the guard of
// instruction counts: sessions in pairs, each turn of a side a call of its own.
//
//   SessionWorld world(TestKey::kP256);
//   SessionWorld::Pair pair;
//   world.Connect("peer", pair);               // pair.client and pair.server can talk
#ifndef SLUICE_BENCH_PARTS_SESSION_WORLD_H_
#define SLUICE_BENCH_PARTS_SESSION_WORLD_H_

#include <memory>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/io/executor.h"
#include "tests/tls/test_certificates.h"
#include "tls/context.h"
#include "tls/session.h"

namespace sluice::tls {

inline constexpr char kCiphers[] = "TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL";

// A server with one certificate and a client that does not look at it.
class SessionWorld {
 public:
  using Progress = Session::Progress;

  explicit SessionWorld(TestKey key, const char* client_ciphers = kCiphers,
                        const Clock& clock = SystemClock())
      : executor_(io::NewThreadExecutor("signer")),
        signer_(*executor_),
        tickets_(clock, absl::Hours(2)) {
    const TestAuthority authority("Bench Root");
    server_ = *ServerContext::Create(*CipherPolicy::Parse(kCiphers),
                                     LoadTestCredentials({authority.Issue({.key = key})}), tickets_,
                                     signer_);
    client_ =
        *ClientContext::Create(*CipherPolicy::Parse(client_ciphers), TrustOnly(authority), clock);
  }

  struct Pair {
    std::unique_ptr<Session> client;
    std::unique_ptr<Session> server;
    std::string to_client;  // what a session still reads from stays in place
    std::string to_server;
  };

  std::unique_ptr<Session> NewServer() { return Session::NewServer(*server_); }
  // Two clients of one peer resume one another's sessions.
  std::unique_ptr<Session> NewClient(const std::string& peer) {
    const PeerDemand demand;
    return Session::NewClient(*client_, demand, peer);
  }

  // From nothing to the first line each way.
  void Connect(const std::string& peer, Pair& pair) {
    pair.client = NewClient(peer);
    pair.server = NewServer();
    Progress client = Progress::kNeedInput;
    Progress server = Progress::kNeedInput;
    while (client != Progress::kDone || server != Progress::kDone) {
      if (client != Progress::kDone) client = Turn(*pair.client, pair.to_client, pair.to_server);
      if (server != Progress::kDone) server = Turn(*pair.server, pair.to_server, pair.to_client);
      SLUICE_CHECK(client != Progress::kFailed && server != Progress::kFailed);
    }
    Line(*pair.server, *pair.client, pair.to_client);
    Line(*pair.client, *pair.server, pair.to_server);
  }

  // What one side does with what has come in for it.
  static Progress Turn(Session& session, std::string& in, std::string& out) {
    if (!in.empty() && !session.has_unread_input()) session.Feed(in);
    Progress progress = session.Handshake();
    while (progress == Progress::kNeedSigner) {
      session.SupplySignature(UsePrivateKey(session.TakeSignerRequest()));
      progress = session.Handshake();
    }
    if (!session.has_unread_input()) in.clear();
    out += std::exchange(session.output(), std::string());
    return progress;
  }

 private:
  static void Line(Session& from, Session& to, std::string& wire) {
    SLUICE_CHECK(from.Encrypt("250 2.0.0 Ok\r\n").ok());
    std::string text;
    if (to.has_unread_input()) (void)to.Decrypt(text, 100);
    wire = std::exchange(from.output(), std::string());
    to.Feed(wire);
    (void)to.Decrypt(text, 100);
    SLUICE_CHECK(!text.empty());
    wire = std::string();
  }

  std::unique_ptr<io::Executor> executor_;
  InlineSigner signer_;
  TicketKeys tickets_;
  std::unique_ptr<ServerContext> server_;
  std::unique_ptr<ClientContext> client_;
};

}  // namespace sluice::tls

#endif  // SLUICE_BENCH_PARTS_SESSION_WORLD_H_
