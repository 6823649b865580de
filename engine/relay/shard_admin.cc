// The shard's side of what people ask for: orders about mail, pings, figures.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "engine/relay/ping.h"
#include "engine/relay/shard.h"

namespace sluice::relay {

Shard::PaceNow Shard::PaceOf(absl::string_view destination) const {
  const HopTarget target =
      HopTargetOf(settings_.routes, destination, settings_.smtp_port, settings_.hostname);
  const auto found = paces_.find(target.name);
  if (found == paces_.end()) return {};
  const LanePace& pace = *found->second;
  const MonoTime now = core_.Now();
  PaceNow state;
  if (pace.paused(now)) state.paused_until = spool_.Now() + (pace.paused_until() - now);
  state.rate_limited = pace.NextMessage(now) > now;
  return state;
}

size_t Shard::TryNow(const queue::Selection& selection) {
  size_t waited = 0;
  for (const auto& [key, lane] : lanes_) waited += lane->TryNow(selection);
  return waited;
}

void Shard::Withdraw(const queue::Selection& selection,
                     absl::AnyInvocable<void(bool) &&> done) {
  // By the last that holds on to it.
  struct Telling {
    explicit Telling(absl::AnyInvocable<void(bool) &&> tell) : done(std::move(tell)) {}
    ~Telling() { std::move(done)(true); }
    absl::AnyInvocable<void(bool) &&> done;
  };
  const auto telling = std::make_shared<Telling>(std::move(done));
  for (const auto& [key, lane] : lanes_) {
    for (Attempt& attempt : lane->Withdraw(selection)) {
      PutBackFor(std::move(attempt), kPutBackFor, [telling] {});
    }
  }
}

void Shard::Return(queue::Envelope envelope, queue::Reason reason,
                   absl::AnyInvocable<void(bool) &&> done) {
  core_.Spawn(RecordReturn(writer_.OfReturn(std::move(envelope), reason, spool_.Now()),
                           std::move(done)));
}

io::Task<void> Shard::RecordReturn(OutcomeWriter::Written written,
                                   absl::AnyInvocable<void(bool) &&> done) {
  co_await Record(std::move(written), std::nullopt);
  std::move(done)(true);
}

void Shard::Ping(PingOrder order, MonoTime deadline,
                 absl::AnyInvocable<void(PingResult) &&> done) {
  core_.Spawn(RunPing(std::move(order), deadline, std::move(done)));
}

io::Task<void> Shard::RunPing(PingOrder order, MonoTime deadline,
                              absl::AnyInvocable<void(PingResult) &&> done) {
  PingResult result = co_await PingDomain(*this, std::move(order), deadline);
  std::move(done)(std::move(result));
}

CoreStatus Shard::StatusOfCore() const {
  CoreStatus status;
  status.core = core_.index();
  status.connections = counters_.connections.value();
  status.sessions = status.connections - counters_.sessions_ended.value();
  status.connections_refused = counters_.connections_refused.value();
  status.handshakes = counters_.handshakes.value();
  status.handshakes_resumed = counters_.handshakes_resumed.value();
  status.handshakes_failed = counters_.handshakes_failed.value();
  status.messages_accepted = counters_.messages_accepted.value();
  status.messages_refused = counters_.messages_refused.value();
  status.tls_required = counters_.tls_required.value();
  status.tls_would_be_required = counters_.tls_would_be_required.value();
  status.outbound_connections = counters_.outbound_connections.value();
  status.outbound_failed = counters_.outbound_failed.value();
  status.delivered = counters_.delivered.value();
  status.deferred = counters_.deferred.value();
  status.tls_deferred = counters_.tls_deferred.value();
  status.tls_would_defer = counters_.tls_would_defer.value();
  status.failed = counters_.failed.value();
  status.expired = counters_.expired.value();
  status.breakers_open = counters_.breakers_open.value();
  status.breakers_opened = counters_.breakers_opened.value();
  status.parked = counters_.parked.value();
  status.released = counters_.released.value();
  status.probes = counters_.probes.value();
  status.probes_failed = counters_.probes_failed.value();
  status.stripping_suspected = counters_.stripping_suspected.value();
  status.lanes_paused = counters_.lanes_paused.value();
  status.lanes_rate_limited = counters_.lanes_rate_limited.value();
  status.lane_pauses = counters_.lane_pauses.value();
  status.tls_reports_sent = counters_.tls_reports_sent.value();
  status.tls_reports_failed = counters_.tls_reports_failed.value();
  status.tls_sessions_unreported = counters_.tls_sessions_unreported.value();
  status.deleted_tls_policy = counters_.deleted_tls_policy.value();
  status.bodies_in_bytes = body_budget_.used();
  status.bodies_out_bytes = counters_.kept_body_bytes.value();
  for (size_t i = 0; i < kFailureWords; ++i) {
    const uint64_t count = counters_.failures_by_reason[i].value();
    if (count > 0) status.failures[FailureWord(i)] = count;
  }
  for (size_t i = 0; i < tls::kReasons; ++i) {
    const uint64_t count = counters_.handshakes_failed_by_reason[i].value();
    if (count == 0) continue;
    const absl::string_view word = tls::ReasonName(static_cast<tls::Reason>(i));
    status.handshake_failures[std::string(word.data(), word.size())] = count;
  }
  status.times = ReadTimes(counters_);
  return status;
}

}  // namespace sluice::relay
