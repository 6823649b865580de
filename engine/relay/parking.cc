#include "engine/relay/parking.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/io/answer.h"
#include "engine/relay/parked_outcome.h"
#include "engine/relay/ping.h"

namespace sluice::relay {
namespace {

// Probes under way on one core.
constexpr size_t kProbesAtOnce = 16;
// Messages that one step of a release takes, and how many may wait in the lane then.
constexpr size_t kStep = 256;
constexpr size_t kMostWaiting = 1000;
// Until the next step, when the lane had no room, and when nothing was found: it is all in flight.
// The latter doubles with each look.
constexpr absl::Duration kNoRoom = absl::Milliseconds(20);
constexpr absl::Duration kShortestPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Minutes(1);
// Of what was parked when the gateway started, the first probes are spread over this.
constexpr absl::Duration kRestoreOver = absl::Seconds(30);

}  // namespace

Parking::Parking(LaneHost& lanes, ParkingHost& host)
    : lanes_(lanes),
      host_(host),
      mine_(*lanes.settings().retries, lanes.settings().tls_probe_interval, lanes.core().random()),
      wake_(lanes.core()) {}

Parking::~Parking() = default;

void Parking::Restore(absl::Span<const queue::ParkedDestination> parked) {
  const absl::Duration over = std::min(kRestoreOver, lanes_.settings().tls_probe_interval);
  const Moment now = Now();
  for (const queue::ParkedDestination& found : parked) {
    if (!host_.Owns(found.destination) || SLUICE_PLANTED_BUG(ParkedForgottenOnRestart)) continue;
    const OutboundPolicy policy = lanes_.PolicyFor(found.destination);
    Breaker breaker;
    if (found.last_failure.has_value()) breaker.failure = *found.last_failure;
    breaker.pattern = policy.pattern;
    breaker.generation = policy.generation;
    breaker.next_probe = now + over * lanes_.core().random().Unit();
    mine_.Open(found.destination, std::move(breaker));
    lanes_.counters().breakers_open.Add(1);
    TellOthers(found.destination);
  }
  Wake();
}

void Parking::Drain() {
  draining_ = true;
  wake_.NotifyAll();
}

const Breaker* Parking::Find(absl::string_view destination) const {
  if (const Breaker* const breaker = mine_.Find(destination)) return breaker;
  const auto found = told_.find(destination);
  return found == told_.end() ? nullptr : &found->second;
}

Moment Parking::Now() const { return {lanes_.core().Now(), host_.spool().Now()}; }

// ---- Opened and closed

void Parking::AttemptEnded(const AttemptReport& report, OutcomeWriter::Written& written) {
  const std::string& destination = written.result.envelope.destination;
  const bool open = Find(destination) != nullptr;
  const std::optional<queue::AttemptFailure>& failure = written.result.envelope.last_failure;
  // What has come to its end (none is pending) opens nothing.
  if (!OpensBreaker(report) || !written.deferred || !failure.has_value()) {
    const bool as_demanded =
        report.sent.has_value() && report.policy.force == OutboundPolicy::Force::kMust;
    if (as_demanded && open) Heal(destination, "a delivery");
    return;
  }
  if (!open && mine_.size() + told_.size() >= kMostOpen) return;
  Breaker breaker;
  breaker.failure = *failure;
  breaker.pattern = report.policy.pattern;
  breaker.generation = report.policy.generation;
  if (!open) breaker.next_probe = Now() + mine_.WaitAfter(0);
  if (host_.Owns(destination)) {
    Open(destination, std::move(breaker));
  } else if (!open) {
    told_.emplace(destination, breaker);
    host_.OnOwner(destination,
                  [destination, breaker](Parking& owner) { owner.Open(destination, breaker); });
  }
  ParkAfterAttempt(Find(destination)->next_probe.queue, written);
}

void Parking::Parked(const std::string& destination) {
  host_.OnOwner(destination, [destination](Parking& owner) {
    if (owner.mine_.Find(destination) == nullptr) owner.StartRelease(destination, 0);
  });
}

void Parking::Heal(const std::string& destination, const char* how) {
  host_.OnOwner(destination, [destination, how](Parking& owner) { owner.Close(destination, how); });
}

void Parking::ListChanged() {
  std::vector<std::string> decided_anew;
  mine_.ForEach([&](const std::string& destination, const Breaker& breaker) {
    const OutboundPolicy policy = lanes_.PolicyFor(destination);
    if (policy.force != OutboundPolicy::Force::kMust || policy.pattern != breaker.pattern ||
        policy.generation != breaker.generation) {
      decided_anew.push_back(destination);
    }
  });
  for (const std::string& destination : decided_anew) Close(destination, "a change of the list");
}

void Parking::Open(const std::string& destination, Breaker breaker) {
  // One that fails again as soon as its mail comes back is probed no more often than before.
  const auto release = releases_.find(destination);
  if (release != releases_.end() && release->second.failed_probes > 0) {
    breaker.failed_probes = release->second.failed_probes;
    breaker.next_probe = Now() + mine_.WaitAfter(breaker.failed_probes);
  }
  EndRelease(destination);
  if (mine_.Open(destination, std::move(breaker))) {
    lanes_.counters().breakers_opened.Add();
    lanes_.counters().breakers_open.Add(1);
    const Breaker& opened = *mine_.Find(destination);
    log::Warning("breaker_opened", {{"domain", destination},
                                    {"entry", opened.pattern},
                                    {"stage", opened.failure.stage},
                                    {"reason", opened.failure.reason},
                                    {"host", opened.failure.mx},
                                    {"detail", opened.failure.text},
                                    {"effect", "its mail waits for a probe to succeed"}});
  }
  TellOthers(destination);
  Wake();
}

void Parking::Close(const std::string& destination, const char* why) {
  const Breaker* const breaker = mine_.Find(destination);
  if (breaker == nullptr) return;
  const int failed_probes = breaker->failed_probes;
  log::Info("breaker_closed", {{"domain", destination},
                               {"by", why},
                               {"failed_probes", failed_probes},
                               {"messages", host_.spool().Parked(destination)}});
  mine_.Close(destination);
  lanes_.counters().breakers_open.Subtract(1);
  TellOthers(destination);
  StartRelease(destination, failed_probes);
}

// As it stands now.
void Parking::TellOthers(const std::string& destination) {
  if (!host_.LeavesFromAnyCore(destination)) return;
  const Breaker* const found = mine_.Find(destination);
  const std::optional<Breaker> breaker =
      found == nullptr ? std::nullopt : std::make_optional(*found);
  host_.OnOthers([destination, breaker](Parking& other) {
    if (breaker.has_value()) {
      other.told_.insert_or_assign(destination, *breaker);
    } else {
      other.told_.erase(destination);
    }
  });
}

// ---- What runs while any is open, or anything is released

void Parking::Wake() {
  woken_ = true;
  if (running_) {
    wake_.NotifyAll();
  } else if (!draining_) {
    running_ = true;
    lanes_.core().Spawn(Run());
  }
}

io::Task<void> Parking::Run() {
  while (!draining_ && (mine_.size() > 0 || !releases_.empty())) {
    woken_ = false;
    StartProbes();
    if (!release_schedule_.empty() && release_schedule_.begin()->first <= lanes_.core().Now()) {
      std::string destination = release_schedule_.begin()->second;
      co_await ReleaseStep(std::move(destination));
      continue;
    }
    MonoTime until =
        release_schedule_.empty() ? MonoTime::Never() : release_schedule_.begin()->first;
    if (probing_ < kProbesAtOnce) until = std::min(until, mine_.NextProbe());
    if (!woken_) co_await wake_.Wait(until);
  }
  running_ = false;
}

// ---- Probes

void Parking::StartProbes() {
  while (!draining_ && probing_ < kProbesAtOnce) {
    std::optional<std::string> destination = mine_.TakeDue(lanes_.core().Now());
    if (!destination.has_value()) return;
    if (host_.spool().Parked(*destination) == 0) {
      Close(*destination, "nothing waits any more");
      continue;
    }
    ++probing_;
    lanes_.core().Spawn(Probe(*std::move(destination)));
  }
}

io::Task<void> Parking::Probe(std::string destination) {
  lanes_.counters().probes.Add();
  PingOrder order;
  order.domain = destination;
  order.for_mail = true;
  const MonoTime deadline = lanes_.core().Now() + kProbeTimeout;
  const PingResult result = co_await PingDomain(lanes_, std::move(order), deadline);
  --probing_;
  if (result.dns_permanent) {
    Close(destination, "DNS, which has no host for it");  // so its mail comes to its end
  } else if (result.verdict == PingVerdict::kInvalid) {
    ProbeFailed(destination, result);
  } else {
    Close(destination, "a probe");
  }
  Wake();
}

void Parking::ProbeFailed(const std::string& destination, const PingResult& result) {
  lanes_.counters().probes_failed.Add();
  mine_.ProbeFailed(destination, FailureOf(result, host_.spool().Now()), Now());
  const Breaker* const breaker = mine_.Find(destination);
  if (breaker == nullptr || draining_) return;
  queue::HistoryEntry entry =
      EntryOfProbe(result, lanes_.PolicyFor(destination), breaker->failed_probes,
                   host_.spool().Parked(destination), breaker->next_probe.queue);
  log::Info("probe_failed", {{"domain", destination},
                             {"stage", entry.stage},
                             {"reason", entry.reason},
                             {"host", entry.mx},
                             {"detail", entry.detail}});
  host_.spool().AppendHistory(std::move(entry), [](const absl::Status& written) {
    if (!written.ok()) log::Warning("probe_not_in_history", {{"error", written.message()}});
  });
  TellOthers(destination);
}

// ---- The way back

void Parking::Schedule(const std::string& destination, MonoTime next) {
  Release& release = releases_.at(destination);
  release_schedule_.erase({release.next, destination});
  release.next = next;
  release_schedule_.emplace(next, destination);
}

void Parking::StartRelease(const std::string& destination, int failed_probes) {
  if (draining_ || SLUICE_PLANTED_BUG(ReleaseForgotten)) return;
  const auto [release, started] = releases_.try_emplace(destination);
  if (started) release->second.failed_probes = failed_probes;
  release->second.pause = kShortestPause;
  Schedule(destination, lanes_.core().Now());
  Wake();
}

void Parking::EndRelease(const std::string& destination) {
  const auto release = releases_.find(destination);
  if (release == releases_.end()) return;
  release_schedule_.erase({release->second.next, destination});
  releases_.erase(release);
}

io::Task<void> Parking::ReleaseStep(std::string destination) {
  io::Core& core = lanes_.core();
  const size_t most_waiting = std::min(kMostWaiting, lanes_.settings().lane_backlog);
  const size_t waiting = host_.Waiting(destination);
  if (waiting > 0 && 2 * waiting >= most_waiting) {
    Schedule(destination, core.Now() + kNoRoom);
    co_return;
  }
  io::Answer<absl::StatusOr<queue::SelectedWork>> taken(core);
  host_.spool().TakeParked(destination, releases_.at(destination).position,
                           std::min(kStep, most_waiting - waiting), taken.Sender());
  // What is handed out must not be lost on the way: the store answers whatever it is asked.
  std::optional<absl::StatusOr<queue::SelectedWork>> answer =
      co_await taken.Wait(MonoTime::Never());
  if (!answer->ok()) {
    const std::string error(answer->status().message());
    log::WarningSome("parked_not_read", destination, {{"domain", destination}, {"error", error}});
  }
  queue::SelectedWork work = answer->ok() ? **std::move(answer) : queue::SelectedWork();
  const bool found = !work.items.empty() || !work.next.empty();
  for (queue::Envelope& envelope : work.items) {
    lanes_.counters().released.Add();
    host_.Dispatch(Attempt{std::move(envelope), std::nullopt});
  }
  const auto release = releases_.find(destination);
  if (release == releases_.end()) co_return;  // its breaker has opened again
  release->second.position = std::move(work.next);
  if (found) {
    release->second.pause = kShortestPause;
  } else if (answer->ok() && host_.spool().Parked(destination) == 0) {
    EndRelease(destination);
    co_return;
  }
  // At the end of what there is: the rest of it is in flight, and may come back.
  const bool at_once = !release->second.position.empty();
  Schedule(destination, at_once ? core.Now() : core.Now() + release->second.pause);
  if (!found) release->second.pause = std::min(2 * release->second.pause, kLongestPause);
}

}  // namespace sluice::relay
