#include "engine/io/simulation/wire.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/simulation/simulated_core.h"

namespace sluice::io {
namespace {

// Segments are as small as the link says for so many bytes of a direction; later they are not.
constexpr size_t kFinelyCut = 6 * 1024;
constexpr size_t kLateSegment = 16 * 1024;

}  // namespace

Wire::Wire(Simulation& world_, SimulatedNetwork& network_, SimulatedCore& client,
           SimulatedCore& server, const Link& link_, SocketAddress client_address_,
           SocketAddress server_address_, uint64_t number_)
    : world(world_),
      network(network_),
      client_process(client.process()),
      server_process(server.process()),
      link(link_),
      client_address(client_address_),
      server_address(server_address_),
      number(number_),
      outward(client, server),
      inward(server, client) {}

void Wire::Pump(bool outward_flow) {
  Flow& f = flow(outward_flow);
  const Link::Fate& its_fate = fate(outward_flow);
  while (!was_reset && !f.stalled && !f.pump_waits && !f.queued.empty()) {
    if (f.left >= its_fate.stalls_after && !std::exchange(f.had_stall, true)) {
      f.stalled = true;
      if (its_fate.stall == absl::InfiniteDuration()) return;
      world.After(its_fate.stall, [self = shared_from_this(), outward_flow] {
        self->flow(outward_flow).stalled = false;
        self->Pump(outward_flow);
      });
      return;
    }
    const size_t most = f.left < kFinelyCut ? link.most_segment
                                            : std::max(link.most_segment, kLateSegment);
    const size_t size = std::min<size_t>(1 + world.random().Below(most), f.queued.size());
    std::string segment = f.queued.substr(0, size);
    f.queued.erase(0, size);
    f.in_the_air += size;
    f.left += size;
    f.last_arrival = std::max(
        f.last_arrival, world.Now() + world.Between(link.least_latency, link.most_latency));
    world.At(f.last_arrival,
             [self = shared_from_this(), outward_flow, segment = std::move(segment)]() mutable {
               self->Deliver(outward_flow, std::move(segment));
             });
    if (its_fate.drip > absl::ZeroDuration()) {
      f.pump_waits = true;
      world.After(its_fate.drip, [self = shared_from_this(), outward_flow] {
        self->flow(outward_flow).pump_waits = false;
        self->Pump(outward_flow);
      });
    }
  }
  if (f.ended && f.queued.empty() && !f.stalled && !was_reset && !std::exchange(f.end_sent, true)) {
    f.last_arrival = std::max(
        f.last_arrival, world.Now() + world.Between(link.least_latency, link.most_latency));
    world.At(f.last_arrival, [self = shared_from_this(), outward_flow] {
      Flow& flow = self->flow(outward_flow);
      flow.end_arrived = true;
      flow.readable.NotifyAll();
    });
  }
}

void Wire::Deliver(bool outward_flow, std::string bytes) {
  Flow& f = flow(outward_flow);
  f.in_the_air -= bytes.size();
  if (was_reset) return;
  if (f.unwanted || f.delivered + bytes.size() > fate(outward_flow).resets_after) {
    Reset();
    return;
  }
  f.delivered += bytes.size();
  f.arrived += bytes;
  f.readable.NotifyAll();
  f.writable.NotifyAll();
  Pump(outward_flow);
}

void Wire::Reset() {
  if (std::exchange(was_reset, true)) return;
  for (Flow* f : {&outward, &inward}) {
    f->queued.clear();
    // What had arrived may still be read, or not.
    if (world.OneIn(2)) f->arrived.clear();
    f->readable.NotifyAll();
    f->writable.NotifyAll();
  }
}

void Wire::Close(bool by_client) {
  bool& closed = by_client ? client_closed : server_closed;
  if (std::exchange(closed, true)) return;
  Flow& out = flow(by_client);
  Flow& in = flow(!by_client);
  // As a kernel does: who closes with unread bytes in front of it resets.
  const bool resets = link.reset_on_close || !in.arrived.empty();
  in.unwanted = true;
  in.arrived.clear();
  if (was_reset) return;
  if (!resets) {
    out.ended = true;
    Pump(by_client);
    return;
  }
  out.queued.clear();
  world.After(world.Between(link.least_latency, link.most_latency),
              [self = shared_from_this()] { self->Reset(); });
}

void Wire::Vanish(bool client, absl::Duration away) {
  bool& closed = client ? client_closed : server_closed;
  if (std::exchange(closed, true)) return;
  flow(client).queued.clear();
  flow(client).stalled = true;
  flow(!client).stalled = true;
  world.After(away, [self = shared_from_this()] { self->Reset(); });
}

// ---- An end

// Counts what is under way, so that Close() can wait for it.
class SimulatedConnection::Operation {
 public:
  explicit Operation(SimulatedConnection& connection) : connection_(connection) {
    ++connection_.operations_;
  }
  ~Operation() {
    if (--connection_.operations_ == 0) connection_.idle_.NotifyAll();
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

 private:
  SimulatedConnection& connection_;
};

SimulatedConnection::SimulatedConnection(SimulatedCore& core, std::shared_ptr<Wire> wire,
                                         bool is_client)
    : core_(core), wire_(std::move(wire)), is_client_(is_client), idle_(core) {
  core_.process().OpenedEnd();
}

SimulatedConnection::~SimulatedConnection() { SLUICE_CHECK(closed_); }

Task<absl::StatusOr<Input>> SimulatedConnection::Receive(MonoTime deadline) {
  const Operation operation(*this);
  core_.process().CheckWait(deadline);
  co_await core_.SleepUntil(MonoTime());  // never at once, as with the real ring
  while (true) {
    if (aborted_) co_return absl::CancelledError("the connection was ended from this side");
    Flow& flow = in();
    if (!flow.arrived.empty()) {
      co_return core_.buffers().Fill(flow.arrived, [&] {
        flow.writable.NotifyAll();
        wire_->Pump(!is_client_);
      });
    }
    if (wire_->was_reset) {
      co_return absl::UnavailableError("receive: connection reset by peer (simulated)");
    }
    if (flow.end_arrived) co_return Input();
    const bool changed = co_await flow.readable.Wait(deadline);
    if (!changed) co_return absl::DeadlineExceededError("nothing was received in time (simulated)");
  }
}

void SimulatedConnection::Queue(absl::string_view& bytes) {
  Flow& flow = out();
  const size_t held = flow.queued.size() + flow.in_the_air + flow.arrived.size();
  const size_t room = held < wire_->link.window ? wire_->link.window - held : 0;
  const absl::string_view taken = bytes.substr(0, room);
  if (taken.empty()) return;
  if (const auto& tap = core_.network().tap_) {
    tap({wire_->number, local(), remote(), is_client_, taken});
  }
  flow.queued.append(taken.data(), taken.size());
  bytes.remove_prefix(taken.size());
  wire_->Pump(is_client_);
}

Task<absl::Status> SimulatedConnection::Send(absl::Span<const absl::string_view> pieces,
                                             MonoTime deadline) {
  const Operation operation(*this);
  core_.process().CheckWait(deadline);
  co_await core_.SleepUntil(MonoTime());
  for (absl::string_view piece : pieces) {
    while (!piece.empty()) {
      if (aborted_) co_return absl::CancelledError("the connection was ended from this side");
      if (wire_->was_reset) {
        co_return absl::UnavailableError("send: connection reset by peer (simulated)");
      }
      Queue(piece);
      if (piece.empty()) break;
      const bool changed = co_await out().writable.Wait(deadline);
      if (!changed) co_return absl::DeadlineExceededError("nothing was sent in time (simulated)");
    }
  }
  co_return absl::OkStatus();
}

void SimulatedConnection::Abort() {
  if (std::exchange(aborted_, true)) return;
  wire_->Close(is_client_);
  in().readable.NotifyAll();
  out().writable.NotifyAll();
}

Task<void> SimulatedConnection::Close() {
  Abort();
  while (operations_ > 0) co_await idle_.Wait(MonoTime::Never());
  if (!std::exchange(closed_, true)) core_.process().ClosedEnd();
}

// ---- A listener

SimulatedListener::SimulatedListener(SimulatedCore& core, SocketAddress address)
    : core_(core), address_(address), changed_(core) {}

SimulatedListener::~SimulatedListener() { SLUICE_CHECK(closed_); }

bool SimulatedListener::Offer(std::shared_ptr<Wire> wire) {
  if (stopped_ || waiting_.size() >= kMostWaiting) return false;
  waiting_.push_back(std::move(wire));
  changed_.NotifyAll();
  return true;
}

Task<absl::StatusOr<std::unique_ptr<Connection>>> SimulatedListener::Accept() {
  while (true) {
    if (!waiting_.empty()) {
      if (core_.process().no_descriptor_left()) {
        co_return absl::ResourceExhaustedError("accept: too many open files (simulated)");
      }
      std::shared_ptr<Wire> wire = std::move(waiting_.front());
      waiting_.erase(waiting_.begin());
      co_return std::make_unique<SimulatedConnection>(core_, std::move(wire), /*is_client=*/false);
    }
    if (stopped_) co_return absl::CancelledError("the listener has been stopped");
    co_await changed_.Wait(MonoTime::Never());  // Stop() ends it
  }
}

void SimulatedListener::Stop() {
  stopped_ = true;
  changed_.NotifyAll();
}

Task<void> SimulatedListener::Close() {
  Stop();
  for (const std::shared_ptr<Wire>& wire : std::exchange(waiting_, {})) wire->Close(false);
  core_.network().Forget(*this);
  closed_ = true;
  co_return;
}

}  // namespace sluice::io
