#include "tls/stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/io/answer.h"
#include "tls/context.h"
#include "tls/session.h"

namespace sluice::tls {
namespace {

// Plaintext that is encrypted before a send: what a connection holds while a long body leaves.
constexpr size_t kSendStep = 64 * 1024;
// Small pieces are joined up to this, so that they do not each become a record.
constexpr size_t kRecord = 16 * 1024;
// Header, nonce and tag of a record, and for CBC its padding and MAC (RFC 5246 §6.2.3).
constexpr size_t kRecordOverhead = 128;

// Where a thread joins small pieces of what it encrypts next.
std::string& Joined() {
  thread_local std::string joined;
  joined.reserve(kRecord);
  return joined;
}

// So that the ciphertext of `pieces` is not copied as it grows.
void MakeRoom(std::string& output, absl::Span<const absl::string_view> pieces) {
  size_t plain = 0;
  for (const absl::string_view piece : pieces) plain += piece.size();
  plain = std::min(plain, kSendStep);
  output.reserve(output.size() + plain + (plain / kRecord + 2) * kRecordOverhead);
}

}  // namespace

Stream::Stream(io::Core& core, std::unique_ptr<io::Connection> connection)
    : core_(core), connection_(std::move(connection)) {}

Stream::~Stream() = default;

absl::string_view Stream::input() const { return absl::string_view(buffer_).substr(consumed_); }

void Stream::Consume(size_t n) {
  consumed_ += n;
  SLUICE_CHECK(consumed_ <= buffer_.size());
  if (consumed_ < buffer_.size()) return;
  consumed_ = 0;
  buffer_ = std::string();  // nothing is held by one that waits
}

const ConnectionInfo* Stream::tls() const {
  return session_ == nullptr ? nullptr : &session_->info();
}

std::string Stream::Trace() const { return session_ == nullptr ? "" : session_->Trace(); }

const io::SocketAddress& Stream::local() const { return connection_->local(); }
const io::SocketAddress& Stream::remote() const { return connection_->remote(); }

void Stream::Abort() { connection_->Abort(); }

io::Task<absl::StatusOr<bool>> Stream::Fill(MonoTime deadline) {
  SLUICE_CHECK(input().size() < kInputLimit);
  buffer_.erase(0, std::exchange(consumed_, 0));
  const size_t before = buffer_.size();
  while (true) {
    if (session_ != nullptr) {
      const Session::ReadResult result = session_->Decrypt(buffer_, kInputLimit);
      if (!session_->has_unread_input()) lease_ = io::Input();
      if (!session_->output().empty()) {  // an answer to a KeyUpdate, an alert
        const absl::Status sent = co_await SendOutput(deadline);
        if (!sent.ok() && buffer_.size() == before) co_return sent;
      }
      if (buffer_.size() > before) co_return true;
      if (result == Session::ReadResult::kEnd) co_return false;
      if (result == Session::ReadResult::kBroken) {
        if (!session_->alert().empty()) co_return absl::AbortedError(session_->alert());
        co_return absl::DataLossError("a TLS record could not be decrypted");
      }
    }
    absl::StatusOr<io::Input> input = co_await connection_->Receive(deadline);
    if (!input.ok()) co_return input.status();
    if (session_ == nullptr) {
      if (input->empty()) co_return false;
      const absl::string_view bytes = input->view();
      buffer_.append(bytes.data(), bytes.size());
      co_return true;
    }
    if (input->empty()) {
      session_->FeedEnd();
    } else {
      lease_ = *std::move(input);
      session_->Feed(lease_.view());
    }
  }
}

io::Task<absl::Status> Stream::SendOutput(MonoTime deadline) {
  const std::string sending = std::exchange(session_->output(), std::string());
  const absl::string_view piece = sending;
  absl::Status sent = co_await connection_->Send(absl::MakeConstSpan(&piece, 1), deadline);
  co_return sent;
}

io::Task<absl::Status> Stream::Write(absl::string_view bytes, MonoTime deadline) {
  absl::Status sent = co_await Write(absl::MakeConstSpan(&bytes, 1), deadline);
  co_return sent;
}

io::Task<absl::Status> Stream::Write(absl::Span<const absl::string_view> pieces,
                                     MonoTime deadline) {
  if (session_ == nullptr) {
    absl::Status sent = co_await connection_->Send(pieces, deadline);
    co_return sent;
  }
  MakeRoom(session_->output(), pieces);
  // Empty whenever another coroutine may run, and so on every way out: what stayed here would leave on
  // another's connection.
  std::string& record = Joined();
  for (absl::string_view piece : pieces) {
    while (!piece.empty()) {
      const size_t n = std::min(piece.size(), kRecord - record.size());
      absl::Status encrypted;
      if (record.empty() && n == kRecord) {
        encrypted = session_->Encrypt(piece.substr(0, n));  // whole records need no joining
      } else {
        record.append(piece.data(), n);
        if (record.size() == kRecord) {
          encrypted = session_->Encrypt(record);
          record.clear();
        }
      }
      if (!encrypted.ok()) {
        record.clear();
        co_return encrypted;
      }
      piece.remove_prefix(n);
      if (session_->output().size() >= kSendStep) {
        const absl::Status sent = co_await SendOutput(deadline);
        if (!sent.ok()) co_return sent;
      }
    }
  }
  if (!record.empty()) {
    const absl::Status encrypted = session_->Encrypt(record);
    record.clear();
    if (!encrypted.ok()) co_return encrypted;
  }
  if (session_->output().empty()) co_return absl::OkStatus();
  absl::Status sent = co_await SendOutput(deadline);
  co_return sent;
}

io::Task<std::optional<Failure>> Stream::AcceptTls(ServerContext& context, MonoTime deadline) {
  SLUICE_CHECK(session_ == nullptr && input().empty());
  std::unique_ptr<Session> session = Session::NewServer(context);
  std::optional<Failure> failed = co_await Handshake(*session, &context.signer(), deadline);
  if (!failed.has_value()) session_ = std::move(session);
  co_return failed;
}

io::Task<std::optional<Failure>> Stream::ConnectTls(ClientContext& context,
                                                    const PeerDemand& demand, MonoTime deadline) {
  SLUICE_CHECK(session_ == nullptr && input().empty());
  std::unique_ptr<Session> session =
      Session::NewClient(context, demand, connection_->remote().ToString());
  std::optional<Failure> failed = co_await Handshake(*session, context.signer(), deadline);
  if (!failed.has_value()) {
    session_ = std::move(session);
  } else {
    failed->trace = session->Trace();
  }
  co_return failed;
}

io::Task<std::optional<Failure>> Stream::Handshake(Session& session, Signer* signer,
                                                   MonoTime deadline) {
  const auto failed_by = [](const absl::Status& status) {
    const bool late = absl::IsDeadlineExceeded(status);
    return Failure{late ? Reason::kHandshakeTimeout : Reason::kClosed,
                   late ? "the handshake was not finished in time" : std::string(status.message())};
  };
  while (true) {
    co_await core_.Turn();
    const Session::Progress progress = session.Handshake();
    if (!session.has_unread_input()) lease_ = io::Input();
    const bool held = progress == Session::Progress::kDone && session.is_client();
    if (!session.output().empty() && !held) {
      const std::string flight = std::exchange(session.output(), std::string());
      const absl::string_view piece = flight;
      const absl::Status sent =
          co_await connection_->Send(absl::MakeConstSpan(&piece, 1), deadline);
      // A failure that was found here is the reason, whether the alert reached the peer or not.
      if (!sent.ok() && progress != Session::Progress::kFailed) co_return failed_by(sent);
    }
    switch (progress) {
      case Session::Progress::kDone:
        co_return std::nullopt;
      case Session::Progress::kFailed:
        lease_ = io::Input();
        co_return session.failure();
      case Session::Progress::kNeedSigner: {
        SLUICE_CHECK(signer != nullptr);
        io::Answer<absl::StatusOr<std::string>> signature(core_);
        signer->Work(session.TakeSignerRequest(), deadline, signature.Sender());
        std::optional<absl::StatusOr<std::string>> answer = co_await signature.Wait(deadline);
        if (!answer.has_value()) {
          co_return failed_by(absl::DeadlineExceededError("the signer did not answer in time"));
        }
        session.SupplySignature(*std::move(answer));
        break;
      }
      case Session::Progress::kNeedInput: {
        absl::StatusOr<io::Input> input = co_await connection_->Receive(deadline);
        if (!input.ok()) co_return failed_by(input.status());
        if (input->empty()) {
          session.FeedEnd();
        } else {
          lease_ = *std::move(input);
          session.Feed(lease_.view());
        }
        break;
      }
    }
  }
}

io::Task<void> Stream::Close(MonoTime deadline) {
  if (session_ != nullptr) {
    session_->CloseNotify();
    if (!session_->output().empty()) {
      const absl::Status sent = co_await SendOutput(deadline);
      sent.IgnoreError();  // a courtesy; it closes all the same
    }
  }
  lease_ = io::Input();
  co_await connection_->Close();
}

}  // namespace sluice::tls
