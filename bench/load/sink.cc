#include "bench/load/sink.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "bench/load/breaking_connection.h"
#include "engine/base/clock.h"
#include "engine/base/status_macros.h"
#include "engine/io/core.h"
#include "engine/smtp/server_session.h"
#include "tls/context.h"
#include "tls/signer.h"
#include "tls/ticket_keys.h"

namespace sluice::bench {
namespace {

constexpr size_t kBodyMemory = size_t{1} << 30;
constexpr absl::Duration kTicketLifetime = absl::Hours(12);

}  // namespace

class Sink::Door final : public smtp::Receiver {
 public:
  Door(io::Core& core, const SinkOptions& options, Passages* passages)
      : core_(core),
        options_(options),
        passages_(passages),
        tickets_(SystemClock(), kTicketLifetime),
        signer_thread_(io::NewThreadExecutor("signer")),
        signer_(*signer_thread_),
        budget_(kBodyMemory),
        ended_(core) {
    server_.hostname = "sink.sluice.test";
    server_.offer_starttls = options.offer_starttls;
    server_.limits.transactions = 1'000'000'000;
    server_.limits.commands = 1'000'000'000;
    server_.session_timeout = absl::Hours(24 * 365);
  }

  // On the core.
  absl::Status Open(const io::SocketAddress& address) {
    SLUICE_ASSIGN_OR_RETURN(
        context_,
        tls::ServerContext::Create(options_.ciphers, options_.credentials, tickets_, signer_));
    SLUICE_ASSIGN_OR_RETURN(listener_, core_.Listen(address));
    ++tasks_;
    core_.Spawn(AcceptAll(*this));
    return absl::OkStatus();
  }
  io::Core& core() const { return core_; }
  const io::SocketAddress& address() const { return listener_->address(); }
  uint64_t done() const { return done_.load(std::memory_order_relaxed); }
  void Reset() { counts_ = std::make_unique<Counts>(); }
  const Counts& counts() const { return *counts_; }
  void Stop(absl::BlockingCounter& stopped) { core_.Spawn(StopAll(*this, stopped)); }

  std::optional<smtp::Reply> CheckSender(const smtp::Client&, const smtp::Address&,
                                         const smtp::MailParameters&) override {
    return std::nullopt;
  }
  std::optional<smtp::Reply> CheckRecipient(const smtp::Client&, const smtp::Address&,
                                            const smtp::Address&) override {
    return std::nullopt;
  }
  std::string NewMessageId() override { return absl::StrCat("S", ++ids_); }

  io::Task<smtp::Reply> Take(smtp::Transaction transaction) override {
    const double drawn = core_.random().Unit();
    if (drawn < options_.defer) {
      ++counts_->deferred;
      co_return smtp::Reply{451, smtp::EnhancedStatus{4, 3, 0}, "Come again"};
    }
    if (drawn < options_.defer + options_.refuse) {
      ++counts_->refused;
      co_return smtp::Reply{554, smtp::EnhancedStatus{5, 7, 1}, "Not wanted"};
    }
    if (drawn < options_.defer + options_.refuse + options_.stall) {
      ++counts_->stalled;
      const MonoTime until = core_.Now() + options_.stall_time;
      while (core_.Now() < until && !stopping_) {
        co_await core_.SleepUntil(std::min(until, core_.Now() + absl::Milliseconds(200)));
      }
    } else {
      Count(transaction);
      if (options_.delay > absl::ZeroDuration()) {
        co_await core_.SleepUntil(core_.Now() + options_.delay);
      }
    }
    co_return smtp::Reply{250, smtp::EnhancedStatus{2, 0, 0}, "Ok"};
  }
  void OnHandshake(const smtp::Client&, absl::Duration) override { ++counts_->handshakes; }
  void OnHandshakeFailed(const smtp::Client&, const tls::Failure&, absl::Duration) override {}
  void OnRefused(const smtp::Client&, const smtp::Reply&) override {}

