// A core with a clock of its own and a network made of strings, on which a client session meets a
// scripted server. Time moves only when nobody has anything to do, so that a wait of ten minutes
// takes no time, and the same test always takes the same course.
#ifndef SLUICE_TESTS_SMTP_CLIENT_FAKE_NETWORK_H_
#define SLUICE_TESTS_SMTP_CLIENT_FAKE_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/clock.h"
#include "engine/io/connection.h"
#include "engine/io/core.h"
#include "engine/io/socket_address.h"
#include "engine/io/task.h"

namespace sluice::smtp {

class FakeCore final : public io::Core {
 public:
  // Called for each connect with the server's end.
  using Server = std::function<io::Task<void>(std::unique_ptr<io::Connection>)>;

  FakeCore();
  ~FakeCore() override;

  void set_server(Server server) { server_ = std::move(server); }
  // Connects neither succeed nor fail.
  void set_unreachable() { server_ = nullptr; }
  // What a connection holds that has been sent and not yet received.
  void set_window(size_t bytes) { window_ = bytes; }
  // Where the connections came from so far: what was bound, or unset.
  const std::vector<std::optional<io::SocketAddress>>& sources() const { return sources_; }
  // What is received comes in random pieces of at most so many bytes, in clear or not.
  void set_segment(size_t most_bytes) { segment_ = most_bytes; }

  // Until every task has ended; moves the clock from timer to timer.
  void RunToEnd(io::Task<void> task);
  absl::Duration elapsed() const;

  io::Task<absl::StatusOr<std::unique_ptr<io::Connection>>> Connect(io::ConnectOptions options,
                                                                    MonoTime deadline) override;
  absl::StatusOr<std::unique_ptr<io::Listener>> Listen(const io::SocketAddress& address) override;

 private:
  // Base before member: the clock must stand before Core takes the time.
  FakeCore(std::unique_ptr<ManualClock> clock);
  void Wake() override {}

  std::unique_ptr<ManualClock> clock_;
  Server server_;
  std::vector<std::optional<io::SocketAddress>> sources_;
  size_t window_ = 1 << 20;
  size_t segment_ = SIZE_MAX;
};

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_CLIENT_FAKE_NETWORK_H_
