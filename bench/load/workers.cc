#include "bench/load/workers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/base/check.h"
#include "engine/base/clock.h"

namespace sluice::bench {
namespace {

class Handshaker final : public Worker {
 public:
  Handshaker(io::Core& core, const ClientSide& client, int number, Tally& tally)
      : context_(client.NewContext()),
        conversation_(core, client.conversation, *context_, number),
        tally_(tally) {}

  io::Task<absl::Status> Operate() override {
    absl::Status status = co_await conversation_.Open();
    if (!status.ok()) co_return status;
    if (conversation_.tls() != nullptr && conversation_.tls()->resumed) ++tally_.resumed;
    status = co_await conversation_.Quit();
    co_return status;
  }
  io::Task<void> End() override { co_await conversation_.Close(); }

 private:
  const std::unique_ptr<tls::ClientContext> context_;
  Conversation conversation_;
  Tally& tally_;
};

class Sender final : public Worker {
 public:
  Sender(io::Core& core, const ClientSide& client, const Sending& sending, int number, Tally& tally)
      : core_(core),
        sending_(sending),
        number_(number),
        context_(client.NewContext()),
        conversation_(core, client.conversation, *context_, number),
        tally_(tally),
        random_(static_cast<uint64_t>(number) + 1) {}

  io::Task<absl::Status> Operate() override {
    absl::Status status;
    if (!conversation_.is_open()) {
      status = co_await conversation_.Open();
      if (!status.ok()) co_return status;
      sent_here_ = 0;
    }
    status = co_await SendOne();
    if (!status.ok()) {
      co_await conversation_.Close();
    } else if (++sent_here_ >= sending_.per_connection) {
      // What the server says to it changes nothing for the message.
      const absl::Status quit = co_await conversation_.Quit();
      quit.IgnoreError();
    }
    co_return status;
  }
  io::Task<void> End() override {
    const absl::Status quit = co_await conversation_.Quit();
    quit.IgnoreError();
  }

 private:
  io::Task<absl::Status> SendOne();
  // MAIL, RCPT and, unless the message follows by BDAT, DATA.
  std::vector<std::string> EnvelopeCommands(size_t octets, bool chunking);
  std::string Head(uint64_t number) const;

  io::Core& core_;
  const Sending& sending_;
  const int number_;
  const std::unique_ptr<tls::ClientContext> context_;
  Conversation conversation_;
  Tally& tally_;
  Random random_;
  int sent_here_ = 0;
  uint64_t sent_ = 0;
};

std::vector<std::string> Sender::EnvelopeCommands(size_t octets, bool chunking) {
  std::string domain = sending_.recipient_domain;
  if (sending_.domains > 1) {
    const uint64_t turn = sent_ + static_cast<uint64_t>(number_);
    domain = absl::StrCat("d", turn % static_cast<uint64_t>(sending_.domains), ".", domain);
  }
  std::vector<std::string> commands;
  commands.push_back(absl::StrCat("MAIL FROM:<", sending_.sender, "> SIZE=", octets, "\r\n"));
  for (int i = 0; i < sending_.recipients; ++i) {
    commands.push_back(absl::StrCat("RCPT TO:<", sending_.recipient_user,
                                    sending_.recipients > 1 ? absl::StrCat(i) : "", "@", domain,
                                    ">\r\n"));
  }
  if (!chunking) commands.push_back("DATA\r\n");
  return commands;
}

std::string Sender::Head(uint64_t number) const {
  return absl::StrCat("From: <", sending_.sender, ">\r\nTo: <", sending_.recipient_user, "@",
                      sending_.recipient_domain, ">\r\nSubject: load\r\nDate: ",
                      absl::FormatTime(absl::RFC1123_full, core_.WallNow(), absl::UTCTimeZone()),
                      "\r\nMessage-ID: <", number, ".", absl::ToUnixNanos(core_.WallNow()),
                      "@sluice.test>\r\n",
                      sending_.passages == nullptr ? "" : sending_.passages->Field(number), "\r\n");
}

io::Task<absl::Status> Sender::SendOne() {
  const size_t octets = sending_.mix.Draw(random_);
  const uint64_t number = sending_.passages == nullptr ? sent_ : sending_.passages->Begin();
  const std::string head = Head(number);
  SLUICE_CHECK(head.size() + 2 <= MessageMix::kSmallest);
  const std::vector<absl::string_view> text = sending_.mix.Text(octets - head.size());
  const bool chunking = sending_.chunking && conversation_.chunking();
  const bool pipelining = sending_.pipelining && conversation_.pipelining();
  const std::vector<std::string> commands = EnvelopeCommands(octets, chunking);
  const std::string bdat = absl::StrCat("BDAT ", octets, " LAST\r\n");
  ++sent_;

  std::vector<absl::string_view> message;
  if (chunking) message.push_back(bdat);
  message.push_back(head);
  message.insert(message.end(), text.begin(), text.end());
  if (!chunking) message.push_back(".\r\n");

  if (pipelining) {
    std::vector<absl::string_view> pieces(commands.begin(), commands.end());
    if (chunking) {  // RFC 3030 §4.2: nothing has to be waited for
      pieces.insert(pieces.end(), message.begin(), message.end());
      if (sending_.passages != nullptr) {
        sending_.passages->Depart(number, SystemClock().MonoNow());
      }
    }
    const absl::Status said = co_await conversation_.Say(pieces);
    if (!said.ok()) co_return said;
  }
  for (const std::string& command : commands) {
    const absl::string_view stage = absl::string_view(command).substr(0, 4);
    if (pipelining) {
      const absl::Status status = co_await conversation_.Expect(stage);
      if (!status.ok()) co_return status;
    } else {
      const absl::Status status = co_await conversation_.Ask(command, stage);
      if (!status.ok()) co_return status;
    }
  }
  if (!(pipelining && chunking)) {
    // The last byte leaves with this write.
    if (sending_.passages != nullptr) sending_.passages->Depart(number, SystemClock().MonoNow());
    const absl::Status said = co_await conversation_.Say(message);
    if (!said.ok()) co_return said;
  }
  const absl::Status taken = co_await conversation_.Expect("message");
  if (taken.ok()) {
    tally_.bytes += octets;
    if (sending_.accepted != nullptr) sending_.accepted->fetch_add(1, std::memory_order_relaxed);
  }
  co_return taken;
}

}  // namespace

std::unique_ptr<tls::ClientContext> ClientSide::NewContext() const {
  absl::StatusOr<std::unique_ptr<tls::ClientContext>> context =
      tls::ClientContext::CreateNarrowed(ciphers, trust, SystemClock(), narrowing);
  SLUICE_CHECK(context.ok());  // main() has made one with the same options
  return *std::move(context);
}

WorkerFactory NewHandshakers(const ClientSide& client) {
  return [&client](io::Core& core, int number, Tally& tally) {
    return std::make_unique<Handshaker>(core, client, number, tally);
  };
}

WorkerFactory NewSenders(const ClientSide& client, const Sending& sending) {
  return [&client, &sending](io::Core& core, int number, Tally& tally) {
    return std::make_unique<Sender>(core, client, sending, number, tally);
  };
}

}  // namespace sluice::bench
