// An administrator who works on the list, the queue and the certificates while mail flows.
#ifndef SLUICE_TESTS_SIM_ADMINISTRATOR_H_
#define SLUICE_TESTS_SIM_ADMINISTRATOR_H_

#include <optional>
#include <string>
#include <vector>

#include "engine/io/simulation/simulation.h"
#include "engine/relay/control.h"
#include "tests/sim/ledger.h"
#include "tests/sim/town.h"

namespace sluice::sim {

class Administrator {
 public:
  Administrator(io::Simulation& world, Town& town, Ledger& ledger)
      : world_(world), town_(town), ledger_(ledger) {}

  // One action of any kind. Blocks as the gateway's control does: on a thread of its process.
  void Act(relay::Control& control);
  // Puts a first list in place.
  void Begin(relay::Control& control);

  void ChangeList(relay::Control& control);

  // What the list turned out to be, after a start.
  void ReadList(relay::Control& control);

 private:
  // One change, or an import of many.
  std::vector<policy::Change> SomeChanges(relay::Control& control);
  // One item of the queue, to do something to; unset when there is none, or the store does not say.
  std::optional<queue::Selection> SomeItem(relay::Control& control);
  void TellOrder(absl::string_view order, const queue::Selection& selection,
                 const absl::StatusOr<uint64_t>& count);
  void RemoveSomething(relay::Control& control);
  void HoldOrRelease(relay::Control& control);
  void ReturnSomething(relay::Control& control);
  policy::Entry SomeEntry();
  MonoTime Deadline() const { return world_.Now() + absl::Minutes(2); }

  io::Simulation& world_;
  Town& town_;
  Ledger& ledger_;
  std::vector<queue::Selection> held_;  // as far as is known
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_ADMINISTRATOR_H_
