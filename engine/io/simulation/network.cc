#include "engine/io/simulation/network.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/io/simulation/process.h"
#include "engine/io/simulation/simulated_core.h"
#include "engine/io/simulation/wire.h"

namespace sluice::io {

SimulatedNetwork::~SimulatedNetwork() { SLUICE_CHECK(listeners_.empty()); }

Link SimulatedNetwork::Plan(const SocketAddress& from, const SocketAddress& to) {
  return weather_ ? weather_(from, to) : Link();
}

SimulatedListener* SimulatedNetwork::Find(const SocketAddress& address) {
  std::vector<SimulatedListener*> there;
  for (SimulatedListener* listener : listeners_) {
    if (!listener->stopped() && listener->address() == address) there.push_back(listener);
  }
  // Several cores that listen on one address share the connections out.
  return there.empty() ? nullptr : there[world_.random().Below(there.size())];
}

void SimulatedNetwork::Forget(SimulatedListener& listener) {
  listeners_.erase(std::remove(listeners_.begin(), listeners_.end(), &listener), listeners_.end());
}

void SimulatedNetwork::Orphan(SimulatedProcess& process, bool silently) {
  std::vector<std::shared_ptr<Wire>> waiting;
  for (SimulatedListener* listener : std::vector<SimulatedListener*>(listeners_)) {
    if (&listener->core().process() != &process) continue;
    for (const std::shared_ptr<Wire>& wire : listener->waiting_) waiting.push_back(wire);
    process.remains_.push_back(listener);
    Forget(*listener);
  }
  const absl::Duration away = world_.Between(absl::Seconds(1), absl::Minutes(10));
  for (const std::weak_ptr<Wire>& weak : std::vector<std::weak_ptr<Wire>>(wires_)) {
    const std::shared_ptr<Wire> wire = weak.lock();
    if (wire == nullptr) continue;
    for (const bool client : {true, false}) {
      if (&(client ? wire->client_process : wire->server_process) != &process) continue;
      if (silently) {
        wire->Vanish(client, away);
      } else {
        wire->Close(client);
      }
    }
  }
}

void SimulatedNetwork::Keep(const std::shared_ptr<Wire>& wire) {
  // Those that are gone are forgotten now and then.
  if (wires_.size() >= 2 * living_wires_ + 16) {
    wires_.erase(std::remove_if(wires_.begin(), wires_.end(),
                                [](const std::weak_ptr<Wire>& weak) { return weak.expired(); }),
                 wires_.end());
    living_wires_ = wires_.size();
  }
  wires_.push_back(wire);
}

}  // namespace sluice::io
