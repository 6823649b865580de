// One end of an SMTP connection that is not ours: lines in, lines out, TLS where it comes to that.
#ifndef SLUICE_TESTS_SIM_PEER_H_
#define SLUICE_TESTS_SIM_PEER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "engine/io/core.h"
#include "tls/stream.h"

namespace sluice::sim {

class Peer {
 public:
  Peer(io::Core& core, std::unique_ptr<io::Connection> connection)
      : core_(core), stream_(core, std::move(connection)) {}

  tls::Stream& stream() { return stream_; }
  bool secure() const { return stream_.tls() != nullptr; }
  // Until when one wait may take.
  MonoTime Deadline(absl::Duration wait = absl::Minutes(30)) const { return core_.Now() + wait; }

  // Up to and with the next CRLF (which is not given back); nothing at the end.
  io::Task<std::optional<std::string>> ReadLine() { return ReadUntil("\r\n"); }
  io::Task<std::optional<std::string>> ReadUntil(std::string end) {
    // What a peer has to bear is bounded by what a stream keeps.
    std::string text;
    while (true) {
      const absl::string_view input = stream_.input();
      const size_t before = text.size();
      text.append(input.data(), input.size());
      const size_t found = text.find(end, before < end.size() ? 0 : before - end.size());
      if (found != std::string::npos) {
        stream_.Consume(found + end.size() - before);
        text.resize(found);
        co_return text;
      }
      stream_.Consume(input.size());
      const absl::StatusOr<bool> more = co_await stream_.Fill(Deadline());
      if (!more.ok() || !*more) co_return std::nullopt;
    }
  }

  io::Task<std::optional<std::string>> ReadBytes(size_t count) {
    std::string bytes;
    while (bytes.size() < count) {
      if (stream_.input().empty()) {
        const absl::StatusOr<bool> more = co_await stream_.Fill(Deadline());
        if (!more.ok() || !*more) co_return std::nullopt;
      }
      const absl::string_view input = stream_.input().substr(0, count - bytes.size());
      const size_t taken = input.size();
      bytes.append(input.data(), taken);
      stream_.Consume(taken);
    }
    co_return bytes;
  }

  io::Task<bool> Say(std::string text) {
    const absl::Status sent = co_await stream_.Write(text, Deadline());
    co_return sent.ok();
  }

  io::Task<void> Close() { co_await stream_.Close(Deadline(absl::Seconds(5))); }

 private:
  io::Core& core_;
  tls::Stream stream_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_PEER_H_
