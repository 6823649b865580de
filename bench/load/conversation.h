// The client's side of one SMTP session, told word by word by whoever measures it.
//
//   Conversation conversation(core, options, context);
//   absl::Status open = co_await conversation.Open();       // … EHLO inside TLS
//   absl::StatusOr<smtp::Reply> reply = co_await conversation.Ask("NOOP\r\n");
//   co_await conversation.Quit();
//
// Errors are named by the stage that failed, without what differs from session to session, so that
// they can be counted. One core.
#ifndef SLUICE_BENCH_LOAD_CONVERSATION_H_
#define SLUICE_BENCH_LOAD_CONVERSATION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/io/core.h"
#include "engine/io/socket_address.h"
#include "engine/io/task.h"
#include "engine/smtp/reply.h"
#include "engine/smtp/reply_reader.h"
#include "tls/context.h"
#include "tls/stream.h"

namespace sluice::bench {

struct ConversationOptions {
  io::SocketAddress target;
  std::vector<io::SocketAddress> sources;  // connections go out from these in turn; empty: any
  bool use_tls = true;
  std::string hostname = "bench.sluice.test";
  absl::Duration timeout = absl::Seconds(30);  // for each step
};

class Conversation {
 public:
  // `options` and `context` outlive it. `number` chooses the source address.
  Conversation(io::Core& core, const ConversationOptions& options, tls::ClientContext& context,
               int number);

  // Connect, banner, EHLO, and with TLS: STARTTLS, handshake, EHLO.
  io::Task<absl::Status> Open();
  bool is_open() const { return stream_ != nullptr; }
  bool pipelining() const { return pipelining_; }
  bool chunking() const { return chunking_; }
  const tls::ConnectionInfo* tls() const { return stream_ == nullptr ? nullptr : stream_->tls(); }

  // While open.
  io::Task<absl::Status> Say(absl::Span<const absl::string_view> pieces);
  io::Task<absl::StatusOr<smtp::Reply>> Hear();
  // Hears a reply of class 2 or 3; else an error that names `stage` and its code.
  io::Task<absl::Status> Expect(absl::string_view stage);
  // Says `line` and expects that.
  io::Task<absl::Status> Ask(absl::string_view line, absl::string_view stage);
  // QUIT, its reply, and the server's end of the connection. Does nothing when closed.
  io::Task<absl::Status> Quit();
  // Closes at once.
  io::Task<void> Close();

 private:
  io::Task<absl::Status> Ehlo();
  MonoTime Deadline() const { return core_.Now() + options_.timeout; }

  io::Core& core_;
  const ConversationOptions& options_;
  tls::ClientContext& context_;
  const int number_;
  std::unique_ptr<tls::Stream> stream_;
  smtp::ReplyReader reader_;
  bool pipelining_ = false;
  bool chunking_ = false;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_CONVERSATION_H_
