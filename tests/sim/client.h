// A client of the gateway: sends one letter over one connection, well, badly, or with malice.
#ifndef SLUICE_TESTS_SIM_CLIENT_H_
#define SLUICE_TESTS_SIM_CLIENT_H_

#include <optional>
#include <string>
#include <utility>

#include "engine/io/core.h"
#include "engine/io/simulation/simulation.h"
#include "tests/sim/ledger.h"
#include "tests/sim/peer.h"
#include "tests/sim/town.h"

namespace sluice::sim {

class Client {
 public:
  Client(io::Simulation& world, Town& town, Ledger& ledger, io::SocketAddress gateway)
      : world_(world), town_(town), ledger_(ledger), gateway_(gateway) {}

  enum class Manner {
    kGood,
    kPipelines,
    kLeavesBeforeData,
    kLeavesInBody,
    kLeavesAfterDot,  // without waiting for the answer
    kStallsInBody,
    kBareLineFeeds,    // must be refused
    kSpeaksBehindStartTls,
    kGarbage,
  };
  static constexpr uint64_t kManners = 9;

  // Writes down what came of it.
  io::Task<void> Send(io::Core& core, Letter& letter, bool use_tls, Manner manner);

 private:
  struct Session {
    Peer& peer;
    Letter& letter;
    const Manner manner;
    std::string last_reply;
  };
  // The code of the reply; nothing when the connection is gone.
  io::Task<std::optional<int>> ReadReply(Session& session);
  io::Task<std::optional<int>> Command(Session& session, std::string line);
  io::Task<void> Converse(io::Core& core, Session& session, bool use_tls);
  // False: it is over.
  io::Task<bool> Secure(Session& session);
  io::Task<bool> Envelope(Session& session);
  io::Task<void> Body(io::Core& core, Session& session);
  void Refused(Session& session);

  io::Simulation& world_;
  Town& town_;
  Ledger& ledger_;
  const io::SocketAddress gateway_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_CLIENT_H_
