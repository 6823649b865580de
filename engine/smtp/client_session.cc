#include "engine/smtp/client_session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/smtp/reply_reader.h"
#include "engine/smtp/session_times.h"

namespace sluice::smtp {
namespace {

absl::string_view FirstWord(absl::string_view text) {
  return text.substr(0, std::min(text.find_first_of(" \n"), text.size()));
}

Failure Refused(Stage stage, const Reply& reply, absl::string_view command) {
  Failure failure;
  failure.stage = stage;
  failure.reply = reply;
  failure.detail = absl::StrCat("the server refused ", command, ": ", reply.ToString());
  return failure;
}

// What went wrong when STARTTLS, or its answer, did not get through.
tls::Reason ReasonOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return tls::Reason::kHandshakeTimeout;
    case absl::StatusCode::kInvalidArgument:
      return tls::Reason::kProtocol;
    default:
      return tls::Reason::kClosed;
  }
}

// The handshake's own failures, and those that the certificate caused.
Stage StageOf(tls::Reason reason) {
  switch (reason) {
    case tls::Reason::kUntrusted:
    case tls::Reason::kNameMismatch:
    case tls::Reason::kExpiredCertificate:
    case tls::Reason::kFingerprintMismatch:
    case tls::Reason::kDaneMismatch:
      return Stage::kVerify;
    default:
      return Stage::kHandshake;
  }
}

}  // namespace

ClientSession::ClientSession(io::Core& core, const ClientOptions& options, ClientTimes* times)
    : core_(core), options_(options), times_(times) {}

ClientSession::~ClientSession() { SLUICE_CHECK(stream_ == nullptr); }

io::Task<std::optional<Failure>> ClientSession::Open(io::ConnectOptions to, TlsUse use,
                                                     tls::ClientContext& context) {
  SLUICE_CHECK(!opened_);
  opened_ = true;
  use_ = std::move(use);
  facts_.remote = to.remote;
  const MonoTime begun = core_.Now();
  const MonoTime limit = begun + options_.open_limit;
  absl::StatusOr<std::unique_ptr<io::Connection>> connection =
      co_await core_.Connect(std::move(to), Deadline(options_.connect_timeout, limit));
  Took(Stage::kConnect, begun);
  if (!connection.ok()) co_return Broken(Stage::kConnect, connection.status());
  stream_ = std::make_unique<tls::Stream>(core_, *std::move(connection));
  if (aborted_) stream_->Abort();  // Abort() came while there was nothing yet to end
  facts_.local = stream_->local();

  std::optional<Failure> failure = co_await Negotiate(context, limit);
  if (failure.has_value()) {
    if (aborted_)
      failure->tls_reason.reset();  // ended from this side: no fault of the server's TLS
    co_await Quit();
  }
  co_return failure;
}

io::Task<std::optional<Failure>> ClientSession::Negotiate(tls::ClientContext& context,
                                                          MonoTime limit) {
  std::optional<Failure> failure = co_await ReadBanner(limit);
  if (failure.has_value()) co_return failure;
  failure = co_await Greet(Stage::kEhlo, limit);
  if (failure.has_value() || !use_.wanted()) co_return failure;
  failure = co_await StartTls(context, limit);
  if (failure.has_value() || stream_->tls() == nullptr) co_return failure;
  failure = co_await Greet(Stage::kPostEhlo, limit);
  co_return failure;
}

io::Task<std::optional<Failure>> ClientSession::ReadBanner(MonoTime limit) {
  facts_.reached = Stage::kBanner;
  const MonoTime begun = core_.Now();
  const absl::StatusOr<Reply> banner = co_await ReadReply(Deadline(options_.banner_timeout, limit));
  Took(Stage::kBanner, begun);
  if (!banner.ok()) co_return Broken(Stage::kBanner, banner.status());
  facts_.banner = *banner;
  facts_.server_name = std::string(FirstWord(banner->text));
  if (banner->code != 220) co_return Refused(Stage::kBanner, *banner, "the connection");
  co_return std::nullopt;
}

