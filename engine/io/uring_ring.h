// What the io_uring backend shares among its files: the ring, one operation on it, and the pool of
// receive buffers. Included by the uring_*.cc files only.
#ifndef SLUICE_ENGINE_IO_URING_RING_H_
#define SLUICE_ENGINE_IO_URING_RING_H_

#include <liburing.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "engine/io/core.h"
#include "engine/io/uring_core.h"

namespace sluice::io {

// What a completion's user_data points to; a zero user_data wants none. It stays in place until its
// (last) completion has come.
class Operation {
 public:
  virtual void Complete(int32_t result, uint32_t flags) = 0;

 protected:
  ~Operation() = default;
};

// Buffers that the kernel picks from when bytes arrive (IORING_REGISTER_PBUF_RING).
class ReceivePool final : public Input::Pool {
 public:
  static constexpr uint16_t kGroup = 0;

  explicit ReceivePool(Core& core) : freed_(core) {}
  ~ReceivePool();
  absl::Status Register(io_uring& ring, int buffers, int buffer_bytes);

  Input Take(uint32_t completion_flags, int32_t bytes);
  void GiveBack(uint32_t buffer) override;
  // For those whose receive found no buffer: whether all are on loan, and when one has come back.
  // (One that the kernel has filled counts as free until its coroutine resumes and takes it.)
  bool all_on_loan() const { return on_loan_ == count_; }
  Event& freed() { return freed_; }

 private:
  Event freed_;
  io_uring* ring_ = nullptr;
  io_uring_buf_ring* buffers_ = nullptr;
  size_t mapped_bytes_ = 0;
  uint32_t count_ = 0;
  uint32_t on_loan_ = 0;
  uint32_t buffer_bytes_ = 0;
  std::unique_ptr<char[]> memory_;
};

class UringCore final : public Core {
 public:
  UringCore(int index, const EngineOptions& options, const Clock& clock);
  ~UringCore() override;

  // Starts the thread, and returns when its ring stands or has failed to.
  absl::Status Start();
  void Stop();

  Task<absl::StatusOr<std::unique_ptr<Connection>>> Connect(ConnectOptions options,
                                                            MonoTime deadline) override;
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const SocketAddress& address) override;

  // An entry to fill in; submits what is queued when there is no room.
  io_uring_sqe& NewEntry();
  // Asks for the operation to be ended; it then completes, with -ECANCELED or with its result.
  void Cancel(Operation& operation);
  ReceivePool& receive_pool() { return receive_pool_; }

 private:
  // Reads the event descriptor by which threads without a ring wake this core.
  class Doorbell final : public Operation {
   public:
    explicit Doorbell(UringCore& core) : core_(core) {}
    ~Doorbell();
    absl::Status Open();
    void Arm();
    void Ring() const;
    void Complete(int32_t result, uint32_t flags) override;

   private:
    UringCore& core_;
    int fd_ = -1;
    uint64_t value_ = 0;
  };

  void Wake() override;
  absl::Status OpenRing();
  void Pin() const;
  void Loop();
  void Submit(bool may_sleep);
  void DrainCompletions();

  const EngineOptions options_;
  io_uring ring_{};
  bool ring_open_ = false;
  ReceivePool receive_pool_;
  Doorbell doorbell_;
  bool stopping_ = false;
  std::thread thread_;
};

// Awaits one operation:
//
//   UringAwaiter received(core, deadline, [&](io_uring_sqe& sqe) { io_uring_prep_recv(…); });
//   const UringResult result = co_await received;
//
// After `deadline` the operation is cancelled; `timed_out` is then set unless it had succeeded.
struct UringResult {
  int32_t result;  // >= 0, or -errno
  uint32_t flags;
  bool timed_out;
};

template <typename Prepare>
class UringAwaiter final : public Operation {
 public:
  UringAwaiter(UringCore& core, MonoTime deadline, Prepare prepare)
      : core_(core), deadline_(deadline), prepare_(std::move(prepare)) {}
  UringAwaiter(const UringAwaiter&) = delete;
  UringAwaiter& operator=(const UringAwaiter&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    ready_.waiter = waiter;
    io_uring_sqe& sqe = core_.NewEntry();
    prepare_(sqe);
    io_uring_sqe_set_data(&sqe, static_cast<Operation*>(this));
    core_.timers().Start(timer_, deadline_, &UringAwaiter::Expire, this);
  }
  UringResult await_resume() const noexcept { return outcome_; }

  void Complete(int32_t result, uint32_t flags) override {
    timer_.Stop();
    outcome_.result = result;
    outcome_.flags = flags;
    outcome_.timed_out = expired_ && result < 0;
    core_.MakeReady(ready_);
  }

 private:
  static void Expire(void* self) {
    auto* awaiter = static_cast<UringAwaiter*>(self);
    awaiter->expired_ = true;
    awaiter->core_.Cancel(*awaiter);
  }

  UringCore& core_;
  const MonoTime deadline_;
  Prepare prepare_;
  Ready ready_;
  Timer timer_;
  bool expired_ = false;
  UringResult outcome_{};
};

// errno as absl::Status, with what was attempted: "connect to 192.0.2.1:25: connection refused".
absl::Status ErrnoStatus(int error, absl::string_view attempted);

// Takes the descriptor over.
std::unique_ptr<Connection> NewUringConnection(UringCore& core, int fd, SocketAddress local,
                                               SocketAddress remote);
absl::StatusOr<std::unique_ptr<Listener>> NewUringListener(UringCore& core,
                                                           const SocketAddress& address);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_URING_RING_H_
