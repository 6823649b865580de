// What the administration asks of the gateway: from its own threads, answered by store and cores.
#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/relay/gateway.h"
#include "engine/relay/identity.h"
#include "engine/relay/next_hop.h"
#include "engine/relay/outbound_policy.h"
#include "engine/relay/ping.h"
#include "engine/relay/reply.h"
#include "engine/smtp/message_header.h"
#include "policy/domain_name.h"
#include "policy/entry_codec.h"

namespace sluice::relay {
namespace {

// Of what the store does step by step.
absl::Status GoesOn() {
  return absl::DeadlineExceededError(
      "not all of it was done in time; the gateway goes on with the rest");
}

// What is shown of a message's header.
constexpr size_t kShownHeaderBytes = 64 * 1024;
// Messages whose return is written down at the same time.
constexpr size_t kReturnedAtOnce = 64;

// How long an explanation waits for a policy host that does not answer.
constexpr absl::Duration kExplainTimeout = absl::Seconds(15);

absl::string_view DefaultLevelName(DefaultLevel level) {
  return level == DefaultLevel::kMay ? "may" : "encrypt";
}

std::string Str(absl::string_view text) { return std::string(text.data(), text.size()); }

// What an administrator types for a message's destination, in the queue's own form.
std::string NormalOrAsTyped(absl::string_view domain) {
  absl::StatusOr<std::string> normal = policy::NormalizeDomain(domain);
  return normal.ok() ? *std::move(normal) : absl::AsciiStrToLower(domain);
}

queue::Selection Normal(queue::Selection selection) {
  if (!selection.destination.empty()) selection.destination = NormalOrAsTyped(selection.destination);
  return selection;
}

}  // namespace

// ---- The list

absl::StatusOr<PolicyResult> Gateway::ApplyPolicy(policy::Transaction transaction, DryRun dry_run,
                                                  MonoTime deadline) {
  const absl::MutexLock one_at_a_time(&policy_mutex_);
  policy::Proposal proposal = table_->Propose(transaction);
  PolicyResult result;
  result.generation = table_->current()->generation();
  result.faults = proposal.faults;
  for (policy::Fault& fault : FaultsOf(transaction)) result.faults.push_back(std::move(fault));
  if (!result.faults.empty()) return result;
  result.written = proposal.written;
  if (dry_run == DryRun::kYes || proposal.written.empty()) return result;

  queue::PolicyUpdate update;
  update.changes.reserve(proposal.written.size());
  for (const policy::Written& written : proposal.written) {
    update.changes.push_back(policy::EncodeChange(
        {.author = transaction.author, .before = written.before, .after = written.after}));
  }
  SLUICE_RETURN_IF_ERROR(Commit(proposal, std::move(update)));
  result.generation = proposal.next->generation();
  for (const policy::Written& written : proposal.written) {
    const policy::Entry& entry = written.after != nullptr ? *written.after : *written.before;
    log::Info("policy_changed", {{"pattern", entry.pattern.text()},
                                 {"change", written.before == nullptr  ? "added"
                                            : written.after == nullptr ? "removed"
                                                                       : "set"},
                                 {"by", transaction.author.by},
                                 {"generation", result.generation}});
  }
  SLUICE_RETURN_IF_ERROR(UseOnEveryCore(proposal.next, deadline));
  return result;
}

// First the disk, then memory.
absl::Status Gateway::Commit(const policy::Proposal& proposal, queue::PolicyUpdate update) {
  for (const policy::Written& written : proposal.written) {
    queue::PolicyWrite write;
    write.key = (written.after != nullptr ? written.after : written.before)->pattern.text();
    if (written.after != nullptr) write.value = policy::EncodeEntry(*written.after);
    update.entries.push_back(std::move(write));
  }
  update.generation = proposal.next->generation();
  Reply<absl::Status> stored;
  spool_->WritePolicy(std::move(update), stored.Sender());
  // Without a deadline: whether the change is on disk has to be known before memory follows.
  SLUICE_RETURN_IF_ERROR(*stored.Wait(machine_, MonoTime::Never()));
  table_->Publish(proposal);
  return absl::OkStatus();
}

absl::Status Gateway::UseOnEveryCore(std::shared_ptr<const policy::Snapshot> list,
                                     MonoTime deadline) {
  return OnEveryCore(
      [list = std::move(list)](Shard& shard) {
        shard.UseList(list);
        return absl::OkStatus();
      },
      deadline);
}

absl::StatusOr<Explanation> Gateway::Explain(absl::string_view domain, MonoTime deadline) {
  SLUICE_ASSIGN_OR_RETURN(const std::string name, policy::NormalizeDomain(domain));
  Explanation explanation;
  const std::shared_ptr<const policy::Snapshot> list = table_->current();
  explanation.inbound = list->Explain(name, policy::Flow::kInbound);
  explanation.outbound = list->Explain(name, policy::Flow::kOutbound);
  explanation.default_tls_level = Str(DefaultLevelName(options_.settings.default_tls_level));
  const Route* const route = options_.settings.routes.Find(name);
  explanation.route = route == nullptr ? "by MX"
                                       : absl::StrCat("static route ", route->pattern.text(), ": ",
                                                      route->next_hop());
  const Settings& settings = options_.settings;
  const Identity identity =
      IdentityOf(settings, HopTargetOf(settings.routes, name, settings.smtp_port),
                 OutboundPolicyOf(*list, name, settings.default_tls_level));
  explanation.source_addresses = identity.source.ToString();
  explanation.source_of = identity.source_of;
  explanation.client_certificate = identity.client_certificate;
  explanation.client_certificate_of = identity.client_certificate_of;
  if (options_.settings.mta_sts && route == nullptr) {
    SLUICE_ASSIGN_OR_RETURN(explanation.mta_sts, MtaStsOf(name, deadline));
  }
  return explanation;
}

absl::StatusOr<MtaStsState> Gateway::MtaStsOf(absl::string_view domain, MonoTime deadline) {
  if (draining_) return absl::UnavailableError("the gateway is shutting down");
  Reply<MtaStsState> reply;
  Shard& shard = OwnerOf(domain);
  shard.core().Run([&shard, name = Str(domain), send = reply.Sender()]() mutable {
    shard.mta_sts()->Explain(std::move(name), std::move(send));
  });
  const MonoTime wait_until = std::min(deadline, clock_.MonoNow() + kExplainTimeout);
  std::optional<MtaStsState> state = reply.Wait(machine_, wait_until);
  if (!state.has_value()) {
    state.emplace();
    state->detail = "its policy is being looked for; ask again in a minute";
  }
  state->fetched_at += spool_->WallAhead();
  state->expires_at += spool_->WallAhead();
  return *std::move(state);
}

// ---- The queue

absl::StatusOr<queue::QueueTotals> Gateway::CountQueue(size_t most_destinations,
                                                       MonoTime /*deadline*/) {
  return spool_->Count(most_destinations);
}

absl::StatusOr<queue::QueuePage> Gateway::ListQueue(const queue::QueueQuery& query,
                                                    MonoTime deadline) {
  queue::QueueQuery wanted = query;
  if (!wanted.destination.empty()) wanted.destination = NormalOrAsTyped(wanted.destination);
  SLUICE_ASSIGN_OR_RETURN(queue::QueuePage page, spool_->List(wanted));
  AddNextProbes(page.items, deadline);
  return page;
}

absl::StatusOr<std::vector<queue::QueueItem>> Gateway::FindQueued(const queue::MessageId& id,
                                                                  MonoTime deadline) {
  SLUICE_ASSIGN_OR_RETURN(std::vector<queue::QueueItem> items, spool_->Find(id));
  AddNextProbes(items, deadline);
  return items;
}

absl::StatusOr<std::string> Gateway::ReadQueuedHeader(const queue::MessageId& id,
                                                      MonoTime /*deadline*/) {
  SLUICE_ASSIGN_OR_RETURN(const io::Body beginning,
                          spool_->ReadBeginning(id, kShownHeaderBytes));
  return smtp::HeaderOf(beginning, kShownHeaderBytes);
}

absl::StatusOr<queue::QueueSummary> Gateway::SummarizeQueue(absl::string_view destination,
                                                            size_t most, MonoTime deadline) {
  SLUICE_ASSIGN_OR_RETURN(
      queue::QueueSummary summary,
      spool_->Summarize(destination.empty() ? "" : NormalOrAsTyped(destination), most));
  std::set<std::string> parked;
  for (const queue::DestinationSummary& one : summary.destinations) {
    if (one.parked > 0) parked.insert(one.destination);
  }
  const std::map<std::string, absl::Time> probes = NextProbes(std::move(parked), deadline);
  for (queue::DestinationSummary& one : summary.destinations) {
    if (const auto probe = probes.find(one.destination); probe != probes.end()) {
      one.next_probe = probe->second;
    }
  }
  AddPaces(summary, deadline);
  return summary;
}

// Of several cores: the pause that is over last.
void Gateway::AddPaces(queue::QueueSummary& summary, MonoTime deadline) {
  std::vector<std::string> destinations;
  for (const queue::DestinationSummary& one : summary.destinations) {
    destinations.push_back(one.destination);
  }
  if (destinations.empty()) return;
  // Shared, as in OnEveryCore.
  struct Gathering {
    absl::Mutex mutex;
    std::map<std::string, Shard::PaceNow> paces;
  };
  auto gathering = std::make_shared<Gathering>();
  const absl::Status asked = OnEveryCore(
      [gathering, destinations = std::move(destinations)](Shard& shard) {
        for (const std::string& destination : destinations) {
          const Shard::PaceNow pace = shard.PaceOf(destination);
          const absl::MutexLock lock(&gathering->mutex);
          Shard::PaceNow& all = gathering->paces[destination];
          all.paused_until = std::max(all.paused_until, pace.paused_until);
          all.rate_limited |= pace.rate_limited;
        }
        return absl::OkStatus();
      },
      deadline);
  if (!asked.ok()) log::Warning("paces_not_told", {{"error", asked.message()}});
  const absl::MutexLock lock(&gathering->mutex);
  for (queue::DestinationSummary& one : summary.destinations) {
    const Shard::PaceNow& pace = gathering->paces[one.destination];
    one.paused_until = pace.paused_until;
    one.rate_limited = pace.rate_limited;
  }
}

void Gateway::AddNextProbes(std::vector<queue::QueueItem>& items, MonoTime deadline) {
  std::set<std::string> parked;
  for (const queue::QueueItem& item : items) {
    if (item.envelope.parked) parked.insert(item.envelope.destination);
  }
  const std::map<std::string, absl::Time> probes = NextProbes(std::move(parked), deadline);
  for (queue::QueueItem& item : items) {
    const auto probe = probes.find(item.envelope.destination);
    if (item.envelope.parked && probe != probes.end()) item.next_probe = probe->second;
  }
}

std::map<std::string, absl::Time> Gateway::NextProbes(std::set<std::string> destinations,
                                                      MonoTime deadline) {
  if (destinations.empty()) return {};
  // Shared, as in OnEveryCore.
  struct Gathering {
    absl::Mutex mutex;
    std::map<std::string, absl::Time> probes;
  };
  auto gathering = std::make_shared<Gathering>();
  const absl::Status asked = OnEveryCore(
      [gathering, destinations = std::move(destinations)](Shard& shard) {
        for (const std::string& destination : destinations) {
          const std::optional<absl::Time> probe = shard.NextProbe(destination);
          if (!probe.has_value()) continue;
          const absl::MutexLock lock(&gathering->mutex);
          gathering->probes.insert_or_assign(destination, *probe);
        }
        return absl::OkStatus();
      },
      deadline);
  if (!asked.ok()) log::Warning("probes_not_told", {{"error", asked.message()}});
  const absl::MutexLock lock(&gathering->mutex);
  return gathering->probes;
}

absl::StatusOr<uint64_t> Gateway::RetryQueued(const queue::Selection& selection,
                                              MonoTime deadline) {
  const queue::Selection wanted = Normal(selection);
  // What waits in a lane for the end of a pause is in flight, where the queue leaves it alone.
  auto waited = std::make_shared<std::atomic<uint64_t>>(0);  // shared, as in OnEveryCore
  SLUICE_RETURN_IF_ERROR(OnEveryCore(
      [waited, wanted](Shard& shard) {
        waited->fetch_add(shard.TryNow(wanted));
        return absl::OkStatus();
      },
      deadline));
  Reply<absl::StatusOr<uint64_t>> reply;
  spool_->RetryNow(wanted, reply.Sender());
  SLUICE_ASSIGN_OR_RETURN(const uint64_t made_due,
                          reply.Wait(machine_, deadline).value_or(GoesOn()));
  return made_due + waited->load();
}

// What waits in a lane for its turn is in flight, where the queue leaves it alone: it is given back
// first. Who stops has given all of it back.
absl::Status Gateway::WithdrawFromLanes(const queue::Selection& selection, MonoTime deadline) {
  if (draining_) return absl::OkStatus();
  std::vector<std::unique_ptr<Reply<bool>>> replies;
  for (const auto& shard : shards_) {
    replies.push_back(std::make_unique<Reply<bool>>());
    shard->core().Run([shard = shard.get(), selection, done = replies.back()->Sender()]() mutable {
      shard->Withdraw(selection, std::move(done));
    });
  }
  for (const auto& reply : replies) {
    if (!reply->Wait(machine_, deadline).has_value()) {
      return absl::DeadlineExceededError(
          "what waits for its next hop was not given back to the queue in time, so nothing was "
          "changed; ask again");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Gateway::HoldQueued(const queue::Selection& selection,
                                             const queue::Reason& reason, MonoTime deadline) {
  const queue::Selection wanted = Normal(selection);
  SLUICE_RETURN_IF_ERROR(WithdrawFromLanes(wanted, deadline));
  Reply<absl::StatusOr<uint64_t>> reply;
  spool_->Hold(wanted, reason, reply.Sender());
  return reply.Wait(machine_, deadline).value_or(GoesOn());
}

absl::StatusOr<uint64_t> Gateway::ReleaseQueued(const queue::Selection& selection,
                                                MonoTime deadline) {
  Reply<absl::StatusOr<uint64_t>> reply;
  spool_->EndHold(Normal(selection), reply.Sender());
  return reply.Wait(machine_, deadline).value_or(GoesOn());
}

absl::StatusOr<uint64_t> Gateway::RemoveQueued(const queue::Selection& selection,
                                               const queue::Reason& reason, MonoTime deadline) {
  const queue::Selection wanted = Normal(selection);
  SLUICE_RETURN_IF_ERROR(WithdrawFromLanes(wanted, deadline));
  Reply<absl::StatusOr<uint64_t>> reply;
  spool_->Remove(wanted, reason, reply.Sender());
  return reply.Wait(machine_, deadline).value_or(GoesOn());
}

absl::StatusOr<uint64_t> Gateway::ReturnQueued(const queue::Selection& selection,
                                               const queue::Reason& reason, MonoTime deadline) {
  const queue::Selection wanted = Normal(selection);
  SLUICE_RETURN_IF_ERROR(WithdrawFromLanes(wanted, deadline));
  uint64_t returned = 0;
  std::string position;
  do {
    if (draining_) return absl::UnavailableError("the gateway is shutting down");
    Reply<absl::StatusOr<queue::SelectedWork>> reply;
    spool_->TakeSelected(wanted, position, kReturnedAtOnce, reply.Sender());
    // What is handed out must not be lost on the way: the store answers whatever it is asked.
    SLUICE_ASSIGN_OR_RETURN(queue::SelectedWork work, *reply.Wait(machine_, MonoTime::Never()));
    position = std::move(work.next);
    returned += work.items.size();
    SLUICE_RETURN_IF_ERROR(Return(std::move(work.items), reason, deadline));
    if (!position.empty() && clock_.MonoNow() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "time was up after ", returned, " messages; ask again for the rest of them"));
    }
  } while (!position.empty());
  return returned;
}

absl::Status Gateway::Return(std::vector<queue::Envelope> items, const queue::Reason& reason,
                             MonoTime deadline) {
  std::vector<std::unique_ptr<Reply<bool>>> replies;
  for (size_t i = 0; i < items.size(); ++i) {
    replies.push_back(std::make_unique<Reply<bool>>());
    Shard& shard = *shards_[i % shards_.size()];
    shard.core().Run([&shard, envelope = std::move(items[i]), reason,
                      done = replies.back()->Sender()]() mutable {
      shard.Return(std::move(envelope), reason, std::move(done));
    });
  }
  for (const auto& reply : replies) {
    if (!reply->Wait(machine_, deadline).has_value()) return GoesOn();
  }
  return absl::OkStatus();
}

absl::StatusOr<queue::HistoryPage> Gateway::QueryHistory(const queue::HistoryQuery& query,
                                                         MonoTime /*deadline*/) {
  queue::HistoryQuery wanted = query;
  if (!wanted.domain.empty()) wanted.domain = NormalOrAsTyped(wanted.domain);
  return spool_->QueryHistory(wanted);
}

absl::StatusOr<queue::HistoryRows> Gateway::ReadHistoryRows(const queue::HistoryRowQuery& query,
                                                            MonoTime /*deadline*/) {
  return spool_->ReadHistoryRows(query);
}

// ---- Status

std::vector<CoreStatus> Gateway::GetCores() const {
  std::vector<CoreStatus> cores;
  for (const auto& shard : shards_) cores.push_back(shard->StatusOfCore());
  return cores;
}

absl::StatusOr<Status> Gateway::GetStatus(MonoTime deadline) {
  Status status;
  status.version = options_.version;
  status.hostname = options_.settings.hostname;
  status.started_at = started_at_;
  status.uptime = clock_.MonoNow() - started_;
  status.draining = draining_;
  status.listeners = listeners_;
  status.cores = GetCores();
  SLUICE_ASSIGN_OR_RETURN(status.queue, CountQueue(/*most_destinations=*/0, deadline));
  status.commits = spool_->Commits();
  const std::shared_ptr<const policy::Snapshot> list = table_->current();
  status.policy_entries = list->size();
  status.policy_generation = list->generation();
  status.default_tls_level = Str(DefaultLevelName(options_.settings.default_tls_level));
  return status;
}

}  // namespace sluice::relay
