// What is done about destinations whose TLS fails: their mail is parked, one probe after the other
// is made, and when TLS is as demanded again, all of it comes back.
//
// A destination is looked after by one core: the one that its name falls to. That core alone probes
// it and releases its mail. Where mail for it leaves from other cores as well (a static route),
// these are told whether its breaker is open.
//
// A probe is a STARTTLS ping (ping.h): the way of a delivery, by the same code and under the same
// policy, without a MAIL FROM. It succeeds when one address at least is as demanded, since that is
// all a delivery needs. A few are under way at a time on each core.
//
// The breaker closes when a probe or an administrator's ping succeeds, when a delivery does (that
// was asked for past the breaker), when DNS has the last word that there is no such host, and when
// another entry decides for the domain, or the same one changed. Then its mail is released: handed
// to the lanes in steps, each when the lane has room, all destinations in turn. So a million
// messages come back in bounded memory, and the mail of others, which does not queue behind them,
// is not delayed. Should it fail again, the breaker opens again.
//
// Nothing is forgotten: as long as anything is parked for a destination its breaker is open, or it
// is being released. Who parks a message says so when it is on the disk (Parked), whatever has
// become of the breaker meanwhile; and what a gateway finds parked when it starts has its breakers
// opened (Restore).
//
// One core, but for what is said of other cores.
#ifndef SLUICE_ENGINE_RELAY_PARKING_H_
#define SLUICE_ENGINE_RELAY_PARKING_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/base/clock.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/relay/attempt.h"
#include "engine/relay/breaker.h"
#include "engine/relay/control.h"
#include "engine/relay/lane.h"
#include "engine/relay/outbound_policy.h"
#include "engine/relay/outcome.h"
#include "queue/spool.h"

namespace sluice::relay {

class Parking;

// What it needs of the core it lives on, besides what a lane does.
class ParkingHost {
 public:
  virtual queue::Spool& spool() = 0;
  // To the lane that has its mail now.
  virtual void Dispatch(Attempt attempt) = 0;
  // How many messages wait in that lane, or as good as: on the scale of --lane_backlog.
  virtual size_t Waiting(absl::string_view destination) = 0;
  // This is the core that looks after it.
  virtual bool Owns(absl::string_view destination) const = 0;
  // Mail for it may leave from any core.
  virtual bool LeavesFromAnyCore(absl::string_view destination) const = 0;
  // Calls `function` on the core that looks after the destination: at once where that is this one.
  virtual void OnOwner(absl::string_view destination, std::function<void(Parking&)> function) = 0;
  virtual void OnOthers(std::function<void(Parking&)> function) = 0;

 protected:
  ~ParkingHost() = default;
};

class Parking {
 public:
  // Breakers that attempts on one core may open. Beyond it mail is retried by its own timetable,
  // each message for itself.
  static constexpr size_t kMostOpen = 100'000;

  // All outlive it.
  Parking(LaneHost& lanes, ParkingHost& host);
  ~Parking();

  // Before the first message, on every core, with all that was found parked.
  void Restore(absl::Span<const queue::ParkedDestination> parked);
  // Ends what was spawned, soon; a probe that is under way has up to kProbeTimeout.
  void Drain();

  // Null: mail for it is to be tried. Until anything else is called.
  const Breaker* Find(absl::string_view destination) const;

  // An attempt has ended like this, and is about to be written down. Where it opens the breaker, or
  // has found it open, it is parked.
  void AttemptEnded(const AttemptReport& report, OutcomeWriter::Written& written);
  // A message for it has been parked, and that is on the disk, or may be.
  void Parked(const std::string& destination);
  // TLS was as demanded just now; `how` is for the log.
  void Heal(const std::string& destination, const char* how);
  // Another list of enforced domains is in force.
  void ListChanged();

 private:
  static constexpr absl::Duration kProbeTimeout = absl::Seconds(60);

  // Mail of a destination on its way back.
  struct Release {
    std::string position;  // in the spool; empty: from the start
    MonoTime next;         // step
    absl::Duration pause;  // after the next look in vain
    int failed_probes = 0;
  };

  // On the core that looks after it.
  void Open(const std::string& destination, Breaker breaker);
  void Close(const std::string& destination, const char* why);
  void StartRelease(const std::string& destination, int failed_probes);
  void EndRelease(const std::string& destination);
  void Schedule(const std::string& destination, MonoTime next);
  void TellOthers(const std::string& destination);

  Moment Now() const;
  void Wake();
  io::Task<void> Run();
  void StartProbes();
  io::Task<void> Probe(std::string destination);
  void ProbeFailed(const std::string& destination, const PingResult& result);
  io::Task<void> ReleaseStep(std::string destination);

  LaneHost& lanes_;
  ParkingHost& host_;
  Breakers mine_;  // of the destinations that this core looks after
  absl::flat_hash_map<std::string, Breaker> told_;  // of others: those that are open there
  absl::flat_hash_map<std::string, Release> releases_;
  std::set<std::pair<MonoTime, std::string>> release_schedule_;
  size_t probing_ = 0;
  bool running_ = false;
  bool draining_ = false;
  bool woken_ = false;
  io::Event wake_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_PARKING_H_
