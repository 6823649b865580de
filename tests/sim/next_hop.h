// A mail host of the town: takes mail as its Host says it does at this moment, and now and then
// answers badly, at any step, in any of the ways in which servers do.
#ifndef SLUICE_TESTS_SIM_NEXT_HOP_H_
#define SLUICE_TESTS_SIM_NEXT_HOP_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/io/core.h"
#include "engine/io/simulation/simulation.h"
#include "tests/sim/ledger.h"
#include "tests/sim/peer.h"
#include "tests/sim/town.h"

namespace sluice::sim {

class NextHop {
 public:
  // One command in `bad_visits` is answered badly while `trouble` holds; 0: none.
  NextHop(io::Simulation& world, Host& host, Ledger& ledger, uint64_t bad_visits,
          const bool& trouble)
      : world_(world), host_(host), ledger_(ledger), bad_visits_(bad_visits), trouble_(trouble) {}

  io::Task<void> Serve(io::Core& core, std::unique_ptr<io::Connection> connection);
  uint64_t mishaps() const { return mishaps_; }

 private:
  enum class Mishap {
    kNone,
    kDefers,     // 4xx
    kRefuses,    // 5xx
    kSaysGoodbye,  // 421, and closes
    kHangsUp,
    kStalls,
    kGarbage,
    kDrips,       // a byte every ten seconds
    kChatters,    // more lines than anyone wants
  };
  static constexpr uint64_t kMishaps = 9;

  struct Visit;
  Mishap Draw();
  // What every command may meet. True: the visit goes on with the command's own answer.
  io::Task<bool> Suffer(Visit& visit, Mishap mishap, std::string refusal);
  io::Task<void> Converse(Visit& visit);
  io::Task<void> Hello(Visit& visit, bool extended);
  io::Task<void> StartTlsCommand(Visit& visit);
  io::Task<void> Mail(Visit& visit, std::string line);
  io::Task<void> Rcpt(Visit& visit, std::string line);
  io::Task<void> Data(Visit& visit);
  io::Task<void> Bdat(Visit& visit, std::string line);
  io::Task<void> Take(Visit& visit, std::string body);
  io::Task<void> Say(Visit& visit, std::string text);

  io::Simulation& world_;
  Host& host_;
  Ledger& ledger_;
  const uint64_t bad_visits_;
  const bool& trouble_;
  uint64_t mishaps_ = 0;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_NEXT_HOP_H_
