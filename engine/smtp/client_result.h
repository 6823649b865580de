// What a client session reports: how far it came, what it saw, and what became of each recipient.
//
// Plain data, free of sockets, so that whoever decides about retries and writes history can be
// tested without any.
#ifndef SLUICE_ENGINE_SMTP_CLIENT_RESULT_H_
#define SLUICE_ENGINE_SMTP_CLIENT_RESULT_H_

#include <optional>
#include <string>
#include <vector>

#include "engine/io/socket_address.h"
#include "engine/smtp/client_capabilities.h"
#include "engine/smtp/reply.h"
#include "engine/smtp/stage.h"
#include "tls/failure.h"
#include "tls/stream.h"

namespace sluice::smtp {

// Why a connection could not be opened, or broke.
struct Failure {
  // kPermanent says that asking this server again will bring the same answer. It never is when TLS
  // is mandatory: a server that refuses STARTTLS today (with a 5xx too, RFC 3207 §4) may be mended
  // tomorrow, and mail for it waits until its time is up.
  enum class Kind { kTransient, kPermanent };

  Stage stage;
  Kind kind = Kind::kTransient;
  std::optional<tls::Reason> tls_reason;  // set when TLS is what failed
  std::optional<Reply> reply;             // what the server said, where it said something
  std::string detail;                     // for people: one line of printable ASCII
  bool local = false;                     // `reply` was made up here
  std::string trace = {};                 // of a handshake that failed (tls/handshake_trace.h)
};

// What is known of a connection, whether it was opened or not: for history and STARTTLS ping.
struct SessionFacts {
  Stage reached = Stage::kConnect;  // the last step of opening that was begun
  std::optional<io::SocketAddress> local;
  io::SocketAddress remote;
  std::optional<Reply> banner;
  std::string server_name;    // as the server calls itself in its last EHLO reply (or banner)
  Capabilities capabilities;  // of the last EHLO: inside TLS once there is TLS
  bool starttls_offered = false;
  // What the handshake agreed on, and the server's certificate; also where just that was refused
  // (Stage::kVerify), and the connection closed.
  std::optional<tls::ConnectionInfo> tls;
  // Under opportunistic TLS: why the session goes on in clear all the same.
  std::optional<tls::Failure> in_clear_because;
};

// What became of one recipient.
struct RecipientResult {
  enum class Outcome {
    kDelivered,
    kDeferred,  // 4xx, or the connection broke: try again
    kFailed,    // 5xx: no further attempt will do better
  };

  Outcome outcome = Outcome::kDeferred;
  Stage stage = Stage::kMail;  // of the command that decided
  // The server's words; made up here, with `local` set, where the session itself decided.
  Reply reply;
  bool local = false;
};

struct SendResult {
  std::vector<RecipientResult> recipients;  // in the order of the message's recipients

  // The connection broke on the way (or the server closed it with 421); it is not reusable.
  std::optional<Failure> failure;

  // The connection broke between the end of the body, which was sent, and the server's answer. The
  // recipients are deferred; those that had been accepted may get the message twice (RFC 1047).
  bool final_reply_lost = false;

  // A connection kept from an earlier message turned out to be closed before the server had said
  // anything about this one. Nothing speaks against trying again at once on a new connection.
  bool stale_connection = false;
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_CLIENT_RESULT_H_
