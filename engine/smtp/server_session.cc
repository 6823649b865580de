#include "engine/smtp/server_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/smtp/data_decoder.h"
#include "engine/smtp/received_field.h"

namespace sluice::smtp {
namespace {

// How much of a line that is too long is read and dropped before the client is given up.
constexpr size_t kMostDropped = 64 * 1024;
// Replies that gather while pipelined commands are obeyed; with more of them they leave first.
constexpr size_t kMostReplies = 64 * 1024;

std::string Closing(absl::string_view hostname) {
  return absl::StrCat("421 4.3.2 ", hostname, " is shutting down, closing\r\n");
}

}  // namespace

ServerSession::ServerSession(io::Core& core, std::unique_ptr<io::Connection> connection,
                             const ServerOptions& options, Receiver& receiver,
                             tls::ServerContext* context, BodyBudget& budget)
    : core_(core),
      options_(options),
      receiver_(receiver),
      context_(context),
      budget_(budget),
      stream_(core, std::move(connection)),
      client_{stream_.remote(), stream_.local(), "", false, nullptr},
      dialog_(options, receiver, client_),
      session_deadline_(core.Now() + options.session_timeout),
      goodbye_said_(core) {}

MonoTime ServerSession::Deadline(absl::Duration timeout) const {
  if (SLUICE_PLANTED_BUG(TimerNotRearmed)) return MonoTime::Never();
  return std::min(core_.Now() + timeout, session_deadline_);
}

io::Task<void> ServerSession::Run() {
  const absl::Status ended = co_await Converse();
  if (!ended.ok()) {
    log::Debug("session_ended", {{"client", client_.remote.ToString()}, {"why", ended.message()}});
  }
  if (absl::IsDeadlineExceeded(ended)) {
    // §4.5.3.2: a client that said nothing for too long is told why; it may not be there any more.
    absl::StrAppend(&out_, "421 4.4.2 ", options_.hostname, " Timeout, closing\r\n");
    const absl::Status told = co_await stream_.Write(out_, core_.Now() + absl::Seconds(1));
    told.IgnoreError();
  }
  while (saying_goodbye_) co_await goodbye_said_.Wait(MonoTime::Never());  // it has a deadline
  co_await stream_.Close(core_.Now() + absl::Seconds(1));
}

io::Task<absl::Status> ServerSession::Converse() {
  dialog_.Greet(out_);
  Next next = Next::kCommand;
  while (true) {
    switch (next) {
      case Next::kCommand: {
        const absl::Status status = co_await NextCommand(next);
        if (!status.ok()) co_return status;
        break;
      }
      case Next::kStartTls: {
        const absl::Status status = co_await StartTls();
        if (!status.ok()) co_return status;
        next = Next::kCommand;
        break;
      }
      case Next::kBody: {
        const absl::Status status = co_await ReceiveBody(next);
        if (!status.ok()) co_return status;
        break;
      }
      case Next::kClose: {
        absl::Status status = co_await Flush();
        co_return status;
      }
    }
  }
}

bool ServerSession::HasLine() const {
  return stream_.input().find('\n') != absl::string_view::npos;
}

std::string ServerSession::TooLong() const {
  return absl::StrCat("Line too long: at most ", options_.limits.command_octets, " bytes");
}

io::Task<absl::Status> ServerSession::NextCommand(Next& next) {
  MonoTime deadline = Deadline(options_.command_timeout);
  size_t dropped = 0;
  while (true) {
    if (draining_ && !dialog_.in_transaction()) {
      out_ += Closing(options_.hostname);
      next = Next::kClose;
      co_return absl::OkStatus();
    }
    const bool has_line = HasLine();
    // Once everything that was asked has been answered, the answers leave, together.
    if (!out_.empty() && (!has_line || out_.size() > kMostReplies)) {
      const absl::Status sent = co_await Flush();
      if (!sent.ok()) co_return sent;
      deadline = Deadline(options_.command_timeout);
      continue;
    }
    if (has_line) break;
    const size_t waiting = stream_.input().size();
    if (waiting > options_.limits.command_octets) {
      dropped += waiting;
      stream_.Consume(waiting);
      if (dropped > kMostDropped) {
        dialog_.OnBadLine(TooLong(), out_);
        next = Next::kClose;
        co_return absl::OkStatus();
      }
    }
    idle_ = !dialog_.in_transaction();
    const absl::StatusOr<bool> more = co_await stream_.Fill(deadline);
    idle_ = false;
    if (goodbye_begun_) co_return absl::CancelledError("the server is shutting down");
    if (!more.ok()) co_return more.status();
    if (!*more) co_return absl::UnavailableError("the client closed the connection");
  }
  const size_t end = stream_.input().find('\n');
  absl::string_view line = stream_.input().substr(0, end);
  if (dropped > 0 || end + 1 > options_.limits.command_octets) {
    next = dialog_.OnBadLine(TooLong(), out_);
  } else if (!absl::ConsumeSuffix(&line, "\r")) {
    next = dialog_.OnBadLine("Lines end in CRLF, not in LF alone", out_);
  } else {
    next = dialog_.OnLine(line, out_);
  }
  stream_.Consume(end + 1);
  co_return absl::OkStatus();
}

io::Task<absl::Status> ServerSession::StartTls() {
  if (!stream_.input().empty() && !SLUICE_PLANTED_BUG(ObeysCommandsBehindStartTls)) {
    // Commands in clear that were to be obeyed inside TLS (RFC 3207 §4.2, CVE-2011-0411). Nothing
    // is said any more: whoever put them there would only learn from it.
    log::WarningSome("starttls_injection", client_.remote.ip(),
                     {{"client", client_.remote.ToString()}, {"bytes", stream_.input().size()}});
    co_return absl::InvalidArgumentError("bytes in clear behind STARTTLS");
  }
  const absl::Status sent = co_await Flush();
  if (!sent.ok()) co_return sent;
  const MonoTime begun = core_.Now();
  const std::optional<tls::Failure> failed =
      co_await stream_.AcceptTls(*context_, Deadline(options_.handshake_timeout));
  if (failed.has_value()) {
    receiver_.OnHandshakeFailed(client_, *failed, core_.Now() - begun);
    co_return absl::UnavailableError(
        absl::StrCat("TLS: ", tls::ReasonName(failed->reason), ": ", failed->detail));
  }
  dialog_.OnTls(*stream_.tls());
  receiver_.OnHandshake(client_, core_.Now() - begun);
  co_return absl::OkStatus();
}

io::Task<absl::Status> ServerSession::ReceiveBody(Next& next) {
  const absl::Status sent = co_await Flush();
  if (!sent.ok()) co_return sent;
  Transaction transaction = dialog_.TakeTransaction();
  transaction.id = receiver_.NewMessageId();
  DataDecoder decoder(
      options_.limits.data,
      ReceivedField(options_.hostname, client_, transaction.id, transaction.recipients,
                    transaction.parameters.smtputf8, core_.WallNow()));
  BodyBudget::Share share(budget_);
  const MonoTime deadline = Deadline(options_.data_timeout);
  while (true) {
    size_t used = 0;
    const bool ended = decoder.Consume(stream_.input(), used);
    stream_.Consume(used);
    if (!share.Resize(decoder.memory())) {
      decoder.Discard();
      share.Resize(0);  // the others need not wait until this client has ended
    }
    if (ended) break;
    const absl::StatusOr<bool> more = co_await stream_.Fill(deadline);
    if (!more.ok()) co_return more.status();
    if (!*more) co_return absl::UnavailableError("the client closed the connection in the body");
  }
  if (std::optional<Reply> refusal = decoder.refusal()) {
    receiver_.OnRefused(client_, *refusal);
    next = dialog_.OnBodyTaken(*refusal, out_);
    co_return absl::OkStatus();
  }
  transaction.body = decoder.TakeBody();
  const Reply reply = co_await receiver_.Take(std::move(transaction));
  next = dialog_.OnBodyTaken(reply, out_);
  co_return absl::OkStatus();
}

io::Task<absl::Status> ServerSession::Flush() {
  const std::string leaving = std::exchange(out_, std::string());
  // Not bounded by the session's own deadline: a message that is on disk must be answered, or the
  // client sends it a second time.
  const absl::Status sent = co_await stream_.Write(leaving, core_.Now() + options_.reply_timeout);
  if (absl::IsDeadlineExceeded(sent)) co_return absl::UnavailableError("the client does not read");
  co_return sent;
}

void ServerSession::Drain() {
  if (std::exchange(draining_, true) || !idle_) return;
  goodbye_begun_ = saying_goodbye_ = true;
  core_.Spawn(SayGoodbye());
}

// While Run() waits for a command that shall not come any more.
io::Task<void> ServerSession::SayGoodbye() {
  const std::string closing = Closing(options_.hostname);
  const absl::Status told = co_await stream_.Write(closing, core_.Now() + absl::Seconds(1));
  told.IgnoreError();
  stream_.Abort();
  saying_goodbye_ = false;
  goodbye_said_.NotifyAll();
}

void ServerSession::Abort() { stream_.Abort(); }

io::Task<void> ServerSession::RefuseBusy(io::Core& core, std::unique_ptr<io::Connection> connection,
                                         std::string hostname) {
  const std::string reply =
      absl::StrCat("421 4.3.2 ", hostname, " Too many connections, try again later\r\n");
  const absl::string_view piece = reply;
  const absl::Status told =
      co_await connection->Send(absl::MakeConstSpan(&piece, 1), core.Now() + absl::Seconds(1));
  told.IgnoreError();
  co_await connection->Close();
}

}  // namespace sluice::smtp
