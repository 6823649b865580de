#include "tests/sim/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"

namespace sluice::sim {
namespace {

constexpr char kGatewayIp[] = "10.0.0.1";
constexpr char kOutsideIp[] = "10.2.0.1";
constexpr uint16_t kGatewayPort = 25;
// How often what runs is looked at.
constexpr absl::Duration kLook = absl::Minutes(10);

}  // namespace

World::World(const Scenario& scenario, std::string directory)
    : scenario_(scenario),
      simulation_(scenario.seed),
      entropy_(scenario.seed, simulation_.clock()),
      network_(simulation_),
      outside_(io::SimulatedProcess::New(simulation_, network_, "outside",
                                         *io::SocketAddress::FromIp(kOutsideIp, 0))),
      outside_signer_(outside_.NewExecutor("signer", 1, io::Urgency::kBackground)),
      outside_engine_(*outside_.StartEngine({.cores = 1})),
      town_(scenario_, simulation_.random(), simulation_.clock(), *outside_signer_,
            std::move(directory)),
      ledger_(simulation_, scenario_, town_),
      administrator_(simulation_, town_, ledger_),
      disk_(std::make_unique<queue::LossyDisk>(scenario.seed, simulation_.clock())),
      client_(simulation_, town_, ledger_, *io::SocketAddress::FromIp(kGatewayIp, kGatewayPort)) {
  simulation_.set_listener([this](MonoTime at, absl::string_view line) { story_.Line(at, line); });
  network_.set_weather([this](const io::SocketAddress& from, const io::SocketAddress& to) {
    return Weather(from, to);
  });
  ledger_.set_cores([this] {
    return phase_ == Phase::kRunning ? gateway_->GetCores() : std::vector<relay::CoreStatus>();
  });
  log::SetSink([this](log::Level /*level*/, absl::string_view line) {
    simulation_.Tell(absl::StrCat("gateway: ", line));
    ledger_.GatewayLogs(line);
  });
}

World::~World() { log::SetSink(nullptr); }

// ---- The gateway's life

void World::StartGateway() {
  SLUICE_CHECK(phase_ == Phase::kStopped);
  phase_ = Phase::kStarting;
  stop_wanted_ = false;
  ledger_.WasDown(simulation_.Now() - stopped_at_);
  ledger_.GatewayStarts();
  process_ = &io::SimulatedProcess::New(simulation_, network_, "gateway",
                                        *io::SocketAddress::FromIp(kGatewayIp, 0));
  process_->set_job_time([this](const std::string& executor) {
    const uint64_t rate = executor == "sluice-store" ? scenario_.slow_jobs : 0;
    if (trouble_ && rate > 0 && simulation_.OneIn(rate)) {
      Fault();
      return simulation_.Between(absl::Seconds(1), absl::Minutes(2));
    }
    return simulation_.Between(absl::Microseconds(5), absl::Milliseconds(1));
  });
  if (scenario_.tight) process_->set_descriptors(24);
  process_->set_longest_wait(absl::Minutes(10));
  simulation_.Tell("gateway starts");
  process_->StartThread([this, &process = *process_] { LiveAndDie(process); });
}

// main(), in a simulated process.
void World::LiveAndDie(io::SimulatedProcess& process) {
  absl::StatusOr<std::unique_ptr<relay::Gateway>> started =
      relay::Gateway::Start(Options(), process);
  if (!started.ok()) {
    simulation_.Tell(absl::StrCat("gateway cannot start: ", started.status().message()));
    if (!trouble_) {
      ledger_.Broken("a gateway starts on whatever has survived", started.status().ToString());
    }
    phase_ = Phase::kStopped;
    stopped_at_ = simulation_.Now();
    StartAgainAfter(absl::Seconds(30));
    return;
  }
  gateway_ = *std::move(started);
  phase_ = Phase::kRunning;
  administrator_.ReadList(*gateway_);
  absl::Mutex mutex;
  {
    const absl::MutexLock lock(&mutex);
    const auto wanted = [this] { return stop_wanted_ && !administrator_busy_; };
    process.Await(mutex, absl::Condition(&wanted), MonoTime::Never());
  }
  phase_ = Phase::kStopping;
  simulation_.Tell("gateway drains");
  gateway_->Drain();
  gateway_.reset();
  if (process.open_ends() != 0 || process.live_tasks() != 0 || process.buffers_on_loan() != 0) {
    ledger_.Broken("nothing is left over",
                   absl::StrCat(process.open_ends(), " connections, ", process.live_tasks(),
                                " tasks, ", process.buffers_on_loan(), " buffers"));
  }
  simulation_.Tell("gateway has stopped");
  phase_ = Phase::kStopped;
  stopped_at_ = simulation_.Now();
  // What its last Finish wrote may not have been synced, if the disk would not.
  if (faults_ > 0) ledger_.Crashed();
}

void World::StartAgainAfter(absl::Duration wait) {
  simulation_.After(wait, [this] {
    if (phase_ == Phase::kStopped) StartGateway();
  });
}

void World::Restart() {
  if (phase_ != Phase::kRunning) return;
  simulation_.Tell("SIGTERM");
  stop_wanted_ = true;
  // The drain has its own bounds; the start follows it.
  const absl::Duration look = absl::Seconds(1);
  struct Again {
    static void Look(World& world, absl::Duration wait) {
      world.simulation_.After(wait, [&world, wait] {
        if (world.phase_ == Phase::kStopped) {
          world.StartAgainAfter(world.simulation_.Between(absl::Seconds(1), absl::Minutes(20)));
        } else if (world.stop_wanted_) {
          Look(world, wait);
        }
      });
    }
  };
  Again::Look(*this, look);
}

void World::Crash(bool power_fails) {
  if (phase_ == Phase::kStopped) return;
  ++crashes_;
  Fault();
  simulation_.Tell(power_fails ? "THE POWER FAILS" : "kill -9");
  ledger_.Crashed();
  process_->Kill(power_fails);
  // Nothing of it may be destroyed: it would begin to run again.
  struct Dead {
    std::unique_ptr<relay::Gateway> gateway;
    std::unique_ptr<queue::LossyDisk> disk;
  };
  static auto* const graves = new std::vector<Dead>;
  std::unique_ptr<queue::LossyDisk> survivor = disk_->LeaveToSuccessor(power_fails);
  graves->push_back({std::move(gateway_), std::exchange(disk_, std::move(survivor))});
  phase_ = Phase::kStopped;
  stopped_at_ = simulation_.Now();
  administrator_busy_ = false;
  StartAgainAfter(simulation_.OneIn(3) ? simulation_.Between(absl::Minutes(1), absl::Hours(6))
                                       : simulation_.Between(absl::Seconds(1), absl::Minutes(1)));
}

void World::AskAdministrator(bool hasty) {
  if (phase_ != Phase::kRunning || administrator_busy_ || stop_wanted_) return;
  administrator_busy_ = true;
  process_->StartThread([this, hasty, first = !std::exchange(first_list_made_, true)] {
    if (first) {
      administrator_.Begin(*gateway_);
    } else if (hasty) {
      administrator_.ChangeList(*gateway_);
    } else {
      administrator_.Act(*gateway_);
    }
    administrator_busy_ = false;
  });
}

// ---- What goes wrong

void World::ChangeSomeHost() {
  if (!trouble_) return;
  Host& host = *town_.hosts()[simulation_.random().Below(town_.hosts().size())];
  if (host.lost) return;
  Fault();
  switch (simulation_.random().Below(7)) {
    case 0:
      host.up = false;
      break;
    case 1:
    case 2:
      host.starttls = static_cast<StartTls>(simulation_.random().Below(kStartTlsKinds));
      break;
    case 3:
      host.proof = static_cast<Proof>(simulation_.random().Below(kProofs));
      break;
    case 4:
      host.offer = static_cast<Offer>(simulation_.random().Below(kOffers));
      break;
    default:
      host.Mend();
      break;
  }
  simulation_.Tell(host.Describe());
}

void World::ChangeSomePolicy() {
  if (!trouble_) return;
  const PolicySite* const site = town_.ChangePolicy(simulation_.random());
  if (site == nullptr) return;
  Fault();
  simulation_.Tell(site->Describe());
}

void World::FailDisk() {
  using Fault = queue::LossyDisk::Fault;
  static constexpr Fault kFaults[] = {Fault::kFull, Fault::kBroken, Fault::kSyncFails};
  static constexpr absl::string_view kWords[] = {"is full", "breaks", "does not sync",
                                                 "fails now and then", "fills up"};
  const uint64_t kind = simulation_.random().Below(5);
  const absl::Duration lasts = simulation_.Between(absl::Seconds(1), absl::Minutes(90));
  this->Fault();
  simulation_.Tell(
      absl::StrCat("the disk ", kWords[kind], " for ", absl::FormatDuration(lasts)));
  if (kind < 3) {
    disk_->SetFault(kFaults[kind], simulation_.random().Below(20'000));
  } else if (kind == 3) {
    disk_->SetFaultRates({.append = 0.02, .sync = 0.05, .read = 0.01});
  } else {
    disk_->SetCapacity(disk_->used_bytes() + simulation_.random().Below(100'000));
  }
  ledger_.WasDown(lasts);
  simulation_.After(lasts, [this] {
    simulation_.Tell("the disk is well again");
    MendDisk();
  });
}

void World::MendDisk() {
  disk_->SetFault(queue::LossyDisk::Fault::kNone);
  disk_->SetFaultRates({});
  disk_->SetCapacity(queue::LossyDisk::kUnlimited);
}

// RocksDB's flushes and compactions, which have threads of their own.
void World::RunDisk() {
  disk_->RunBackgroundJobs();
  simulation_.After(simulation_.Between(absl::Seconds(1), absl::Minutes(1)), [this] { RunDisk(); });
}

// In the middle of what is being written; what comes after it is not.
void World::PowerFailsSoon() {
  disk_->CutPowerAfter(simulation_.random().Below(30));
  simulation_.After(simulation_.Between(absl::ZeroDuration(), absl::Milliseconds(20)),
                    [this] { Crash(/*power_fails=*/true); });
}

void World::StepClock() {
  if (!trouble_) return;
  Fault();
  const absl::Duration step = simulation_.OneIn(2) ? simulation_.Between(absl::Hours(1), absl::Hours(96))
                                                   : -simulation_.Between(absl::Hours(1),
                                                                          absl::Hours(96));
  simulation_.Tell(absl::StrCat("the wall clock steps by ", absl::FormatDuration(step)));
  simulation_.clock().StepWall(step);
}

void World::MendEverything() {
  simulation_.Tell("all is mended");
  trouble_ = false;
  MendDisk();
  for (const auto& host : town_.hosts()) {
    // One in eight stays as it is, for ever: what goes there ends at its deadline.
    if (host->lost || simulation_.OneIn(8)) continue;
    host->Mend();
  }
  for (const auto& site : town_.sites()) site->Mend();
}

// ---- The run

void World::Plan() {
  const auto at_random = [this](int times, auto what) {
    for (int i = 0; i < times; ++i) {
      simulation_.After(simulation_.Between(absl::Seconds(1), scenario_.busy),
                        [what]() mutable { what(); });
    }
  };
  at_random(scenario_.hop_changes, [this] { ChangeSomeHost(); });
  at_random(scenario_.policy_changes, [this] { ChangeSomePolicy(); });
  at_random(scenario_.dns_changes, [this] {
    std::vector<Domain>& domains = town_.domains();
    town_.MoveMail(domains[simulation_.random().Below(domains.size())], simulation_.random());
  });
  at_random(scenario_.crashes, [this] {
    if (!trouble_ || phase_ == Phase::kStopped) return;
    if (simulation_.OneIn(3)) {
      PowerFailsSoon();
    } else {
      Crash(simulation_.OneIn(2));
    }
  });
  at_random(scenario_.restarts, [this] { Restart(); });
  at_random(scenario_.disk_faults, [this] {
    if (trouble_) FailDisk();
  });
  at_random(scenario_.admin_actions, [this] { AskAdministrator(); });
  at_random(scenario_.clock_steps, [this] { StepClock(); });
  for (int i = 0; i < scenario_.hasty_changes; ++i) {
    simulation_.At(simulation_.clock().MonoNow() + BurstBegins() +
                       simulation_.Between(absl::ZeroDuration(), absl::Minutes(1)),
                   [this] { AskAdministrator(/*hasty=*/true); });
  }
}

Letter World::MakeLetter(int number) {
  Random& random = simulation_.random();
  const auto some_domain = [&]() -> const std::string& {
    return town_.domains()[random.Below(town_.domains().size())].name;
  };
  Letter letter;
  letter.token = absl::StrCat("m", number);
  if (random.Below(12) > 0) letter.sender = absl::StrCat(letter.token, "@", some_domain());
  const uint64_t recipients = 1 + random.Below(4);
  for (uint64_t i = 0; i < recipients; ++i) {
    letter.recipients.push_back(absl::StrCat(letter.token, "-", i, "@", some_domain()));
  }
  letter.tls_optional = random.Below(8) == 0;
  letter.body = absl::StrCat("X-Token: ", letter.token, "\r\nSubject: simulated\r\n",
                             letter.tls_optional ? "TLS-Required: No\r\n\r\n" : "\r\n");
  static constexpr uint64_t kLines[] = {0, 1, 5, 40, 800};
  const uint64_t lines = kLines[random.Below(random.Below(8) == 0 ? 5 : 4)];
  for (uint64_t i = 0; i < lines; ++i) {
    static constexpr absl::string_view kBegins[] = {"", ".", "..", ". ", "x"};
    absl::StrAppend(&letter.body, kBegins[random.Below(5)], "body-of-", letter.token, " ",
                    std::string(random.Below(70), static_cast<char>('a' + random.Below(26))),
                    "\r\n");
    if (random.Below(6) == 0) absl::StrAppend(&letter.body, random.Below(2) == 0 ? "." : "", "\r\n");
  }
  return letter;
}

void World::PlanMail() {
  for (int i = 0; i < scenario_.messages; ++i) {
    // In bursts and alone.
    const absl::Duration when = i > 0 && simulation_.OneIn(3)
                                    ? BurstBegins() + simulation_.Between(absl::ZeroDuration(),
                                                                          absl::Seconds(2))
                                    : simulation_.Between(absl::Seconds(5), scenario_.busy);
    simulation_.After(when, [this, i] {
      Letter& letter = ledger_.NewLetter(MakeLetter(i));
      const bool bad = trouble_ && scenario_.bad_clients > 0 && simulation_.OneIn(scenario_.bad_clients);
      if (bad) Fault();
      const auto manner = bad ? static_cast<Client::Manner>(
                                    1 + simulation_.random().Below(Client::kManners - 1))
                              : Client::Manner::kGood;
      io::Core& core = outside_engine_->core(0);
      core.Spawn(client_.Send(core, letter, !simulation_.OneIn(4), manner));
    });
  }
}

void World::RunUntil(MonoTime when) {
  bool there = false;
  simulation_.At(when, [&there] { there = true; });
  while (!there) SLUICE_CHECK(simulation_.Step());
}

void World::RunUntilEmpty() {
  // Whatever the state of an item: nothing outlives the longest deadline by more than an attempt.
  // A notification of what is deleted in the end has a lifetime of its own; and a clock that is set
  // back while the gateway is down makes time stand still for it.
  const MonoTime latest = simulation_.Now() + 2 * scenario_.lifetime + absl::Hours(12) +
                          absl::Hours(100) * scenario_.clock_steps;
  while (true) {
    RunUntil(simulation_.Now() + kLook);
    if (phase_ != Phase::kRunning) {
      if (phase_ == Phase::kStopped) StartAgainAfter(absl::Seconds(1));
      continue;
    }
    const absl::StatusOr<queue::QueueTotals> totals =
        gateway_->CountQueue(0, simulation_.Now());
    if (totals.ok() && totals->items == 0 && outside_.live_tasks() == listeners_.size() &&
        process_->open_ends() == 0) {
      return;
    }
    if (simulation_.Now() > latest) {
      const absl::StatusOr<queue::QueuePage> page = gateway_->ListQueue({}, simulation_.Now());
      for (const queue::QueueItem& item : page.ok() ? page->items : std::vector<queue::QueueItem>()) {
        simulation_.Tell(absl::StrCat("left: ", item.envelope.id.ToString(), " to ",
                                      item.envelope.destination,
                                      item.in_flight ? ", in flight" : "", ", due ",
                                      absl::FormatTime(item.envelope.next_due), ", deadline ",
                                      absl::FormatTime(item.envelope.deadline)));
      }
      ledger_.Broken("everything ends, in every state",
                     absl::StrCat(totals.ok() ? absl::StrCat(totals->items, " items are")
                                              : totals.status().ToString(),
                                  " left in the queue at the end of time, ",
                                  outside_.live_tasks() - listeners_.size(),
                                  " visits and ", process_->open_ends(),
                                  " connections of the gateway under way"));
    }
  }
}

std::vector<queue::HistoryEntry> World::ReadHistory() {
  std::vector<queue::HistoryEntry> all;
  queue::HistoryQuery query;
  query.newest_first = false;
  query.limit = 1000;
  while (true) {
    absl::StatusOr<queue::HistoryPage> page = gateway_->QueryHistory(query, simulation_.Now());
    SLUICE_CHECK(page.ok());
    if (page->entries.empty()) return all;
    for (queue::HistoryEntry& entry : page->entries) all.push_back(std::move(entry));
    query.cursor = page->next;
  }
}

Report World::Run() {
  ListenEverywhere();
  RunDisk();
  StartGateway();
  simulation_.After(absl::Seconds(1), [this] { AskAdministrator(); });
  Plan();
  PlanMail();
  RunUntil(simulation_.Now() + scenario_.busy);
  MendEverything();
  RunUntilEmpty();
  const std::vector<queue::HistoryEntry> history = ReadHistory();
  stop_wanted_ = true;
  while (phase_ != Phase::kStopped) SLUICE_CHECK(simulation_.Step());
  ledger_.Audit(history);
  for (io::Listener* listener : listeners_) listener->Stop();
  while (outside_.live_tasks() > 0) SLUICE_CHECK(simulation_.Step());

  Report report;
  report.simulated = simulation_.clock().elapsed();
  report.steps = simulation_.steps();
  report.connections = network_.connections();
  report.letters = ledger_.letters();
  report.accepted = ledger_.accepted();
  report.deliveries = ledger_.deliveries();
  report.twice = ledger_.twice();
  report.parked = ledger_.parked();
  report.bounced = ledger_.ends(queue::Outcome::kFailed);
  report.expired = ledger_.ends(queue::Outcome::kExpired);
  report.deleted_tls_policy = ledger_.ends(queue::Outcome::kDeletedTlsPolicy);
  report.faults = faults_;
  for (const auto& hop : next_hops_) report.faults += hop->mishaps();
  report.crashes = crashes_;
  report.digest = story_.digest();
  return report;
}

}  // namespace sluice::sim
