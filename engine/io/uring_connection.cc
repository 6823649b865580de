// Connections and listeners on io_uring.
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/io/uring_ring.h"

namespace sluice::io {
namespace {

// Counts the operations under way, so that Close() can wait for them.
class InFlight {
 public:
  explicit InFlight(Core& core) : idle_(core) {}

  class Scope {
   public:
    explicit Scope(InFlight& owner) : owner_(owner) { ++owner_.count_; }
    ~Scope() {
      if (--owner_.count_ == 0) owner_.idle_.NotifyAll();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    InFlight& owner_;
  };

  bool any() const { return count_ > 0; }

  // The operations end because their descriptor has been shut down; there is nothing to time out.
  Task<void> Ended() {
    while (count_ > 0) co_await idle_.Wait(MonoTime::Never());
  }

 private:
  int count_ = 0;
  Event idle_;
};

class UringConnection final : public Connection {
 public:
  UringConnection(UringCore& core, int fd, SocketAddress local, SocketAddress remote)
      : core_(core), fd_(fd), local_(local), remote_(remote), in_flight_(core) {}

  ~UringConnection() override { SLUICE_CHECK(fd_ < 0); }  // Close() comes first

  const SocketAddress& local() const override { return local_; }
  const SocketAddress& remote() const override { return remote_; }

  Task<absl::StatusOr<Input>> Receive(MonoTime deadline) override;
  Task<absl::Status> Send(absl::Span<const absl::string_view> pieces, MonoTime deadline) override;
  void Abort() override;
  Task<void> Close() override;

 private:
  absl::Status Failed(const UringResult& result, absl::string_view attempted) const;

  UringCore& core_;
  int fd_;
  const SocketAddress local_;
  const SocketAddress remote_;
  InFlight in_flight_;
  bool aborted_ = false;
};

absl::Status UringConnection::Failed(const UringResult& result, absl::string_view attempted) const {
  if (aborted_) return absl::CancelledError("the connection was ended from this side");
  if (result.timed_out) {
    return absl::DeadlineExceededError(
        absl::StrCat(attempted, " ", remote_.ToString(), " in time"));
  }
  return ErrnoStatus(-result.result, absl::StrCat(attempted, " ", remote_.ToString()));
}

Task<absl::StatusOr<Input>> UringConnection::Receive(MonoTime deadline) {
  const InFlight::Scope scope(in_flight_);
  while (true) {
    if (aborted_) co_return absl::CancelledError("the connection was ended from this side");
    UringAwaiter received(core_, deadline, [this](io_uring_sqe& sqe) {
      io_uring_prep_recv(&sqe, fd_, nullptr, 0, 0);
      sqe.flags |= IOSQE_BUFFER_SELECT;
      sqe.buf_group = ReceivePool::kGroup;
    });
    const UringResult result = co_await received;
    if (result.result > 0) co_return core_.receive_pool().Take(result.flags, result.result);
    if (result.result == 0) {
      // The end of the stream may still carry the buffer that was picked for it.
      if (result.flags & IORING_CQE_F_BUFFER) core_.receive_pool().Take(result.flags, 0);
      co_return Input();
    }
    if (result.result != -ENOBUFS) co_return Failed(result, "receive from");
    // One may have come back since the kernel looked: then try again at once.
    if (!core_.receive_pool().all_on_loan()) continue;
    const bool freed = co_await core_.receive_pool().freed().Wait(deadline);
    if (!freed) co_return absl::DeadlineExceededError("no receive buffer came free in time");
  }
}

Task<absl::Status> UringConnection::Send(absl::Span<const absl::string_view> pieces,
                                         MonoTime deadline) {
  const InFlight::Scope scope(in_flight_);
  constexpr size_t kMostPieces = 64;
  std::array<iovec, kMostPieces> vectors;
  size_t piece = 0;  // the first that has not been sent whole
  size_t sent_of_it = 0;
  while (true) {
    size_t count = 0;
    size_t skip = sent_of_it;
    for (size_t i = piece; i < pieces.size() && count < kMostPieces; ++i, skip = 0) {
      if (pieces[i].size() == skip) continue;
      vectors[count++] = {const_cast<char*>(pieces[i].data()) + skip, pieces[i].size() - skip};
    }
    if (count == 0) co_return absl::OkStatus();
    if (aborted_) co_return absl::CancelledError("the connection was ended from this side");

    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    UringAwaiter sent(core_, deadline, [&](io_uring_sqe& sqe) {
      if (count == 1) {
        io_uring_prep_send(&sqe, fd_, vectors[0].iov_base, vectors[0].iov_len,
                           MSG_NOSIGNAL | MSG_WAITALL);
      } else {
        io_uring_prep_sendmsg(&sqe, fd_, &message, MSG_NOSIGNAL | MSG_WAITALL);
      }
    });
    const UringResult result = co_await sent;
    if (result.result < 0) co_return Failed(result, "send to");
    size_t n = static_cast<size_t>(result.result);
    while (piece < pieces.size() && n >= pieces[piece].size() - sent_of_it) {
      n -= pieces[piece].size() - sent_of_it;
      sent_of_it = 0;
      ++piece;
    }
    sent_of_it += n;
  }
}

void UringConnection::Abort() {
  if (aborted_) return;
  aborted_ = true;
  shutdown(fd_, SHUT_RDWR);
}

Task<void> UringConnection::Close() {
  if (in_flight_.any()) Abort();  // else the close alone ends it, with one system call less
  co_await in_flight_.Ended();
  // Through the ring, so that a close that lingers does not hold the core up.
  io_uring_sqe& sqe = core_.NewEntry();
  io_uring_prep_close(&sqe, std::exchange(fd_, -1));
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data(&sqe, nullptr);
}

// ---- Listener

int SetFlag(int fd, int level, int name) {
  const int on = 1;
  return setsockopt(fd, level, name, &on, sizeof(on));
}

SocketAddress AddressOf(int fd, int (*get)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (get(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return SocketAddress();
  return SocketAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&storage), size);
}

class UringListener final : public Listener, private Operation {
 public:
  UringListener(UringCore& core, int fd)
      : core_(core),
        fd_(fd),
        address_(AddressOf(fd, getsockname)),
        any_address_(address_.ip_bytes().find_first_not_of('\0') == absl::string_view::npos),
        changed_(core) {}
  ~UringListener() override { SLUICE_CHECK(fd_ < 0); }

