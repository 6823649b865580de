// STARTTLS pings that the administration asks for, and what is kept of them; the audit trail.
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/relay/gateway.h"
#include "engine/relay/ping_record.h"
#include "engine/relay/reply.h"
#include "policy/domain_name.h"

namespace sluice::relay {
namespace {

// Rows of the audit trail that one page looks at.
constexpr size_t kMostScannedChanges = 100'000;
constexpr size_t kChangesAtOnce = 1000;

absl::StatusOr<io::SocketAddress> Reachable(const std::string& listener) {
  SLUICE_ASSIGN_OR_RETURN(const io::SocketAddress address, io::SocketAddress::Parse(listener));
  const bool any = address.ip() == "0.0.0.0" || address.ip() == "::";
  if (!any) return address;
  return io::SocketAddress::FromIp(address.is_ipv6() ? "::1" : "127.0.0.1", address.port());
}

bool IsWanted(const policy::ChangeRecord& record, const PolicyChangeQuery& query) {
  const policy::Entry& entry = record.after != nullptr ? *record.after : *record.before;
  return (query.pattern.empty() || entry.pattern.text() == query.pattern) &&
         (query.by.empty() || record.author.by == query.by) && record.author.at >= query.since &&
         record.author.at < query.until;
}

}  // namespace

absl::StatusOr<PingResult> Gateway::Ping(absl::string_view domain, MonoTime deadline) {
  PingOrder order;
  SLUICE_ASSIGN_OR_RETURN(order.domain, policy::NormalizeDomain(domain));
  SLUICE_ASSIGN_OR_RETURN(PingResult result, Ping(std::move(order), deadline));
  KeepPing(result);
  Heal(result);
  return result;
}

absl::StatusOr<PingResult> Gateway::PingEntry(const policy::Entry& entry, MonoTime deadline) {
  PingOrder order;
  SLUICE_ASSIGN_OR_RETURN(order.domain, policy::PingedDomain(entry));
  order.entry = std::make_shared<const policy::Entry>(entry);
  SLUICE_ASSIGN_OR_RETURN(PingResult result, Ping(std::move(order), deadline));
  KeepPing(result);
  // One that is only proposed says nothing of what is demanded now.
  const policy::EntryPtr current = table_->current()->Find(entry.pattern);
  if (current != nullptr && current->generation == entry.generation) Heal(result);
  return result;
}

// Its mail need not wait for the next probe.
void Gateway::Heal(const PingResult& result) {
  if (result.verdict == PingVerdict::kInvalid) return;
  Shard& shard = *shards_.front();
  shard.core().Run([&shard, domain = result.domain] {
    shard.Heal(domain, "an administrator's ping");
  });
}

absl::StatusOr<PingResult> Gateway::PingSelf(MonoTime deadline) {
  PingOrder order;
  order.domain = options_.settings.hostname;
  // What is demanded of any partner; the certificate is told, not held against a trust store that
  // only others have.
  order.entry = std::make_shared<const policy::Entry>();
  for (const std::string& listener : listeners_) {
    SLUICE_ASSIGN_OR_RETURN(io::SocketAddress address, Reachable(listener));
    order.addresses.push_back(address);
  }
  SLUICE_ASSIGN_OR_RETURN(PingResult result, Ping(std::move(order), deadline));
  result.entry.clear();
  result.warnings = relay::WarningsOf(result, std::nullopt, options_.settings.certificate_warning);
  AddNameWarnings(options_.settings.hostname, result);
  return result;
}

absl::StatusOr<PingResult> Gateway::Ping(PingOrder order, MonoTime deadline) {
  if (draining_) return absl::UnavailableError("the gateway is shutting down");
  Reply<PingResult> reply;
  // Which has what is known of the domain.
  Shard& shard = OwnerOf(order.domain);
  shard.core().Run([&shard, order = std::move(order), deadline, send = reply.Sender()]() mutable {
    shard.Ping(std::move(order), deadline, std::move(send));
  });
  std::optional<PingResult> result = reply.Wait(machine_, deadline + absl::Seconds(60));
  if (result.has_value()) return *std::move(result);
  return absl::DeadlineExceededError("the gateway did not answer in time; try again");
}

// In the entry that decided, where there is one. What cannot be kept is told all the same.
void Gateway::KeepPing(PingResult& result) {
  const absl::StatusOr<policy::Pattern> pattern = policy::Pattern::Parse(result.entry);
  const bool kept = !result.entry.empty() && pattern.ok() &&
                    table_->current()->Find(*pattern) != nullptr;
  std::optional<policy::PingFindings> before;
  if (kept) {
    const absl::StatusOr<std::vector<policy::PingFindings>> pings =
        PingsOf(*pattern, MonoTime::Never());
    if (pings.ok() && !pings->empty()) before = pings->front();
  }
  result.warnings = relay::WarningsOf(result, before, options_.settings.certificate_warning);
  for (const std::string& warning : result.warnings) {
    log::Warning("ping_warning", {{"domain", result.domain}, {"warning", warning}});
  }
  if (!kept) return;
  const absl::Status status = KeepPing(*pattern, FindingsOf(result));
  if (!status.ok()) {
    log::Warning("ping_not_kept", {{"domain", result.domain}, {"error", status.message()}});
  }
}

absl::Status Gateway::KeepPing(const policy::Pattern& pattern,
                               const policy::PingFindings& findings) {
  const absl::MutexLock one_at_a_time(&policy_mutex_);
  if (table_->current()->Find(pattern) == nullptr) return absl::OkStatus();  // removed meanwhile
  const policy::Proposal proposal = table_->ProposePing(pattern, findings.ping);
  if (!proposal.faults.empty()) return absl::InvalidArgumentError(proposal.faults[0].reason);
  queue::PolicyUpdate update;
  update.pings.push_back({.key = pattern.text(),
                          .at = findings.ping.at,
                          .value = policy::EncodePingFindings(findings)});
  SLUICE_RETURN_IF_ERROR(Commit(proposal, std::move(update)));
  return UseOnEveryCore(proposal.next, clock_.MonoNow() + absl::Seconds(10));
}

absl::StatusOr<std::vector<policy::PingFindings>> Gateway::PingsOf(const policy::Pattern& pattern,
                                                                   MonoTime /*deadline*/) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<queue::PolicyPing> rows,
                          spool_->ReadPolicyPings(pattern.text()));
  std::vector<policy::PingFindings> pings;
  for (const queue::PolicyPing& row : rows) {
    SLUICE_ASSIGN_OR_RETURN(policy::PingFindings findings, policy::DecodePingFindings(row.value));
    pings.push_back(std::move(findings));
  }
  return pings;
}

