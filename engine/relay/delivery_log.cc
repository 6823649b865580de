#include "engine/relay/delivery_log.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "engine/base/log.h"
#include "queue/history.h"
#include "tls/failure.h"

namespace sluice::relay {
namespace {

constexpr size_t kMostAddresses = 5;

const char* OutcomeName(queue::Outcome outcome) {
  return outcome == queue::Outcome::kDelivered ? "delivered"
         : outcome == queue::Outcome::kFailed  ? "failed"
                                               : "deferred";
}

// One entry of the history for each outcome that there was.
struct ByOutcome {
  explicit ByOutcome(const std::vector<queue::HistoryEntry>& history) {
    for (const queue::HistoryEntry& entry : history) {
      (entry.outcome == queue::Outcome::kDelivered ? delivered
       : entry.outcome == queue::Outcome::kFailed  ? failed
                                                   : deferred) = &entry;
      for (const std::string& address : entry.recipients) {
        if (++addresses <= kMostAddresses) {
          absl::StrAppend(&to, to.empty() ? "" : ",", address);
        }
      }
    }
    if (addresses > kMostAddresses) absl::StrAppend(&to, ",...");
  }
  const queue::HistoryEntry* worst() const {
    return deferred != nullptr ? deferred : failed != nullptr ? failed : delivered;
  }
  static size_t Count(const queue::HistoryEntry* entry) {
    return entry == nullptr ? 0 : entry->recipients.size();
  }

  const queue::HistoryEntry* delivered = nullptr;
  const queue::HistoryEntry* deferred = nullptr;
  const queue::HistoryEntry* failed = nullptr;
  size_t addresses = 0;
  std::string to;
};

}  // namespace

std::string TlsVerdict(const AttemptReport& report) {
  if (report.failure.has_value() && report.failure->tls_reason.has_value()) {
    return absl::StrCat("failed:", tls::ReasonName(*report.failure->tls_reason));
  }
  const smtp::SessionFacts* const facts =
      report.server.has_value() ? &report.server->facts : nullptr;
  if (facts == nullptr) return "none";
  if (facts->tls.has_value()) return report.server->authenticated ? "verified" : "encrypted";
  return report.sent.has_value() ? "plain" : "none";
}

void LogDelivery(const OutcomeWriter::Written& written, const AttemptReport& report,
                 absl::Time now) {
  if (!log::Enabled(log::Level::kInfo)) return;
  const ByOutcome by_outcome(written.result.history);
  const queue::HistoryEntry* const entry = by_outcome.worst();
  if (entry == nullptr) return;  // nothing was pending
  log::Info("delivery",
            {{"id", written.result.envelope.id.ToString()},
             {"from", entry->sender},
             {"to", by_outcome.to},
             {"domain", entry->domain},
             {"mx", entry->mx},
             {"address", entry->address},
             {"source", entry->source_address},
             {"tls", entry->tls_version},
             {"cipher", entry->cipher},
             {"verdict", TlsVerdict(report)},
             {"entry", entry->entry},
             {"decided_by", report.server.has_value() ? report.server->decided_by : ""},
             {"stage", entry->stage},
             {"outcome", OutcomeName(entry->outcome)},
             {"delivered", ByOutcome::Count(by_outcome.delivered)},
             {"deferred", ByOutcome::Count(by_outcome.deferred)},
             {"failed", ByOutcome::Count(by_outcome.failed)},
             {"delay_ms", absl::ToInt64Milliseconds(now - written.result.envelope.accepted_at)},
             {"reply", entry->detail}});
}

}  // namespace sluice::relay
