#include "engine/io/simulation/simulated_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/io/simulation/wire.h"

namespace sluice::io {

Input SimulatedBuffers::Fill(std::string& bytes, absl::FunctionRef<void()> taken) {
  uint32_t buffer = 0;
  if (free_.empty()) {
    buffer = static_cast<uint32_t>(buffers_.size());
    buffers_.push_back(std::make_unique<std::string>());
  } else {
    buffer = free_.back();
    free_.pop_back();
  }
  size_t size = std::min(kBytes, bytes.size());
  if (world_.OneIn(8)) size = 1 + world_.random().Below(size);
  std::string& filled = *buffers_[buffer];
  filled = bytes.substr(0, size);
  bytes.erase(0, size);
  taken();
  return Input(this, buffer, filled);
}

void SimulatedBuffers::GiveBack(uint32_t buffer) {
  // Not to be read any more: a view that is kept shows garbage rather than what was there.
  buffers_[buffer]->assign(buffers_[buffer]->size(), '\xdd');
  free_.push_back(buffer);
}

SimulatedCore::SimulatedCore(SimulatedProcess& process, int index)
    : Core(index, process.clock(), Random(process.world().random().Next())),
      process_(process),
      buffers_(process.world()) {}

SimulatedCore::~SimulatedCore() = default;

SimulatedNetwork& SimulatedCore::network() { return process_.network(); }

bool SimulatedCore::Runnable(MonoTime now) {
  if (has_ready() || timers().NextWakeUp() <= now) return true;
  // A reader that finds letters does not sleep; with nobody to wake it, asking changes nothing.
  if (!mailbox().PrepareToSleep()) return true;
  mailbox().Awake();
  return false;
}

void SimulatedCore::Run() {
  SetCurrent(this);
  UpdateNow();
  RunReady();
  SetCurrent(nullptr);
}

Task<absl::StatusOr<std::unique_ptr<Connection>>> SimulatedCore::Connect(ConnectOptions options,
                                                                         MonoTime deadline) {
  const std::string attempted =
      absl::StrCat("connect to ", options.remote.ToString(), " (simulated)");
  if (process_.no_descriptor_left()) {
    co_return absl::ResourceExhaustedError(absl::StrCat(attempted, ": too many open files"));
  }
  SocketAddress local = options.source.value_or(process_.address());
  local.set_port(network().FreePort());
  Simulation& world = process_.world();
  const Link link = network().Plan(local, options.remote);
  const MonoTime answered = Now() + world.Between(link.least_latency, link.most_latency);
  if (link.connect == Link::Connect::kBlackHole || answered > deadline) {
    co_await SleepUntil(deadline);
    co_return absl::DeadlineExceededError(absl::StrCat(attempted, ": no answer in time"));
  }
  co_await SleepUntil(answered);
  SimulatedListener* const listener =
      link.connect == Link::Connect::kRefused ? nullptr : network().Find(options.remote);
  if (listener == nullptr) {
    co_return absl::UnavailableError(absl::StrCat(attempted, ": connection refused"));
  }
  auto wire = std::make_shared<Wire>(world, network(), *this, listener->core(), link, local,
                                     options.remote, ++network().connections_);
  if (!listener->Offer(wire)) {
    co_return absl::UnavailableError(absl::StrCat(attempted, ": connection refused"));
  }
  network().Keep(wire);
  co_return std::make_unique<SimulatedConnection>(*this, std::move(wire), /*is_client=*/true);
}

absl::StatusOr<std::unique_ptr<Listener>> SimulatedCore::Listen(const SocketAddress& address) {
  SocketAddress bound = address;
  if (bound.port() == 0) bound.set_port(network().FreePort());
  auto listener = std::make_unique<SimulatedListener>(*this, bound);
  network().listeners_.push_back(listener.get());
  return listener;
}

}  // namespace sluice::io
