// The shard's side of tls_reports.h: what it counts, and how a report gets into the queue.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/io/answer.h"
#include "engine/relay/outcome.h"
#include "engine/relay/shard.h"
#include "engine/relay/tls_session.h"

namespace sluice::relay {

std::unique_ptr<TlsReports> Shard::NewTlsReports(std::unique_ptr<tls::ClientContext> context) {
  if (settings_.tls_reports == nullptr) return nullptr;
  return std::make_unique<TlsReports>(core_, resolver_, spool_, *settings_.tls_reports,
                                      std::move(context), static_cast<TlsReportHost&>(*this),
                                      counters_);
}

void Shard::CountTlsSession(const TlsSession& session) {
  if (tls_reports_ == nullptr) return;
  const std::optional<CountedSession> counted = CountedSessionOf(session);
  if (counted.has_value()) tls_reports_->Count(session.target.host, *counted);
}

io::Task<absl::StatusOr<std::string>> Shard::QueueReport(std::string from, std::string to,
                                                         std::string message) {
  queue::NewMessage report;
  report.id = ids_.Next(spool_.Now());
  report.body = io::Body::Copy(message);
  queue::Envelope& envelope = report.envelopes.emplace_back();
  envelope.id = report.id;
  envelope.destination = DestinationOf(to.substr(to.rfind('@') + 1));
  envelope.sender = std::move(from);
  // Nobody is told when it cannot be delivered: that is no news for whoever reads reports (RFC 8460
  // §5.3), and not worth a notification that could itself come back.
  queue::Recipient& recipient = envelope.recipients.emplace_back();
  recipient.address = std::move(to);
  recipient.notify = "NEVER";
  envelope.tls_optional = true;  // as its header says
  envelope.accepted_at = spool_.Now();
  envelope.deadline =
      envelope.accepted_at + std::min(TlsReports::kMailLifetime, settings_.queue_lifetime);
  Attempt attempt{envelope, report.body};
  io::Answer<absl::Status> stored(core_);
  spool_.Accept(std::move(report), stored.Sender());
  const std::optional<absl::Status> answer =
      co_await stored.Wait(MonoTime::Never());  // the store answers everything it is asked
  if (!answer->ok()) co_return *answer;
  std::string id = attempt.envelope.id.ToString();
  Dispatch(std::move(attempt));
  co_return id;
}

}  // namespace sluice::relay