  const SocketAddress& address() const override { return address_; }
  Task<absl::StatusOr<std::unique_ptr<Connection>>> Accept() override;
  void Stop() override;
  Task<void> Close() override;

 private:
  // Accepted ahead of Accept(); beyond this the multishot operation pauses and the kernel's own
  // backlog fills.
  static constexpr size_t kMostWaiting = 256;

  void Arm();
  void Complete(int32_t result, uint32_t flags) override;

  UringCore& core_;
  int fd_;
  const SocketAddress address_;
  const bool any_address_;  // 0.0.0.0 or ::, so that each connection has one of its own
  Event changed_;
  std::vector<int> waiting_;  // newest last; taken from the front through next_
  size_t next_ = 0;
  int error_ = 0;
  bool armed_ = false;
  bool stopped_ = false;
};

void UringListener::Arm() {
  armed_ = true;
  io_uring_sqe& sqe = core_.NewEntry();
  io_uring_prep_multishot_accept(&sqe, fd_, nullptr, nullptr, SOCK_CLOEXEC);
  io_uring_sqe_set_data(&sqe, static_cast<Operation*>(this));
}

void UringListener::Complete(int32_t result, uint32_t flags) {
  if (result >= 0) {
    waiting_.push_back(result);
    if (waiting_.size() - next_ >= kMostWaiting && (flags & IORING_CQE_F_MORE)) core_.Cancel(*this);
  } else if (result != -ECANCELED) {
    error_ = -result;
  }
  if (!(flags & IORING_CQE_F_MORE)) armed_ = false;
  changed_.NotifyAll();
}

Task<absl::StatusOr<std::unique_ptr<Connection>>> UringListener::Accept() {
  while (true) {
    if (next_ < waiting_.size()) {
      const int fd = waiting_[next_++];
      if (next_ == waiting_.size()) {
        waiting_.clear();
        next_ = 0;
      }
      const SocketAddress local = any_address_ ? AddressOf(fd, getsockname) : address_;
      const SocketAddress remote = AddressOf(fd, getpeername);
      co_return NewUringConnection(core_, fd, local, remote);
    }
    if (stopped_) co_return absl::CancelledError("the listener has been stopped");
    if (const int error = std::exchange(error_, 0); error != 0 && error != ECONNABORTED) {
      co_return ErrnoStatus(error, absl::StrCat("accept on ", address_.ToString()));
    }
    if (!armed_) Arm();
    co_await changed_.Wait(MonoTime::Never());  // Stop() ends it
  }
}

void UringListener::Stop() {
  if (std::exchange(stopped_, true)) return;
  // Ends the multishot accept, and refuses who comes from now on.
  shutdown(fd_, SHUT_RDWR);
  if (armed_) core_.Cancel(*this);
  changed_.NotifyAll();
}

Task<void> UringListener::Close() {
  Stop();
  while (armed_) co_await changed_.Wait(MonoTime::Never());
  for (; next_ < waiting_.size(); ++next_) close(waiting_[next_]);
  close(std::exchange(fd_, -1));
}

}  // namespace

std::unique_ptr<Connection> NewUringConnection(UringCore& core, int fd, SocketAddress local,
                                               SocketAddress remote) {
  return std::make_unique<UringConnection>(core, fd, local, remote);
}

absl::StatusOr<std::unique_ptr<Listener>> NewUringListener(UringCore& core,
                                                           const SocketAddress& address) {
  const std::string attempted = absl::StrCat("listen on ", address.ToString());
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus(errno, attempted);
  SetFlag(fd, SOL_SOCKET, SO_REUSEADDR);
  // An IPv6 listener takes IPv6 only: an administrator who wants both names both.
  if (address.is_ipv6()) SetFlag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  // Each connection inherits it.
  SetFlag(fd, IPPROTO_TCP, TCP_NODELAY);
  if (SetFlag(fd, SOL_SOCKET, SO_REUSEPORT) != 0 || bind(fd, address.get(), address.size()) != 0 ||
      listen(fd, SOMAXCONN) != 0) {
    const int error = errno;
    close(fd);
    return ErrnoStatus(error, attempted);
  }
  return std::make_unique<UringListener>(core, fd);
}

absl::StatusOr<std::unique_ptr<Listener>> UringCore::Listen(const SocketAddress& address) {
  return NewUringListener(*this, address);
}

Task<absl::StatusOr<std::unique_ptr<Connection>>> UringCore::Connect(ConnectOptions options,
                                                                     MonoTime deadline) {
  const std::string attempted = absl::StrCat("connect to ", options.remote.ToString());
  const int fd = socket(options.remote.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return ErrnoStatus(errno, attempted);
  SetFlag(fd, IPPROTO_TCP, TCP_NODELAY);
  if (options.source.has_value()) {
    // The port is chosen when it connects: by bind() alone, each of this address's ports would
    // serve one connection, and not one to each server.
    SetFlag(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    if (bind(fd, options.source->get(), options.source->size()) != 0) {
      const int error = errno;
      close(fd);
      co_return ErrnoStatus(error, absl::StrCat(attempted, " from ", options.source->ip()));
    }
  }
  UringAwaiter connected(*this, deadline, [&](io_uring_sqe& sqe) {
    io_uring_prep_connect(&sqe, fd, options.remote.get(), options.remote.size());
  });
  const UringResult result = co_await connected;
  if (result.result < 0) {
    close(fd);
    if (result.timed_out) {
      co_return absl::DeadlineExceededError(absl::StrCat(attempted, ": no answer in time"));
    }
    co_return ErrnoStatus(-result.result, attempted);
  }
  const SocketAddress local = AddressOf(fd, getsockname);
  co_return NewUringConnection(*this, fd, local, options.remote);
}

}  // namespace sluice::io
