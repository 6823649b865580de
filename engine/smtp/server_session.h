// One client's connection to this server, from banner to close: a coroutine that reads top-down and
// leaves the rules to ServerDialog.
//
//   core.Spawn(ServeOne(core, std::move(connection)));
//   io::Task<void> ServeOne(…) {
//     ServerSession session(core, std::move(connection), options, receiver, context, budget);
//     co_await session.Run();
//   }
//
// Replies to a group of pipelined commands leave in one write (RFC 2920 §3.2). Each wait has a
// deadline, a command line has one however slowly it drips in, and the session as a whole has one.
//
// One core. Drain() and Abort() from other coroutines of that core.
#ifndef SLUICE_ENGINE_SMTP_SERVER_SESSION_H_
#define SLUICE_ENGINE_SMTP_SERVER_SESSION_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "engine/base/clock.h"
#include "engine/io/connection.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/smtp/receiver.h"
#include "engine/smtp/reply.h"
#include "engine/smtp/server_dialog.h"
#include "tls/stream.h"

namespace sluice::smtp {

// Bytes of bodies that a core holds while they arrive and until they are on disk. One core; used():
// any thread.
class BodyBudget {
 public:
  explicit BodyBudget(size_t limit) : limit_(limit) {}
  size_t used() const { return used_.load(std::memory_order_relaxed); }

  // A share of the budget, given back when it goes.
  class Share {
   public:
    explicit Share(BodyBudget& budget) : budget_(budget) {}
    ~Share() { budget_.Use(budget_.used() - bytes_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    // False when the budget has no room for that much; the share then stays as it was. A share can
    // always be made smaller.
    bool Resize(size_t bytes) {
      if (bytes > bytes_ && bytes - bytes_ > budget_.limit_ - budget_.used()) return false;
      budget_.Use(budget_.used() - bytes_ + bytes);
      bytes_ = bytes;
      return true;
    }

   private:
    BodyBudget& budget_;
    size_t bytes_ = 0;
  };

 private:
  void Use(size_t bytes) { used_.store(bytes, std::memory_order_relaxed); }

  const size_t limit_;
  std::atomic<size_t> used_{0};
};

class ServerSession {
 public:
  // `context` may be null when STARTTLS is not offered. All but the connection outlive the session.
  ServerSession(io::Core& core, std::unique_ptr<io::Connection> connection,
                const ServerOptions& options, Receiver& receiver, tls::ServerContext* context,
                BodyBudget& budget);

  // Once. Closes the connection at its end.
  io::Task<void> Run();

  // Ends the session with 421 as soon as no transaction is open; one that is open may finish.
  void Drain();
  // Ends it now.
  void Abort();

  // 421 to a client that is one too many, and close.
  static io::Task<void> RefuseBusy(io::Core& core, std::unique_ptr<io::Connection> connection,
                                   std::string hostname);

 private:
  using Next = ServerDialog::Next;

  io::Task<absl::Status> Converse();
  // Waits for the next command line and hands it to the dialog.
  io::Task<absl::Status> NextCommand(Next& next);
  io::Task<absl::Status> StartTls();
  io::Task<absl::Status> ReceiveBody(Next& next);
  io::Task<absl::Status> Flush();
  io::Task<void> SayGoodbye();
  bool HasLine() const;
  std::string TooLong() const;
  MonoTime Deadline(absl::Duration timeout) const;

  io::Core& core_;
  const ServerOptions& options_;
  Receiver& receiver_;
  tls::ServerContext* const context_;
  BodyBudget& budget_;
  tls::Stream stream_;
  Client client_;
  ServerDialog dialog_;
  std::string out_;  // replies that have not left
  const MonoTime session_deadline_;
  bool idle_ = false;  // waits for a command, with no transaction open
  bool draining_ = false;
  bool goodbye_begun_ = false;   // SayGoodbye() has the stream: Run() writes nothing any more
  bool saying_goodbye_ = false;  // it has not ended yet
  io::Event goodbye_said_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_SERVER_SESSION_H_
