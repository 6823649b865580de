// A gateway as a whole, its real code, with one client and one next hop, in the simulation: no
// faults, one seed. What the gateway does is counted, and neither what the others do nor what
// carries bytes between them.
//
//   RelayWorld world(RelayWorld::NextHop::kTakesMail);
//   world.Send(8);                     // opens what stays open
//   world.CountGateway();
//   world.Send(100);
#ifndef SLUICE_BENCH_GUARD_RELAY_WORLD_H_
#define SLUICE_BENCH_GUARD_RELAY_WORLD_H_

#include <functional>
#include <memory>
#include <string>

#include "engine/io/simulation/network.h"
#include "engine/io/simulation/process.h"
#include "engine/io/simulation/simulation.h"
#include "engine/relay/gateway.h"
#include "tests/queue/lossy_disk.h"
#include "tests/sim/entropy.h"
#include "tests/sim/peer.h"
#include "tests/tls/test_certificates.h"
#include "tls/context.h"

namespace sluice::guard {

class RelayWorld {
 public:
  // kUnreachable: a connect to it is never answered, so the gateway keeps what it takes.
  enum class NextHop { kTakesMail, kUnreachable };

  explicit RelayWorld(NextHop next_hop);
  // Nothing of it is destroyed: a world that is measured ends with its process.
  ~RelayWorld() = delete;

  // The client sends so many more, one behind the other, in one session. Comes back when each was
  // answered with 250, and taken by the next hop where it takes any, and the gateway is at rest.
  void Send(int messages);

  // From now on.
  void CountGateway();

 private:
  void MakeCertificates();
  relay::GatewayOptions Options();
  void StartGateway();
  void RunUntil(const std::function<bool()>& done);

  // peers.cc
  io::Task<void> BeClient(io::Core& core);
  io::Task<bool> Secure(sim::Peer& peer);
  io::Task<void> Deliver(sim::Peer& peer);
  io::Task<void> AcceptVisits(io::Core& core, std::unique_ptr<io::Listener> listener);
  io::Task<void> BeNextHop(io::Core& core, std::unique_ptr<io::Connection> connection);

  const NextHop next_hop_;
  io::Simulation simulation_{1};
  const sim::Entropy entropy_{1, simulation_.clock()};
  io::SimulatedNetwork network_{simulation_};
  queue::LossyDisk disk_{1, simulation_.clock()};

  io::SimulatedProcess& outside_;  // the client and the next hop
  const std::unique_ptr<io::Executor> outside_signer_;
  const std::unique_ptr<io::Engine> outside_engine_;
  tls::CipherPolicy ciphers_;
  tls::InlineSigner signer_;
  tls::TicketKeys tickets_;
  std::vector<tls::CredentialFiles> gateway_files_;
  std::string trust_store_;
  std::unique_ptr<tls::ClientContext> client_context_;
  std::unique_ptr<tls::ServerContext> next_hop_context_;

  io::SimulatedProcess& gateway_process_;
  std::unique_ptr<relay::Gateway> gateway_;
  bool gateway_runs_ = false;

  io::Event more_wanted_;
  int wanted_ = 0;
  int accepted_ = 0;
  int delivered_ = 0;
};

}  // namespace sluice::guard

#endif  // SLUICE_BENCH_GUARD_RELAY_WORLD_H_
