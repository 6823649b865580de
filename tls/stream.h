// A connection that starts in clear and can turn to TLS: what an SMTP session reads and writes.
//
//   Stream stream(core, std::move(connection));
//   absl::StatusOr<bool> more = co_await stream.Fill(deadline);   // false: end of stream
//   absl::string_view line = stream.input();  …  stream.Consume(n);
//   absl::Status sent = co_await stream.Write("220 2.0.0 Ready to start TLS\r\n", deadline);
//   std::optional<Failure> failed = co_await stream.AcceptTls(context, deadline);
//   co_await stream.Close(deadline);
//
// One core, and one await at a time: with TLS a read may have to write as well. Buffers are held
// only while they hold bytes, so an idle stream costs its SSL object and little else. Each Write
// leaves as one send, several TLS records in it when it is long.
//
// A client that ends the handshake (TLS 1.3, and TLS 1.2 resumed) has its Finished leave with what
// it writes next, which saves a segment and a wake-up at both ends: in SMTP it is the client that
// speaks then. (BoringSSL does the same with a server's session tickets.)
#ifndef SLUICE_TLS_STREAM_H_
#define SLUICE_TLS_STREAM_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/base/clock.h"
#include "engine/io/connection.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "tls/connection_info.h"
#include "tls/failure.h"
#include "tls/peer_demand.h"

namespace sluice::tls {

class ClientContext;
class ServerContext;
class Session;
class Signer;

class Stream {
 public:
  // With this much in input() nothing more is received (one receive buffer may go past it); a
  // caller that then fills it again has forgotten its own bound (checked).
  static constexpr size_t kInputLimit = 64 * 1024;

  Stream(io::Core& core, std::unique_ptr<io::Connection> connection);
  ~Stream();  // after Close()
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Received, decrypted, not yet consumed.
  absl::string_view input() const;
  void Consume(size_t n);

  // Waits until input() has grown; a client's Finished that still lies here leaves first. False at
  // the end of the stream (with TLS: a close_notify, or a bare end of the connection). Errors:
  // DeadlineExceeded, Unavailable, Cancelled, DataLoss (a record that does not authenticate),
  // Aborted (the peer sent a fatal alert: with TLS 1.3 a server that rejects what a client showed
  // of itself is heard of only here).
  io::Task<absl::StatusOr<bool>> Fill(MonoTime deadline);

  // Sends all of `pieces`. What they point to stays in place until the await is over.
  io::Task<absl::Status> Write(absl::Span<const absl::string_view> pieces, MonoTime deadline);
  io::Task<absl::Status> Write(absl::string_view bytes, MonoTime deadline);

  // The handshake, as server and as client. nullopt: the stream is now TLS. input() must be empty:
  // bytes that came in clear behind STARTTLS are the caller's to refuse (RFC 3207 §4.2,
  // CVE-2011-0411); any that arrive before the handshake's are its to fail on.
  io::Task<std::optional<Failure>> AcceptTls(ServerContext& context, MonoTime deadline);
  io::Task<std::optional<Failure>> ConnectTls(ClientContext& context, const PeerDemand& demand,
                                              MonoTime deadline);

  // Null while in clear.
  const ConnectionInfo* tls() const;
  // Of a client with TLS: what was said in the handshake (handshake_trace.h).
  std::string Trace() const;

  const io::SocketAddress& local() const;
  const io::SocketAddress& remote() const;

  // Cancels what is under way, from another coroutine of this core.
  void Abort();

  // Sends close_notify where TLS is on (without waiting for the peer's) and closes. Once, last.
  io::Task<void> Close(MonoTime deadline);

 private:
  io::Task<std::optional<Failure>> Handshake(Session& session, Signer* signer, MonoTime deadline);
  io::Task<absl::Status> SendOutput(MonoTime deadline);

  io::Core& core_;
  const std::unique_ptr<io::Connection> connection_;
  std::unique_ptr<Session> session_;  // null while in clear
  io::Input lease_;                   // ciphertext that the session has not read to its end
  std::string buffer_;                // input() is what follows the first consumed_ bytes
  size_t consumed_ = 0;
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_STREAM_H_
