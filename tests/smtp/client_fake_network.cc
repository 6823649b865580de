#include "tests/smtp/client_fake_network.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/random.h"

namespace sluice::smtp {
namespace {

// One direction: what has been sent and not yet received.
struct Flow {
  explicit Flow(io::Core& core) : changed(core) {}
  std::string bytes;
  bool ended = false;     // by the sender
  bool unwanted = false;  // the receiver has closed
  io::Event changed;
};

struct Pipe {
  explicit Pipe(io::Core& core) : to_server(core), to_client(core) {}
  Flow to_server;
  Flow to_client;
};

class FakeConnection final : public io::Connection {
 public:
  FakeConnection(std::shared_ptr<Pipe> pipe, Flow& in, Flow& out, size_t window, size_t segment,
                 Random& random)
      : pipe_(std::move(pipe)),
        in_(in),
        out_(out),
        window_(window),
        segment_(segment),
        random_(random) {}
  ~FakeConnection() override { SLUICE_CHECK(closed_); }

  const io::SocketAddress& local() const override { return address_; }
  const io::SocketAddress& remote() const override { return address_; }

  io::Task<absl::StatusOr<io::Input>> Receive(MonoTime deadline) override {
    while (in_.bytes.empty() && !in_.ended && !aborted_) {
      const bool changed = co_await in_.changed.Wait(deadline);
      if (!changed) co_return absl::DeadlineExceededError("nothing was received in time");
    }
    if (aborted_) co_return absl::CancelledError("the connection was ended from this side");
    if (in_.bytes.size() <= 1 || segment_ == SIZE_MAX) {
      received_ = std::exchange(in_.bytes, {});
    } else {
      const size_t n = 1 + random_.Below(std::min(segment_, in_.bytes.size()));
      received_ = in_.bytes.substr(0, n);
      in_.bytes.erase(0, n);
    }
    in_.changed.NotifyAll();
    co_return io::Input(nullptr, 0, received_);
  }

  io::Task<absl::Status> Send(absl::Span<const absl::string_view> pieces,
                              MonoTime deadline) override {
    for (const absl::string_view piece : pieces) {
      while (out_.bytes.size() >= window_ && !out_.unwanted && !aborted_) {
        const bool changed = co_await out_.changed.Wait(deadline);
        if (!changed) co_return absl::DeadlineExceededError("nothing was sent in time");
      }
      if (aborted_) co_return absl::CancelledError("the connection was ended from this side");
      if (out_.unwanted) co_return absl::UnavailableError("connection reset by peer");
      absl::StrAppend(&out_.bytes, piece);
      out_.changed.NotifyAll();
    }
    co_return absl::OkStatus();
  }

  void Abort() override {
    aborted_ = true;
    out_.ended = true;
    in_.unwanted = true;
    in_.changed.NotifyAll();
    out_.changed.NotifyAll();
  }

  io::Task<void> Close() override {
    Abort();
    closed_ = true;
    co_return;
  }

 private:
  const std::shared_ptr<Pipe> pipe_;
  Flow& in_;
  Flow& out_;
  const size_t window_;
  const size_t segment_;
  Random& random_;
  const io::SocketAddress address_ = *io::SocketAddress::Parse("192.0.2.1:25");
  std::string received_;
  bool aborted_ = false;
  bool closed_ = false;
};

}  // namespace

FakeCore::FakeCore() : FakeCore(std::make_unique<ManualClock>()) {}

FakeCore::FakeCore(std::unique_ptr<ManualClock> clock)
    : io::Core(0, *clock, Random(1)), clock_(std::move(clock)) {}

FakeCore::~FakeCore() = default;

absl::Duration FakeCore::elapsed() const { return clock_->MonoNow() - MonoTime(); }

void FakeCore::RunToEnd(io::Task<void> task) {
  SetCurrent(this);
  Spawn(std::move(task));
  while (live_tasks() > 0) {
    UpdateNow();
    RunReady();
    if (has_ready() || !mailbox().PrepareToSleep()) continue;
    mailbox().Awake();
    const MonoTime next = timers().NextWakeUp();
    SLUICE_CHECK(live_tasks() == 0 || next < MonoTime::Never());  // else: waiting for nothing
    if (live_tasks() > 0 && next > clock_->MonoNow()) clock_->Advance(next - clock_->MonoNow());
  }
  SetCurrent(nullptr);
}

io::Task<absl::StatusOr<std::unique_ptr<io::Connection>>> FakeCore::Connect(
    io::ConnectOptions options, MonoTime deadline) {
  sources_.push_back(options.source);
  if (server_ == nullptr) {
    co_await SleepUntil(deadline);
    co_return absl::DeadlineExceededError("connect to 192.0.2.1:25: no answer in time");
  }
  const auto pipe = std::make_shared<Pipe>(*this);
  Spawn(server_(std::make_unique<FakeConnection>(pipe, pipe->to_server, pipe->to_client, window_,
                                                 segment_, random())));
  co_return std::make_unique<FakeConnection>(pipe, pipe->to_client, pipe->to_server, window_,
                                             segment_, random());
}

absl::StatusOr<std::unique_ptr<io::Listener>> FakeCore::Listen(const io::SocketAddress& address) {
  return absl::UnimplementedError(absl::StrCat("listen on ", address.ToString()));
}

}  // namespace sluice::smtp