 private:
  void Count(const smtp::Transaction& transaction) {
    done_.store(done_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    Tally& tally = counts_->tally;
    tally.Count(tally.done);
    tally.bytes += transaction.body.size();
    if (passages_ == nullptr || transaction.body.chunks().empty()) return;
    const std::optional<absl::Duration> took =
        passages_->Arrive(transaction.body.chunks().front().view(), SystemClock().MonoNow());
    if (took.has_value()) tally.latency.Record(*took);
  }

  static io::Task<void> AcceptAll(Door& door) {
    while (true) {
      absl::StatusOr<std::unique_ptr<io::Connection>> connection =
          co_await door.listener_->Accept();
      if (!connection.ok()) {
        if (absl::IsCancelled(connection.status())) break;
        co_await door.core_.SleepUntil(door.core_.Now() + absl::Milliseconds(100));
        continue;
      }
      ++door.counts_->connections;
      std::unique_ptr<io::Connection> peer = *std::move(connection);
      if (door.core_.random().Unit() < door.options_.break_tls) {
        ++door.counts_->broken;
        peer = std::make_unique<BreakingConnection>(std::move(peer));
      }
      ++door.tasks_;
      door.core_.Spawn(Serve(door, std::move(peer)));
    }
    co_await door.listener_->Close();
    --door.tasks_;
    door.ended_.NotifyAll();
  }

  static io::Task<void> Serve(Door& door, std::unique_ptr<io::Connection> connection) {
    {
      smtp::ServerSession session(door.core_, std::move(connection), door.server_, door,
                                  door.context_.get(), door.budget_);
      door.sessions_.insert(&session);
      co_await session.Run();
      door.sessions_.erase(&session);
    }
    --door.tasks_;
    door.ended_.NotifyAll();
  }

  static io::Task<void> StopAll(Door& door, absl::BlockingCounter& stopped) {
    door.stopping_ = true;
    if (door.listener_ != nullptr) door.listener_->Stop();
    while (door.tasks_ > 0) {
      for (smtp::ServerSession* const session : door.sessions_) session->Abort();
      co_await door.ended_.Wait(door.core_.Now() + absl::Milliseconds(50));
    }
    stopped.DecrementCount();
  }

  io::Core& core_;
  const SinkOptions& options_;
  Passages* const passages_;
  smtp::ServerOptions server_;
  tls::TicketKeys tickets_;
  const std::unique_ptr<io::Executor> signer_thread_;
  tls::InlineSigner signer_;
  std::unique_ptr<tls::ServerContext> context_;
  std::unique_ptr<io::Listener> listener_;
  smtp::BodyBudget budget_;
  std::unique_ptr<Counts> counts_ = std::make_unique<Counts>();
  std::atomic<uint64_t> done_{0};
  uint64_t ids_ = 0;
  int tasks_ = 0;
  bool stopping_ = false;
  std::set<smtp::ServerSession*> sessions_;
  io::Event ended_;
};

namespace {

// Calls `function` on `core`, and waits for it.
void OnCore(io::Core& core, const std::function<void()>& function) {
  absl::BlockingCounter done(1);
  core.Run([&] {
    function();
    done.DecrementCount();
  });
  done.Wait();
}

}  // namespace

Sink::Sink(io::Engine& engine, SinkOptions options, Passages* passages)
    : engine_(engine), options_(std::move(options)), passages_(passages) {}

Sink::~Sink() = default;

absl::StatusOr<std::unique_ptr<Sink>> Sink::Start(io::Engine& engine, SinkOptions options,
                                                  Passages* passages) {
  std::unique_ptr<Sink> sink(new Sink(engine, std::move(options), passages));
  io::SocketAddress address = sink->options_.listen;
  for (int i = 0; i < engine.size(); ++i) {
    sink->doors_.push_back(std::make_unique<Door>(engine.core(i), sink->options_, sink->passages_));
    Door& door = *sink->doors_.back();
    absl::Status opened;
    OnCore(door.core(), [&] { opened = door.Open(address); });
    if (!opened.ok()) {
      sink->Stop();
      return absl::Status(opened.code(),
                          absl::StrCat("--listen=", address.ToString(), ": ", opened.message()));
    }
    address = door.address();  // all of them the port that the first one found
  }
  sink->address_ = address;
  return sink;
}

uint64_t Sink::done() const {
  uint64_t done = 0;
  for (const std::unique_ptr<Door>& door : doors_) done += door->done();
  return done;
}

void Sink::Reset() {
  for (const std::unique_ptr<Door>& door : doors_) {
    OnCore(door->core(), [&door] { door->Reset(); });
  }
}

Sink::Counts Sink::Take() {
  Counts all;
  for (const std::unique_ptr<Door>& door : doors_) {
    OnCore(door->core(), [&] {
      const Counts& counts = door->counts();
      all.tally.Merge(counts.tally);
      all.connections += counts.connections;
      all.handshakes += counts.handshakes;
      all.deferred += counts.deferred;
      all.refused += counts.refused;
      all.stalled += counts.stalled;
      all.broken += counts.broken;
    });
  }
  return all;
}

void Sink::Stop() {
  absl::BlockingCounter stopped(static_cast<int>(doors_.size()));
  for (const std::unique_ptr<Door>& door : doors_) {
    door->core().Run([&] { door->Stop(stopped); });
  }
  stopped.Wait();
  for (const std::unique_ptr<Door>& door : doors_) OnCore(door->core(), [] {});
}

}  // namespace sluice::bench