absl::StatusOr<PolicyChangePage> Gateway::PolicyChanges(const PolicyChangeQuery& query,
                                                        MonoTime /*deadline*/) {
  PolicyChangePage page;
  page.next = query.cursor;
  size_t scanned = 0;
  do {
    SLUICE_ASSIGN_OR_RETURN(
        const queue::PolicyChanges rows,
        spool_->ReadPolicyChanges({.cursor = page.next, .limit = kChangesAtOnce}));
    page.next = rows.next;
    for (const queue::PolicyChanges::Row& row : rows.rows) {
      ++scanned;
      absl::StatusOr<policy::ChangeRecord> record = policy::DecodeChange(row.value);
      if (!record.ok()) {  // one that cannot be read does not hide all the others
        log::Error("policy_change_damaged", {{"generation", row.generation},
                                             {"error", record.status().message()}});
        continue;
      }
      if (!IsWanted(*record, query)) continue;
      page.changes.push_back({.generation = row.generation, .record = *std::move(record)});
      if (page.changes.size() < query.limit) continue;
      const bool last = rows.next.empty() && row.cursor == rows.rows.back().cursor;
      page.next = last ? "" : row.cursor;
      return page;
    }
  } while (!page.next.empty() && scanned < kMostScannedChanges);
  return page;
}

}  // namespace sluice::relay
