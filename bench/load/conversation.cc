#include "bench/load/conversation.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"

namespace sluice::bench {
namespace {

absl::Status At(absl::string_view stage, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(stage, ": ", status.message()));
}

absl::Status Refused(absl::string_view stage, const smtp::Reply& reply) {
  return absl::FailedPreconditionError(absl::StrCat(
      stage, ": ", reply.code, reply.status.has_value() ? " " + reply.status->ToString() : ""));
}

}  // namespace

Conversation::Conversation(io::Core& core, const ConversationOptions& options,
                           tls::ClientContext& context, int number)
    : core_(core), options_(options), context_(context), number_(number) {}

io::Task<absl::Status> Conversation::Open() {
  SLUICE_CHECK(stream_ == nullptr);
  io::ConnectOptions where;
  where.remote = options_.target;
  if (!options_.sources.empty()) {
    where.source = options_.sources[static_cast<size_t>(number_) % options_.sources.size()];
  }
  absl::StatusOr<std::unique_ptr<io::Connection>> connection =
      co_await core_.Connect(where, Deadline());
  if (!connection.ok()) co_return At("connect", connection.status());
  stream_ = std::make_unique<tls::Stream>(core_, *std::move(connection));
  reader_ = smtp::ReplyReader();

  const absl::StatusOr<smtp::Reply> banner = co_await Hear();
  absl::Status status = !banner.ok()          ? At("banner", banner.status())
                        : !banner->positive() ? Refused("banner", *banner)
                                              : absl::OkStatus();
  if (status.ok()) status = co_await Ehlo();
  if (status.ok() && options_.use_tls) {
    status = co_await Ask("STARTTLS\r\n", "STARTTLS");
    if (status.ok()) {
      const tls::PeerDemand demand;  // any certificate: it is the load that is wanted
      const std::optional<tls::Failure> failed =
          co_await stream_->ConnectTls(context_, demand, Deadline());
      if (failed.has_value()) {
        status = absl::UnavailableError(absl::StrCat("handshake: ", failed->detail));
      }
    }
    if (status.ok()) status = co_await Ehlo();
  }
  if (!status.ok()) co_await Close();
  co_return status;
}

io::Task<absl::Status> Conversation::Ehlo() {
  const std::string line = absl::StrCat("EHLO ", options_.hostname, "\r\n");
  const absl::string_view piece = line;
  const absl::Status said = co_await Say(absl::MakeConstSpan(&piece, 1));
  if (!said.ok()) co_return At("EHLO", said);
  const absl::StatusOr<smtp::Reply> reply = co_await Hear();
  if (!reply.ok()) co_return At("EHLO", reply.status());
  if (!reply->positive()) co_return Refused("EHLO", *reply);
  pipelining_ = chunking_ = false;
  for (const absl::string_view keyword : absl::StrSplit(reply->text, '\n')) {
    pipelining_ |= absl::EqualsIgnoreCase(keyword, "PIPELINING");
    chunking_ |= absl::EqualsIgnoreCase(keyword, "CHUNKING");
  }
  co_return absl::OkStatus();
}

io::Task<absl::Status> Conversation::Say(absl::Span<const absl::string_view> pieces) {
  absl::Status said = co_await stream_->Write(pieces, Deadline());
  co_return said;
}

io::Task<absl::StatusOr<smtp::Reply>> Conversation::Hear() {
  const MonoTime deadline = Deadline();
  while (true) {
    if (!stream_->input().empty()) {
      size_t used = 0;
      const absl::StatusOr<bool> complete = reader_.Read(stream_->input(), used);
      if (!complete.ok()) co_return complete.status();
      stream_->Consume(used);
      if (*complete) co_return reader_.Take();
    }
    const absl::StatusOr<bool> more = co_await stream_->Fill(deadline);
    if (!more.ok()) co_return more.status();
    if (!*more) co_return absl::UnavailableError("the server closed the connection");
  }
}

io::Task<absl::Status> Conversation::Expect(absl::string_view stage) {
  const absl::StatusOr<smtp::Reply> reply = co_await Hear();
  if (!reply.ok()) co_return At(stage, reply.status());
  if (reply->code >= 400) co_return Refused(stage, *reply);
  co_return absl::OkStatus();
}

io::Task<absl::Status> Conversation::Ask(absl::string_view line, absl::string_view stage) {
  const absl::Status said = co_await Say(absl::MakeConstSpan(&line, 1));
  if (!said.ok()) co_return At(stage, said);
  absl::Status status = co_await Expect(stage);
  co_return status;
}

io::Task<absl::Status> Conversation::Quit() {
  if (stream_ == nullptr) co_return absl::OkStatus();
  absl::Status status = co_await Ask("QUIT\r\n", "QUIT");
  if (status.ok()) {
    // RFC 5321 §4.1.1.10: the server closes. Some leave that to the client after all.
    const absl::StatusOr<bool> more = co_await stream_->Fill(core_.Now() + absl::Seconds(1));
    (void)more;
  }
  co_await Close();
  co_return status;
}

io::Task<void> Conversation::Close() {
  if (stream_ == nullptr) co_return;
  co_await stream_->Close(core_.Now() + absl::Seconds(1));
  stream_.reset();
}

}  // namespace sluice::bench
