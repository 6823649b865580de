#include "engine/relay/parked_outcome.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/smtp/stage.h"
#include "tls/failure.h"

namespace sluice::relay {
namespace {

bool FailedForTls(const PingTarget& target) {
  return !target.valid && tls::ParseReason(target.reason).has_value();
}

// The one that says most: TLS's failure before any other. Null: no host was found.
const PingTarget* Decisive(const PingResult& result) {
  const auto found = std::find_if(result.targets.begin(), result.targets.end(), &FailedForTls);
  if (found != result.targets.end()) return &*found;
  return result.targets.empty() ? nullptr : &result.targets.front();
}

std::string TextOf(const PingTarget& target) {
  return target.smtp_reply.empty() ? target.detail
                                   : absl::StrCat(target.smtp_reply, " (", target.detail, ")");
}

}  // namespace

bool OpensBreaker(const AttemptReport& report) {
  // What one sender asks for (REQUIRETLS) says nothing of the mail of others.
  return report.policy.force == OutboundPolicy::Force::kMust && !report.policy.require_tls &&
         report.tls_failed_everywhere && report.failure.has_value() && report.failure->tls_reason.has_value();
}

void ParkAfterAttempt(absl::Time next_probe, OutcomeWriter::Written& written) {
  written.result.park = true;
  for (queue::HistoryEntry& entry : written.result.history) {
    entry.parked = true;
    entry.next_attempt = next_probe;
  }
}

OutcomeWriter::Written ParkUntried(queue::Envelope envelope, const Breaker& breaker,
                                   const OutboundPolicy& policy, absl::Time next_probe,
                                   absl::Time now) {
  OutcomeWriter::Written written;
  queue::AttemptFailure failure = breaker.failure;
  failure.at = now;
  failure.text = absl::StrCat("not tried, as TLS fails for the whole domain: ", failure.text);
  queue::HistoryEntry entry;
  entry.outcome = queue::Outcome::kDeferred;
  entry.tls = true;
  entry.parked = true;
  entry.message_id = envelope.id;
  entry.sender = envelope.sender;
  entry.domain = envelope.destination;
  entry.entry = policy.pattern;
  entry.entry_generation = policy.generation;
  entry.next_attempt = next_probe;
  entry.deadline = envelope.deadline;
  entry.mx = failure.mx;
  entry.address = failure.address;
  entry.stage = failure.stage;
  entry.reason = failure.reason;
  entry.detail = failure.text;
  for (queue::Recipient& recipient : envelope.recipients) {
    if (recipient.state != queue::RecipientState::kPending) continue;
    recipient.last_reply = failure.text;
    entry.recipients.push_back(recipient.address);
  }
  envelope.policy_digest = policy.Digest();
  envelope.last_failure = std::move(failure);
  written.result.history.push_back(std::move(entry));
  written.result.next_attempt = next_probe;
  written.result.park = true;
  written.result.attempted = false;
  written.result.envelope = std::move(envelope);
  return written;
}

std::optional<queue::AttemptFailure> FailureOf(const PingResult& result, absl::Time now) {
  const PingTarget* const target = Decisive(result);
  if (target == nullptr || !FailedForTls(*target)) return std::nullopt;
  return queue::AttemptFailure{.at = now,
                               .tls = true,
                               .stage = target->stage,
                               .reason = target->reason,
                               .mx = target->mx,
                               .address = target->address,
                               .text = TextOf(*target)};
}

queue::HistoryEntry EntryOfProbe(const PingResult& result, const OutboundPolicy& policy, int probes,
                                 uint64_t parked, absl::Time next_probe) {
  queue::HistoryEntry entry;
  entry.outcome = queue::Outcome::kDeferred;
  entry.domain = result.domain;
  entry.entry = policy.pattern;
  entry.entry_generation = policy.generation;
  entry.next_attempt = next_probe;
  entry.parked = true;
  std::string why = result.dns_failure;
  if (const PingTarget* const target = Decisive(result)) {
    entry.tls = FailedForTls(*target);
    entry.mx = target->mx;
    entry.address = target->address;
    entry.source_address = target->source;
    entry.stage = target->stage;
    if (entry.tls) entry.reason = target->reason;
    entry.tls_version = target->tls_version;
    entry.cipher = target->cipher;
    if (!target->certificate_fingerprint.empty()) {
      entry.certificate =
          absl::StrCat(target->certificate_subject, " SHA-256 ", target->certificate_fingerprint);
    }
    why = TextOf(*target);
  } else {
    const absl::string_view dns = smtp::StageName(smtp::Stage::kDns);
    entry.stage = std::string(dns.data(), dns.size());
  }
  entry.detail = absl::StrCat("probe ", probes, " of the domain, for ", parked,
                              parked == 1 ? " message that waits: " : " messages that wait: ", why);
  return entry;
}

}  // namespace sluice::relay
