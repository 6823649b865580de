// A next hop that takes mail over TLS, or misbehaves at given rates.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<Sink> sink, Sink::Start(*engine, options, &passages));
//   …
//   sink->Stop();            // before the engine's
//
// One listener a core; its sessions are the gateway's own server sessions. Start and Stop are
// called on a thread that is no core.
#ifndef SLUICE_BENCH_LOAD_SINK_H_
#define SLUICE_BENCH_LOAD_SINK_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bench/load/passage.h"
#include "bench/load/tally.h"
#include "engine/io/engine.h"
#include "engine/io/socket_address.h"
#include "tls/cipher_policy.h"
#include "tls/credentials.h"

namespace sluice::bench {

struct SinkOptions {
  io::SocketAddress listen;
  std::shared_ptr<const tls::Credentials> credentials;
  tls::CipherPolicy ciphers;
  bool offer_starttls = true;
  // Shares of messages, 0 to 1, that are answered with 451, with 554, or not before `stall_time`;
  // and of connections that end when the handshake has begun.
  double defer = 0;
  double refuse = 0;
  double stall = 0;
  double break_tls = 0;
  absl::Duration stall_time = absl::Minutes(10);
  absl::Duration delay = absl::ZeroDuration();  // of each reply to a message
};

class Sink {
 public:
  struct Counts {
    Tally tally;  // done: messages taken; latency: from the sender to here (with passages)
    uint64_t connections = 0;
    uint64_t handshakes = 0;
    uint64_t deferred = 0;
    uint64_t refused = 0;
    uint64_t stalled = 0;
    uint64_t broken = 0;
  };

  // `passages`, where there are some, outlive it.
  static absl::StatusOr<std::unique_ptr<Sink>> Start(io::Engine& engine, SinkOptions options,
                                                     Passages* passages);
  ~Sink();

  const io::SocketAddress& address() const { return address_; }
  // Messages taken so far; any thread.
  uint64_t done() const;
  // Forgets what was counted so far.
  void Reset();
  Counts Take();
  // Ends the sessions that are open. Once.
  void Stop();

 private:
  class Door;  // one core's part
  Sink(io::Engine& engine, SinkOptions options, Passages* passages);

  io::Engine& engine_;
  const SinkOptions options_;
  Passages* const passages_;
  io::SocketAddress address_;
  std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_SINK_H_
