// A whole run: one gateway, its real code, in a simulated world, for as long as the scenario has it;
// then everything is mended, the queue runs empty, and the books are audited.
//
//   World world(DrawScenario(seed), directory);
//   Report report = world.Run();             // does not return when a promise was broken
#ifndef SLUICE_TESTS_SIM_WORLD_H_
#define SLUICE_TESTS_SIM_WORLD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/io/simulation/network.h"
#include "engine/io/simulation/process.h"
#include "engine/io/simulation/simulation.h"
#include "engine/relay/gateway.h"
#include "tests/queue/lossy_disk.h"
#include "tests/sim/administrator.h"
#include "tests/sim/client.h"
#include "tests/sim/entropy.h"
#include "tests/sim/ledger.h"
#include "tests/sim/next_hop.h"
#include "tests/sim/policy_site.h"
#include "tests/sim/scenario.h"
#include "tests/sim/story.h"
#include "tests/sim/town.h"

namespace sluice::sim {

// What a run was made of.
struct Report {
  absl::Duration simulated;
  uint64_t steps = 0;
  uint64_t connections = 0;
  size_t letters = 0;
  size_t accepted = 0;
  size_t deliveries = 0;
  size_t twice = 0;  // recipients, all of them excused
  size_t parked = 0;  // times that a message was
  size_t bounced = 0;
  size_t expired = 0;
  size_t deleted_tls_policy = 0;
  uint64_t faults = 0;
  uint64_t crashes = 0;
  uint64_t digest = 0;  // of the story: the same for the same seed
};

class World {
 public:
  // `directory`: for certificates; empty and writable.
  World(const Scenario& scenario, std::string directory);
  ~World();

  Report Run();
  Story& story() { return story_; }

 private:
  enum class Phase { kStopped, kStarting, kRunning, kStopping };

  // building.cc
  relay::GatewayOptions Options();
  void ListenEverywhere();
  io::Link Weather(const io::SocketAddress& from, const io::SocketAddress& to);

  // The gateway's life.
  void StartGateway();
  void LiveAndDie(io::SimulatedProcess& process);
  void Restart();
  void Crash(bool power_fails);
  void StartAgainAfter(absl::Duration wait);
  // `hasty`: to change the list.
  void AskAdministrator(bool hasty = false);

  // What goes wrong.
  void Plan();
  absl::Duration BurstBegins() const { return scenario_.busy / 3; }
  void PlanMail();
  void ChangeSomeHost();
  void ChangeSomePolicy();
  void FailDisk();
  void MendDisk();
  void RunDisk();
  void PowerFailsSoon();
  void StepClock();
  void MendEverything();

  Letter MakeLetter(int number);
  void RunUntil(MonoTime when);
  void RunUntilEmpty();
  std::vector<queue::HistoryEntry> ReadHistory();
  void Fault() { ++faults_; }

  const Scenario scenario_;
  io::Simulation simulation_;
  const Entropy entropy_;
  io::SimulatedNetwork network_;
  io::SimulatedProcess& outside_;  // everybody but the gateway
  std::unique_ptr<io::Executor> outside_signer_;
  std::unique_ptr<io::Engine> outside_engine_;
  Story story_;
  Town town_;
  Ledger ledger_;
  Administrator administrator_;
  std::unique_ptr<queue::LossyDisk> disk_;
  std::vector<std::unique_ptr<NextHop>> next_hops_;
  std::vector<std::unique_ptr<PolicyServer>> policy_servers_;
  std::vector<io::Listener*> listeners_;  // of all servers of the town
  Client client_;
  bool trouble_ = true;  // things go wrong

  io::SimulatedProcess* process_ = nullptr;  // of the gateway that runs
  std::unique_ptr<relay::Gateway> gateway_;
  Phase phase_ = Phase::kStopped;
  MonoTime stopped_at_;
  bool stop_wanted_ = false;
  bool administrator_busy_ = false;
  bool first_list_made_ = false;
  uint64_t crashes_ = 0;
  uint64_t faults_ = 0;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_WORLD_H_
