// A byte stream to a peer, and the listener that accepts them, as a core sees them.
//
// One core; one Receive and one Send may be under way at a time. Every wait has a deadline, after
// which the operation is cancelled and the coroutine goes on with DeadlineExceeded: the connection
// is then only good for closing. Whoever owns a Connection awaits Close() before destroying it,
// so that no operation of the kernel's outlives the memory it writes to.
#ifndef SLUICE_ENGINE_IO_CONNECTION_H_
#define SLUICE_ENGINE_IO_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/base/clock.h"
#include "engine/io/socket_address.h"
#include "engine/io/task.h"

namespace sluice::io {

// Received bytes, on loan from the core's pool of receive buffers; given back when dropped. Hold
// one no longer than it takes to look at it: an idle session has none.
class Input {
 public:
  class Pool {
   public:
    virtual void GiveBack(uint32_t buffer) = 0;

   protected:
    ~Pool() = default;
  };

  Input() = default;
  Input(Pool* pool, uint32_t buffer, absl::string_view bytes)
      : pool_(pool), buffer_(buffer), bytes_(bytes) {}
  Input(Input&& other) noexcept { *this = std::move(other); }
  Input& operator=(Input&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(buffer_, other.buffer_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Input() {
    if (pool_ != nullptr) pool_->GiveBack(buffer_);
  }

  bool empty() const { return bytes_.empty(); }
  absl::string_view view() const { return bytes_; }
  void Consume(size_t n) { bytes_.remove_prefix(n); }

 private:
  Pool* pool_ = nullptr;
  uint32_t buffer_ = 0;
  absl::string_view bytes_;
};

class Connection {
 public:
  virtual ~Connection() = default;

  virtual const SocketAddress& local() const = 0;
  virtual const SocketAddress& remote() const = 0;

  // At least one byte; empty at the end of the stream.
  // Errors: DeadlineExceeded, Unavailable (reset), Cancelled (Abort).
  virtual Task<absl::StatusOr<Input>> Receive(MonoTime deadline) = 0;

  // Sends all of `pieces`, in order, as few segments as the kernel can make of them. What they
  // point to stays in place until the await is over. Errors as Receive.
  virtual Task<absl::Status> Send(absl::Span<const absl::string_view> pieces,
                                  MonoTime deadline) = 0;

  // Ends both directions now; what is under way returns with Cancelled or the end of the stream.
  // May be called again.
  virtual void Abort() = 0;

  // Waits for what is under way (which Abort() ends) and releases the descriptor. Once, last.
  virtual Task<void> Close() = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual const SocketAddress& address() const = 0;

  // The next connection. Cancelled after Stop(); ResourceExhausted when the process or the system
  // has no descriptor left (the caller waits a little and tries again).
  virtual Task<absl::StatusOr<std::unique_ptr<Connection>>> Accept() = 0;

  // Takes no further connections; the address is free again once the pending Accept has returned.
  virtual void Stop() = 0;

  // Stops, waits for what is under way, closes. Once, last.
  virtual Task<void> Close() = 0;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_CONNECTION_H_
