// A core of a simulated process: the same loop as the real one, a tick at a time, when the
// simulation says so.
#ifndef SLUICE_ENGINE_IO_SIMULATION_SIMULATED_CORE_H_
#define SLUICE_ENGINE_IO_SIMULATION_SIMULATED_CORE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/io/core.h"
#include "engine/io/simulation/network.h"
#include "engine/io/simulation/process.h"
#include "engine/io/simulation/simulation.h"

namespace sluice::io {

// Receive buffers, counted: what is on loan at the end of a run has been forgotten.
class SimulatedBuffers final : public Input::Pool {
 public:
  static constexpr size_t kBytes = 16 * 1024;

  explicit SimulatedBuffers(Simulation& world) : world_(world) {}
  // Some or all of `bytes`, from the front, as one receive would have it. `taken` is called when
  // they are gone from there.
  Input Fill(std::string& bytes, absl::FunctionRef<void()> taken);
  void GiveBack(uint32_t buffer) override;
  size_t on_loan() const { return buffers_.size() - free_.size(); }

 private:
  Simulation& world_;
  std::vector<std::unique_ptr<std::string>> buffers_;
  std::vector<uint32_t> free_;
};

class SimulatedCore final : public Core, public Simulation::Actor {
 public:
  SimulatedCore(SimulatedProcess& process, int index);
  ~SimulatedCore() override;

  Task<absl::StatusOr<std::unique_ptr<Connection>>> Connect(ConnectOptions options,
                                                            MonoTime deadline) override;
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const SocketAddress& address) override;

  // Simulation::Actor.
  bool Runnable(MonoTime now) override;
  MonoTime WakesAt() override { return timers().NextWakeUp(); }
  void Run() override;
  using Core::Run;

  SimulatedProcess& process() { return process_; }
  SimulatedNetwork& network();
  SimulatedBuffers& buffers() { return buffers_; }

 private:
  void Wake() override {}  // Runnable() looks at the mailbox

  SimulatedProcess& process_;
  SimulatedBuffers buffers_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SIMULATION_SIMULATED_CORE_H_
