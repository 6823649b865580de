#include "engine/relay/lane_carrier.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/relay/sender_wish.h"
#include "engine/relay/tls_session.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {
namespace {

// For the next hops, and for what one of them announces.
constexpr absl::Duration kDnsTimeout = absl::Seconds(30);

}  // namespace

// A carrier waits for the pace, and the gauge says that its lane does.
class Lane::Waiting {
 public:
  Waiting(size_t& carriers, Gauge& lanes) : carriers_(carriers), lanes_(lanes) {
    if (carriers_++ == 0) lanes_.Add(1);
  }
  ~Waiting() {
    if (--carriers_ == 0) lanes_.Subtract(1);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  size_t& carriers_;
  Gauge& lanes_;
};

io::Task<void> Lane::Carrier::Run() {
  while (true) {
    const bool cleared = co_await Clearance();
    if (!cleared) break;
    begun_ = host_.core().Now();
    const auto opening = lane_.opening_.insert(begun_);
    co_await FindHops();
    const bool opened = co_await OpenNext();
    lane_.opening_.erase(opening);
    if (opened) {
      const bool go_on = co_await SendWaiting();
      co_await CloseSession();
      if (go_on) continue;
      SLUICE_CHECK(!held_.has_value());
      hops_ = NextHops();
      if (turned_away_ && lane_.NoneStands(begun_)) {
        lane_.RoundFailed(Report(), begun_, AtHand::kConcluded);
      }
      continue;
    }
    if (lane_.draining_) break;
    if (held_.has_value()) {
      lane_.Fail(*std::exchange(held_, std::nullopt), Report());
      continue;
    }
    if (lane_.NoneStands(begun_)) {
      lane_.RoundFailed(Report(), begun_, AtHand::kWaits);
      continue;
    }
    // Others of this lane have sessions, or may yet: the server only wants no more of them.
    if (TroubleOf(*failure_) != Trouble::kNone) {
      lane_.pace_->Refused(begun_, host_.core().Now(), lane_.carriers_, lane_.open_sessions_);
    }
    break;
  }
  if (held_.has_value()) host_.PutBack(*std::exchange(held_, std::nullopt));
}

io::Task<bool> Lane::Carrier::Clearance() {
  LanePace& pace = *lane_.pace_;
  while (!lane_.draining_) {
    // Who holds a message goes on with it; of the others as many as there may be connections.
    const bool needed = !lane_.backlog_.empty() && lane_.carriers_ <= pace.connections();
    if (!held_.has_value() && !needed) co_return false;
    const MonoTime now = host_.core().Now();
    const bool takes_message = !held_.has_value() && !may_send_;
    MonoTime next = pace.NextConnection(now);
    if (takes_message) next = std::max(next, pace.NextMessage(now));
    if (next <= now) {
      pace.TakeConnection(now);
      // In advance, so that no more connections are opened than messages may be sent.
      if (takes_message) pace.TakeMessage(now);
      may_send_ = may_send_ || takes_message;
      co_return true;
    }
    const bool paused = pace.paused(now);
    const Waiting waiting(
        paused ? lane_.paused_carriers_ : lane_.limited_carriers_,
        paused ? host_.counters().lanes_paused : host_.counters().lanes_rate_limited);
    co_await lane_.cleared_.Wait(next);
  }
  co_return false;
}

io::Task<void> Lane::Carrier::FindHops() {
  if (held_.has_value() && next_ < hops_.addresses.size()) co_return;
  const MonoTime asked = host_.core().Now();
  hops_ = co_await FindNextHops(host_.core(), host_.resolver(), lane_.target_, asked + kDnsTimeout);
  host_.counters().outbound.of(smtp::Stage::kDns).Observe(host_.core().Now() - asked);
  if (hops_.failure.has_value()) Count(*hops_.failure);
  mta_sts_ = sts::Finding();
  if (!hops_.failure.has_value()) mta_sts_ = co_await FindMtaSts(host_.mta_sts(), lane_.target_);
  next_ = 0;
  failure_ = hops_.failure;
  all_for_tls_ = !hops_.failure.has_value() && hops_.unresolved.empty();
  server_.reset();
}

AttemptReport Lane::Carrier::Report() const {
  AttemptReport report;
  report.policy = lane_.policy_;
  report.server = server_;
  report.failure = failure_;
  report.tls_failed_everywhere = all_for_tls_;
  return report;
}

AddressTried Lane::Carrier::Tried(const HopAddress& hop) const {
  AddressTried tried;
  tried.host = hop.host;
  tried.address = hop.address;
  if (const auto source = lane_.identity_.source.For(hop.address)) tried.source = source->ip();
  if (session_ != nullptr) tried.facts = session_->facts();
  tried.decided_by = decided_by_;
  tried.authenticated = authenticated_;
  return tried;
}

io::Task<bool> Lane::Carrier::OpenNext() {
  while (next_ < hops_.addresses.size() && !lane_.draining_) {
    const HopAddress hop = hops_.addresses[next_++];
    std::optional<smtp::Failure> failed = co_await OpenAt(hop);
    if (!failed.has_value()) {
      host_.counters().outbound_connections.Add();
      ++lane_.open_sessions_;
      opened_ = host_.core().Now();
      turned_away_ = false;
      all_for_tls_ = false;
      server_ = Tried(hop);
      co_return true;
    }
    Count(*failed);
    host_.counters().outbound_failed.Add();
    RememberFailure(hop, *std::move(failed));
    session_.reset();
  }
  co_return false;
}

// A failure of TLS decides over any other: it is what the administrator has to hear of, and the one
// that says that mail waits because of policy. Among equals the last one does.
void Lane::Carrier::RememberFailure(const HopAddress& hop, smtp::Failure failure) {
  const std::string address = hop.address.ToString();
  log::InfoSome("connection_failed", address,
                {{"domain", lane_.target_.name},
                 {"host", hop.host},
                 {"address", address},
                 {"stage", smtp::StageName(failure.stage)},
                 {"reason", failure.tls_reason.has_value() ? tls::ReasonName(*failure.tls_reason)
                                                           : absl::string_view()},
                 {"detail", failure.detail}});
  all_for_tls_ = all_for_tls_ && failure.tls_reason.has_value();
  const bool decided_by_tls = failure_.has_value() && failure_->tls_reason.has_value();
  if (decided_by_tls && !failure.tls_reason.has_value()) return;
  // One address that may do better tomorrow is enough to keep the mail, or one that may be found
  // then.
  const bool waits = failure_.has_value() && failure_->kind == smtp::Failure::Kind::kTransient;
  if (hops_.may_come || waits) {
    failure.kind = smtp::Failure::Kind::kTransient;
  }
  failure_ = std::move(failure);
  server_ = Tried(hop);
}

io::Task<std::optional<smtp::Failure>> Lane::Carrier::TryOpen(io::SocketAddress address,
                                                              smtp::TlsUse use) {
  session_ = std::make_unique<smtp::ClientSession>(host_.core(), host_.client_options(),
                                                   &host_.counters().outbound);
  smtp::ClientSession* const session = session_.get();
  lane_.sessions_.insert(session);
  io::ConnectOptions to;
  to.remote = address;
  to.source = lane_.identity_.source.For(address);
  std::optional<smtp::Failure> failed =
      co_await session->Open(to, std::move(use), host_.client_context());
  lane_.sessions_.erase(session);
  if (failed.has_value()) lane_.identity_.Explain(address, *failed);
  co_return failed;
}

io::Task<std::optional<smtp::Failure>> Lane::Carrier::TryAsDemanded(io::SocketAddress address,
                                                                    HopDemand demand) {
  if (!demand.unfit.has_value()) demand.unfit = lane_.identity_.Missing(host_.client_context());
  if (demand.unfit.has_value()) {
    session_.reset();
    co_return demand.unfit;
  }
  demand.peer.client_certificate = lane_.identity_.client_certificate;
  smtp::TlsUse use =
      demand.mandatory ? smtp::TlsUse::Must(demand.peer) : smtp::TlsUse::May(demand.peer);
  std::optional<smtp::Failure> failed = co_await TryOpen(address, std::move(use));
  if (!failed.has_value()) {
    failed = Unmet(lane_.policy_, session_->facts());
    if (failed.has_value()) co_await session_->Quit();
  }
  const bool tls_failed = failed.has_value() && failed->tls_reason.has_value();
  authenticated_ = demand.peer.authenticates() && session_->facts().tls.has_value() && !tls_failed;
  co_return failed;
}

void Lane::Carrier::CountTls(const HopAddress& hop, const DaneFinding& dane,
                             const std::optional<smtp::Failure>& failed) {
  // Reports themselves are such mail (RFC 8460 §3); what the domain publishes was not applied to it.
  if (lane_.policy_.tls_optional) return;
  const smtp::SessionFacts* const facts = session_ == nullptr ? nullptr : &session_->facts();
  host_.CountTlsSession({lane_.target_, hop, dane, mta_sts_, facts, failed});
}

io::Task<std::optional<smtp::Failure>> Lane::Carrier::OpenAt(HopAddress hop) {
  using Force = OutboundPolicy::Force;
  would_fail_.reset();
  authenticated_ = false;
  const MonoTime dns_deadline = host_.core().Now() + kDnsTimeout;
  const DaneFinding dane =
      co_await FindDane(host_.core(), host_.resolver(), hop.dane, hop.address.port(), dns_deadline);
  const HopPolicy policy = HopPolicyOf(lane_.policy_, hop.host, dane, mta_sts_.in_force());
  decided_by_ = policy.decided_by;
  if ((SLUICE_PLANTED_BUG(PlaintextOnSecondMx) && next_ > 1) ||
      (SLUICE_PLANTED_BUG(PolicyByMxName) && host_.PolicyFor(hop.host).force == Force::kMay)) {
    co_return co_await TryOpen(hop.address, smtp::TlsUse::May(policy.demand.peer));
  }
  if (policy.monitored.has_value()) {
    std::optional<smtp::Failure> failed = co_await TryAsDemanded(hop.address, *policy.monitored);
    CountTls(hop, dane, failed);
    if (!failed.has_value() || !failed->tls_reason.has_value()) co_return failed;
    host_.counters().tls_would_defer.Add();
    would_fail_ = std::move(failed);
  }
  std::optional<smtp::Failure> failed = co_await TryAsDemanded(hop.address, policy.demand);
  if (!policy.monitored.has_value()) CountTls(hop, dane, failed);
  // The end of it where TLS is mandatory, whatever the failure was: nothing below is for that.
  if (policy.demand.mandatory || !failed.has_value() || !failed->tls_reason.has_value()) {
    co_return failed;
  }
  SLUICE_CHECK(lane_.policy_.force != Force::kMust);
  // On no entry: what cannot be had encrypted goes as it would have gone without us.
  const std::string address = hop.address.ToString();
  log::InfoSome(
      "in_clear", address,
      {{"host", hop.host}, {"address", address}, {"reason", tls::ReasonName(*failed->tls_reason)}});
  co_return co_await TryOpen(hop.address, smtp::TlsUse::Never());
}

io::Task<void> Lane::Carrier::CloseSession() {
  --lane_.open_sessions_;
  co_await session_->Quit();
  session_.reset();
}

// What to send next: waits for it, and for its turn, as long as an idle connection is kept.
io::Task<std::optional<Attempt>> Lane::Carrier::NextAttempt() {
  if (held_.has_value()) co_return std::exchange(held_, std::nullopt);
  const Settings& settings = host_.settings();
  const MonoTime until = std::min(host_.core().Now() + settings.connection_idle_timeout,
                                  opened_ + settings.connection_max_age);
  while (!lane_.draining_) {
    const MonoTime now = host_.core().Now();
    const MonoTime next = may_send_ ? now : lane_.pace_->NextMessage(now);
    if (lane_.backlog_.empty() && now < until) {
      ++lane_.waiting_carriers_;
      co_await lane_.arrived_.Wait(until);
      --lane_.waiting_carriers_;
      continue;
    }
    if (next <= now) {
      std::optional<Attempt> attempt = lane_.Take();
      if (attempt.has_value() && !std::exchange(may_send_, false)) lane_.pace_->TakeMessage(now);
      if (attempt.has_value() || now >= until) co_return attempt;
      continue;
    }
    if (next > until) break;
    const Waiting waiting(lane_.limited_carriers_, host_.counters().lanes_rate_limited);
    co_await lane_.cleared_.Wait(next);
  }
  co_return std::nullopt;
}

bool Lane::Carrier::MayCarryOn(int sent_messages) const {
  if (!session_->reusable()) return false;
  if (sent_messages == 0) return true;
  const Settings& settings = host_.settings();
  return sent_messages < settings.connection_messages &&
         host_.core().Now() - opened_ < settings.connection_max_age &&
         lane_.open_sessions_ <= lane_.pace_->connections();
}

bool Lane::Carrier::Heed(const smtp::SendResult& result, MonoTime begun, bool first_message) {
  switch (VerdictOf(result)) {
    case Verdict::kCarried:
      lane_.pace_->Carried();
      lane_.AddCarrier();
      return true;
    case Verdict::kNothing:
      return true;
    case Verdict::kRefused:
      break;
  }
  lane_.pace_->Refused(begun, host_.core().Now(), lane_.open_sessions_, /*standing=*/0);
  // What is said to RCPT, and later, may be about the message.
  return !(first_message && result.failure.has_value() &&
           result.failure->stage == smtp::Stage::kMail);
}

io::Task<bool> Lane::Carrier::SendWaiting() {
  for (int sent_messages = 0; MayCarryOn(sent_messages); ++sent_messages) {
    std::optional<Attempt> attempt = co_await NextAttempt();
    if (!attempt.has_value()) co_return false;
    const bool loaded = co_await host_.LoadBody(*attempt);
    if (!loaded) {
      host_.PutBack(*std::move(attempt));
      continue;
    }
    // Loading may have taken a while: the list is asked again, with nothing awaited between this
    // and the MAIL FROM.
    if (!lane_.StillOurs(*attempt)) {
      host_.Redirect(*std::move(attempt));
      continue;
    }
    // The connection was opened under another policy of the domain's own: not over this one.
    if (!IsStillKnown(mta_sts_, host_.mta_sts(), lane_.target_)) {
      held_ = std::move(attempt);
      next_ = hops_.addresses.size();  // and everything is looked up anew
      co_return true;
    }
    const MonoTime begun = host_.core().Now();
    const smtp::OutgoingMessage message = OutgoingOf(attempt->envelope);
    lane_.sessions_.insert(session_.get());
    smtp::SendResult result = co_await session_->Send(message, *attempt->body);
    lane_.sessions_.erase(session_.get());
    if (result.stale_connection) {
      held_ = std::move(attempt);
      next_ = 0;
      all_for_tls_ = hops_.unresolved.empty();
      co_return true;
    }
    turned_away_ = !Heed(result, begun, sent_messages == 0);
    if (TryElsewhere(result) && next_ < hops_.addresses.size()) {
      held_ = std::move(attempt);
      co_return true;
    }
    if (turned_away_) failure_ = result.failure;
    AttemptReport report = Report();
    report.policy = lane_.PolicyOf(*attempt);
    report.failure.reset();
    report.would_fail = would_fail_;
    report.sent = std::move(result);
    host_.Conclude(*std::move(attempt), report);
  }
  co_return false;
}

}  // namespace sluice::relay