io::Task<std::optional<Failure>> ClientSession::Greet(Stage stage, MonoTime limit) {
  facts_.reached = stage;
  const MonoTime begun = core_.Now();
  absl::StatusOr<Reply> reply = co_await Command(absl::StrCat("EHLO ", options_.hostname, "\r\n"),
                                                 options_.ehlo_timeout, limit);
  Took(stage, begun);
  if (!reply.ok()) {
    Failure failure = Broken(stage, reply.status());
    // With TLS 1.3 a server that rejects the handshake is heard of only now.
    if (absl::IsDataLoss(reply.status())) failure.tls_reason = tls::Reason::kProtocol;
    if (absl::IsAborted(reply.status())) failure.tls_reason = tls::Reason::kAlert;
    if (failure.tls_reason.has_value()) failure.trace = stream_->Trace();
    co_return failure;
  }
  // Parsed anew, so that nothing that was said in clear counts inside TLS (RFC 3207 §4.2).
  facts_.capabilities = Capabilities();
  if (reply->code == 250) {
    facts_.capabilities = Capabilities::FromEhlo(*reply);
    facts_.server_name = std::string(FirstWord(reply->text));
    co_return std::nullopt;
  }
  Failure failure = Refused(stage, *reply, "EHLO");
  if (!reply->permanent()) co_return failure;
  if (use_.mandatory()) {
    if (stage == Stage::kEhlo) failure.tls_reason = tls::Reason::kNotOffered;
    co_return failure;
  }
  if (stage == Stage::kEhlo) {
    reply = co_await Command(absl::StrCat("HELO ", options_.hostname, "\r\n"),
                             options_.ehlo_timeout, limit);
    if (!reply.ok()) co_return Broken(stage, reply.status());
    if (reply->code == 250) co_return std::nullopt;
    failure = Refused(stage, *reply, "EHLO and HELO");
  }
  if (reply->permanent()) failure.kind = Failure::Kind::kPermanent;
  co_return failure;
}

io::Task<std::optional<Failure>> ClientSession::StartTls(tls::ClientContext& context,
                                                         MonoTime limit) {
  facts_.reached = Stage::kStarttls;
  facts_.starttls_offered = facts_.capabilities.starttls;
  if (!facts_.starttls_offered) {
    Failure failure;
    failure.stage = Stage::kStarttls;
    failure.tls_reason = tls::Reason::kNotOffered;
    failure.detail = "the server does not offer STARTTLS";
    co_return Unsecured(std::move(failure));
  }
  const MonoTime asked = core_.Now();
  const absl::StatusOr<Reply> reply =
      co_await Command("STARTTLS\r\n", options_.starttls_timeout, limit);
  Took(Stage::kStarttls, asked);
  if (!reply.ok()) {
    Failure failure = Broken(Stage::kStarttls, reply.status());
    failure.tls_reason = ReasonOf(reply.status());
    co_return failure;
  }
  if (reply->code != 220) {
    Failure failure = Refused(Stage::kStarttls, *reply, "STARTTLS");
    failure.tls_reason = tls::Reason::kRefused;
    co_return Unsecured(std::move(failure));
  }
  if (!stream_->input().empty()) {
    broken_ = true;
    Failure failure;
    failure.stage = Stage::kStarttls;
    failure.tls_reason = tls::Reason::kPlaintextInjected;
    failure.reply = *reply;
    failure.detail = absl::StrCat(stream_->input().size(),
                                  " bytes in clear followed the server's answer to STARTTLS");
    co_return failure;
  }
  facts_.reached = Stage::kHandshake;
  const MonoTime begun = core_.Now();
  std::optional<tls::Failure> failed = co_await stream_->ConnectTls(
      context, use_.demand(), Deadline(options_.handshake_timeout, limit));
  HandshakeTook(failed, begun);
  if (failed.has_value()) {
    broken_ = true;
    Failure failure;
    failure.stage = StageOf(failed->reason);
    failure.tls_reason = failed->reason;
    failure.detail = std::move(failed->detail);
    failure.trace = std::move(failed->trace);
    facts_.reached = failure.stage;
    facts_.tls = std::move(failed->seen);
    co_return failure;
  }
  facts_.tls = *stream_->tls();
  co_return std::nullopt;
}

