// What the administration asks of the gateway: from its own threads, answered by store and cores.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/relay/gateway.h"
#include "engine/relay/ping.h"
#include "engine/relay/reply.h"
#include "policy/domain_name.h"
#include "policy/entry_codec.h"

namespace sluice::relay {
namespace {

absl::Status NotInTime() {
  return absl::DeadlineExceededError("the gateway did not answer in time; try again");
}

absl::string_view DefaultLevelName(DefaultLevel level) {
  return level == DefaultLevel::kMay ? "may" : "encrypt";
}

std::string Str(absl::string_view text) { return std::string(text.data(), text.size()); }

// What an administrator types for a message's destination, in the queue's own form.
std::string NormalOrAsTyped(absl::string_view domain) {
  absl::StatusOr<std::string> normal = policy::NormalizeDomain(domain);
  return normal.ok() ? *std::move(normal) : absl::AsciiStrToLower(domain);
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
  if (!proposal.faults.empty()) return result;
  result.written = proposal.written;
  if (dry_run == DryRun::kYes || proposal.written.empty()) return result;

  SLUICE_RETURN_IF_ERROR(Commit(proposal));
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
absl::Status Gateway::Commit(const policy::Proposal& proposal) {
  std::vector<queue::PolicyWrite> writes;
  for (const policy::Written& written : proposal.written) {
    queue::PolicyWrite write;
    write.key = (written.after != nullptr ? written.after : written.before)->pattern.text();
    if (written.after != nullptr) write.value = policy::EncodeEntry(*written.after);
    writes.push_back(std::move(write));
  }
  Reply<absl::Status> stored;
  spool_->WritePolicy(std::move(writes), proposal.next->generation(), stored.Sender());
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

absl::StatusOr<Explanation> Gateway::Explain(absl::string_view domain) const {
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
  return explanation;
}

absl::StatusOr<PingResult> Gateway::Ping(absl::string_view domain, MonoTime deadline) {
  SLUICE_ASSIGN_OR_RETURN(std::string name, policy::NormalizeDomain(domain));
  if (draining_) return absl::UnavailableError("the gateway is shutting down");
  Reply<PingResult> reply;
  Shard& shard = *shards_.front();
  shard.core().Run([&shard, name = std::move(name), deadline, send = reply.Sender()]() mutable {
    shard.Ping(std::move(name), deadline, std::move(send));
  });
  std::optional<PingResult> result = reply.Wait(machine_, deadline + absl::Seconds(60));
  if (!result.has_value()) return NotInTime();
  if (const absl::Status kept = KeepPing(*result); !kept.ok()) {
    log::Warning("ping_not_kept", {{"domain", result->domain}, {"error", kept.message()}});
  }
  return *std::move(result);
}

// In the entry that decides for the domain, where there is one.
absl::Status Gateway::KeepPing(const PingResult& result) {
  if (result.entry.empty()) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const policy::Pattern pattern, policy::Pattern::Parse(result.entry));
  policy::PingRecord record;
  record.at = result.at;
  record.summary = result.verdict == PingVerdict::kValid     ? "valid"
                   : result.verdict == PingVerdict::kPartial ? "partial"
                                                             : "invalid";
  for (const PingTarget& target : result.targets) {
    if (target.valid) continue;
    absl::StrAppend(&record.summary, ": ", target.mx, ": ", target.reason);
    break;  // the first says enough; the ping itself says all
  }
  if (!result.dns_failure.empty()) absl::StrAppend(&record.summary, ": dns");
  const absl::MutexLock one_at_a_time(&policy_mutex_);
  if (table_->current()->Find(pattern) == nullptr) return absl::OkStatus();  // removed meanwhile
  const policy::Proposal proposal = table_->ProposePing(pattern, record);
  if (!proposal.faults.empty()) return absl::InvalidArgumentError(proposal.faults[0].reason);
  SLUICE_RETURN_IF_ERROR(Commit(proposal));
  return UseOnEveryCore(proposal.next, clock_.MonoNow() + absl::Seconds(10));
}

// ---- The queue

absl::StatusOr<queue::QueueTotals> Gateway::CountQueue(size_t most_destinations,
                                                       MonoTime /*deadline*/) {
  return spool_->Count(most_destinations);
}

absl::StatusOr<queue::QueuePage> Gateway::ListQueue(const queue::QueueQuery& query,
                                                    MonoTime /*deadline*/) {
  queue::QueueQuery wanted = query;
  if (!wanted.destination.empty()) wanted.destination = NormalOrAsTyped(wanted.destination);
  return spool_->List(wanted);
}

absl::StatusOr<std::vector<queue::QueueItem>> Gateway::FindQueued(const queue::MessageId& id,
                                                                  MonoTime /*deadline*/) {
  return spool_->Find(id);
}

absl::StatusOr<uint64_t> Gateway::RetryQueued(const queue::RetrySelection& selection,
                                              MonoTime deadline) {
  queue::RetrySelection wanted = selection;
  if (!wanted.destination.empty()) wanted.destination = NormalOrAsTyped(wanted.destination);
  Reply<absl::StatusOr<uint64_t>> reply;
  spool_->RetryNow(std::move(wanted), reply.Sender());
  return reply.Wait(machine_, deadline).value_or(NotInTime());
}

absl::StatusOr<uint64_t> Gateway::RemoveQueued(const queue::Removal& removal, MonoTime deadline) {
  queue::Removal wanted = removal;
  if (!wanted.destination.empty()) wanted.destination = NormalOrAsTyped(wanted.destination);
  Reply<absl::StatusOr<uint64_t>> reply;
  spool_->Remove(std::move(wanted), reply.Sender());
  return reply.Wait(machine_, deadline).value_or(NotInTime());
}

absl::StatusOr<queue::HistoryPage> Gateway::QueryHistory(const queue::HistoryQuery& query,
                                                         MonoTime /*deadline*/) {
  queue::HistoryQuery wanted = query;
  if (!wanted.domain.empty()) wanted.domain = NormalOrAsTyped(wanted.domain);
  return spool_->QueryHistory(wanted);
}

// ---- Certificates and status

absl::StatusOr<std::vector<ServedCertificate>> Gateway::Certificates(MonoTime /*deadline*/) {
  std::shared_ptr<const tls::Credentials> credentials;
  {
    const absl::MutexLock lock(&credentials_mutex_);
    credentials = credentials_;
  }
  std::vector<ServedCertificate> result;
  for (const tls::Credentials::Served& served : credentials->served()) {
    ServedCertificate certificate;
    certificate.file = served.file;
    certificate.chain.push_back(served.details);
    certificate.chain.insert(certificate.chain.end(), served.chain.begin(), served.chain.end());
    result.push_back(std::move(certificate));
  }
  return result;
}

absl::Status Gateway::ReloadCertificates(absl::string_view by, MonoTime deadline) {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const tls::Credentials> credentials,
                          signer_->Load(options_.credential_files, deadline));
  SLUICE_RETURN_IF_ERROR(OnEveryCore(
      [credentials](Shard& shard) { return shard.UseCredentials(credentials); }, deadline));
  log::Info("certificates_reloaded", {{"by", by}, {"count", credentials->served().size()}});
  const absl::MutexLock lock(&credentials_mutex_);
  credentials_ = std::move(credentials);
  return absl::OkStatus();
}

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
  const std::shared_ptr<const policy::Snapshot> list = table_->current();
  status.policy_entries = list->size();
  status.policy_generation = list->generation();
  status.default_tls_level = Str(DefaultLevelName(options_.settings.default_tls_level));
  return status;
}

}  // namespace sluice::relay
