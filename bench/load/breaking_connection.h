// A connection that ends as soon as TLS begins on it: what a broken next hop does.
#ifndef SLUICE_BENCH_LOAD_BREAKING_CONNECTION_H_
#define SLUICE_BENCH_LOAD_BREAKING_CONNECTION_H_

#include <memory>
#include <utility>

#include "engine/io/connection.h"

namespace sluice::bench {

class BreakingConnection final : public io::Connection {
 public:
  explicit BreakingConnection(std::unique_ptr<io::Connection> inner) : inner_(std::move(inner)) {}

  const io::SocketAddress& local() const override { return inner_->local(); }
  const io::SocketAddress& remote() const override { return inner_->remote(); }

  io::Task<absl::StatusOr<io::Input>> Receive(MonoTime deadline) override {
    constexpr char kHandshake = 22;  // the type of a TLS record (RFC 8446 §5.1); no command has it
    absl::StatusOr<io::Input> input = co_await inner_->Receive(deadline);
    if (input.ok() && !input->empty() && input->view().front() == kHandshake) {
      inner_->Abort();
      co_return absl::UnavailableError("broken on purpose");
    }
    co_return input;
  }
  io::Task<absl::Status> Send(absl::Span<const absl::string_view> pieces,
                              MonoTime deadline) override {
    absl::Status sent = co_await inner_->Send(pieces, deadline);
    co_return sent;
  }
  void Abort() override { inner_->Abort(); }
  io::Task<void> Close() override { co_await inner_->Close(); }

 private:
  const std::unique_ptr<io::Connection> inner_;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_BREAKING_CONNECTION_H_