std::optional<Failure> ClientSession::Unsecured(Failure failure) {
  if (use_.mandatory() || broken_) return failure;
  facts_.in_clear_because = tls::Failure{*failure.tls_reason, std::move(failure.detail)};
  return std::nullopt;
}

io::Task<absl::StatusOr<Reply>> ClientSession::Command(std::string command, absl::Duration timeout,
                                                       MonoTime limit) {
  const MonoTime deadline = Deadline(timeout, limit);
  if (!stream_->input().empty()) {
    absl::StatusOr<Reply> unasked = co_await ReadUnaskedReply(deadline);
    co_return unasked;
  }
  const absl::Status sent = co_await stream_->Write(command, deadline);
  if (!sent.ok()) {
    broken_ = true;
    co_return sent;
  }
  absl::StatusOr<Reply> reply = co_await ReadReply(deadline);
  co_return reply;
}

io::Task<absl::StatusOr<Reply>> ClientSession::ReadReply(MonoTime deadline) {
  ReplyReader reader;
  while (true) {
    size_t used = 0;
    const absl::StatusOr<bool> complete = reader.Read(stream_->input(), used);
    stream_->Consume(used);
    if (complete.ok() && *complete) break;
    absl::Status status = complete.status();
    if (status.ok()) {
      const absl::StatusOr<bool> more = co_await stream_->Fill(deadline);
      if (more.ok() && *more) continue;
      status =
          more.ok() ? absl::UnavailableError("the server closed the connection") : more.status();
    }
    broken_ = true;
    co_return status;
  }
  Reply reply = reader.Take();
  if (reply.code == 421) broken_ = true;  // the server is closing (RFC 5321 §3.8)
  co_return reply;
}

io::Task<absl::StatusOr<Reply>> ClientSession::ReadUnaskedReply(MonoTime deadline) {
  absl::StatusOr<Reply> reply = co_await ReadReply(deadline);
  if (reply.ok() && reply->code != 421) {
    broken_ = true;
    co_return absl::InvalidArgumentError(
        absl::StrCat("the server replied without having been asked: ", reply->ToString()));
  }
  co_return reply;
}

io::Task<void> ClientSession::Quit() {
  if (stream_ == nullptr) co_return;
  if (!broken_) {
    // The answer makes no difference; it is waited for so that the close does not reset what the
    // server has yet to read.
    const absl::StatusOr<Reply> ignored =
        co_await Command("QUIT\r\n", options_.quit_timeout, MonoTime::Never());
  }
  broken_ = true;
  co_await stream_->Close(core_.Now() + options_.quit_timeout);
  stream_ = nullptr;
}

void ClientSession::Abort() {
  aborted_ = true;
  if (stream_ != nullptr) stream_->Abort();
}

Failure ClientSession::Broken(Stage stage, const absl::Status& status) const {
  Failure failure;
  failure.stage = stage;
  failure.detail = std::string(status.message());
  return failure;
}

void ClientSession::Took(Stage stage, MonoTime begun) {
  if (times_ != nullptr) times_->of(stage).Observe(core_.Now() - begun);
}

void ClientSession::HandshakeTook(const std::optional<tls::Failure>& failed, MonoTime begun) {
  Took(Stage::kHandshake, begun);
  if (times_ == nullptr) return;
  const HandshakeEnd end = failed.has_value()        ? HandshakeEnd::kFailed
                           : stream_->tls()->resumed ? HandshakeEnd::kResumed
                                                     : HandshakeEnd::kFull;
  times_->handshakes.of(end).Observe(core_.Now() - begun);
}

MonoTime ClientSession::Deadline(absl::Duration timeout, MonoTime limit) const {
  return std::min(core_.Now() + timeout, limit);
}

}  // namespace sluice::smtp
