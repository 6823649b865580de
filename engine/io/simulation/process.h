// A process of a simulated world: cores, service threads, and threads that may block; with an
// address, and a number of descriptors. It can be killed at any moment.
//
//   SimulatedProcess process(world, network, "gateway", *SocketAddress::FromIp("10.0.0.1", 0));
//   process.StartThread([&] { gateway = *relay::Gateway::Start(options, process); });
//
// Kill() is kill -9, or the power switch: what the process had in memory stands still for ever. It
// stays allocated (nothing of it may be destroyed, for it would begin to run again), and the
// process object with it: so processes are made with New() and live to the end of the program.
#ifndef SLUICE_ENGINE_IO_SIMULATION_PROCESS_H_
#define SLUICE_ENGINE_IO_SIMULATION_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "engine/io/machine.h"
#include "engine/io/simulation/fiber.h"
#include "engine/io/simulation/simulation.h"
#include "engine/io/socket_address.h"

namespace sluice::io {

class SimulatedCore;
class SimulatedListener;
class SimulatedNetwork;

// How long the jobs of a service thread take; asked for each.
using JobTime = std::function<absl::Duration(const std::string& executor)>;

class SimulatedProcess final : public Machine {
 public:
  // Lives to the end of the program. `address`: what its connections come from.
  static SimulatedProcess& New(Simulation& world, SimulatedNetwork& network, std::string name,
                               const SocketAddress& address);

  // Runs `body` on a thread of its own, from the next step on.
  void StartThread(absl::AnyInvocable<void() &&> body);
  size_t threads() const { return threads_.size(); }

  // `power_fails`: its kernel goes with it, and peers hear nothing for a while.
  void Kill(bool power_fails);
  bool killed() const { return killed_; }

  void set_job_time(JobTime job_time) { job_time_ = std::move(job_time); }
  // No wait on a connection may be for longer (checked); without it, for ever too.
  void set_longest_wait(absl::Duration longest) { longest_wait_ = longest; }
  // Connections that may be open at a time.
  void set_descriptors(size_t most) { most_ends_ = most; }

  // Machine.
  const Clock& clock() const override { return world_.clock(); }
  std::unique_ptr<Executor> NewExecutor(const std::string& name, int threads,
                                        Urgency urgency) override;
  absl::StatusOr<std::unique_ptr<Engine>> StartEngine(const EngineOptions& options) override;
  absl::Status CheckSource(const SocketAddress& /*address*/) override { return absl::OkStatus(); }
  bool Await(absl::Mutex& mutex, const absl::Condition& condition, MonoTime deadline) override;

  const std::string& name() const { return name_; }
  const SocketAddress& address() const { return address_; }
  Simulation& world() const { return world_; }
  SimulatedNetwork& network() const { return network_; }

  // What must be none when it has ended in peace.
  size_t open_ends() const { return open_ends_; }
  size_t live_tasks() const;
  size_t buffers_on_loan() const;

 private:
  class Executor;
  class Engine;
  class Thread;
  friend class SimulatedConnection;
  friend class SimulatedCore;
  friend class SimulatedListener;
  friend class SimulatedNetwork;

  SimulatedProcess(Simulation& world, SimulatedNetwork& network, std::string name,
                   const SocketAddress& address);
  // Nothing destroys it.
  ~SimulatedProcess() override;

  void Begin(Simulation::Actor& actor);
  void End(Simulation::Actor& actor);
  absl::Duration TimeOfJob(const std::string& executor);
  void CheckWait(MonoTime deadline) const;
  void OpenedEnd() { ++open_ends_; }
  void ClosedEnd() { --open_ends_; }
  bool no_descriptor_left() const { return open_ends_ >= most_ends_; }

  Simulation& world_;
  SimulatedNetwork& network_;
  const std::string name_;
  const SocketAddress address_;
  JobTime job_time_;
  size_t most_ends_ = SIZE_MAX;
  absl::Duration longest_wait_ = absl::InfiniteDuration();
  size_t open_ends_ = 0;
  bool killed_ = false;
  // All that run; for Kill().
  std::vector<Simulation::Actor*> actors_;
  std::vector<SimulatedCore*> cores_;
  std::list<std::unique_ptr<Thread>> threads_;
  // What nothing else points to once it has been killed.
  std::vector<SimulatedListener*> remains_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SIMULATION_PROCESS_H_
