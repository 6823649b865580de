#include "engine/relay/lane.h"

#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/relay/dane.h"
#include "engine/relay/hop_policy.h"
#include "engine/relay/outcome.h"
#include "engine/relay/sender_wish.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {
namespace {

// A further connection is opened when more than this many messages wait for each there is: a
// handshake costs more than a few messages over a connection that stands.
constexpr size_t kWaitingPerConnection = 4;

// For the next hops, and for what one of them announces.
constexpr absl::Duration kDnsTimeout = absl::Seconds(30);

}  // namespace

// One connection at a time: found, opened, used, closed.
class Lane::Carrier {
 public:
  explicit Carrier(Lane& lane) : lane_(lane), host_(lane.host_) {}

  io::Task<void> Run();

 private:
  // Opens a session to the first address from `next_` on that will have one.
  io::Task<bool> OpenNext();
  // One address, as far as the policy insists or allows.
  io::Task<std::optional<smtp::Failure>> OpenAt(HopAddress hop);
  io::Task<std::optional<smtp::Failure>> TryAsDemanded(io::SocketAddress address, HopDemand demand);
  io::Task<std::optional<smtp::Failure>> TryOpen(io::SocketAddress address, smtp::TlsUse use);
  // Sends what waits over the session. True when a message is held that the next address is to try.
  io::Task<bool> SendWaiting();
  io::Task<std::optional<Attempt>> NextAttempt();
  io::Task<void> CloseSession();
  void Count(const smtp::Failure& failure) {
    host_.counters().failures_by_reason[FailureIndex(failure)].Add();
  }
  void RememberFailure(const HopAddress& hop, smtp::Failure failure);
  AttemptReport Report() const;
  // What OpenAt came to.
  AddressTried Tried(const HopAddress& hop) const;

  Lane& lane_;
  LaneHost& host_;
  NextHops hops_;
  sts::Finding mta_sts_;  // of the domain
  size_t next_ = 0;       // of hops_.addresses
  std::unique_ptr<smtp::ClientSession> session_;
  std::optional<AddressTried> server_;       // of the session, or of failure_
  std::string decided_by_;                   // of what OpenAt tried last
  bool authenticated_ = false;               // of the session: AddressTried has it
  std::optional<smtp::Failure> failure_;     // the one that decides when no address is left
  bool all_for_tls_ = false;                 // each address that was tried failed for TLS
  std::optional<smtp::Failure> would_fail_;  // monitor: of the session
  std::optional<Attempt> held_;              // goes on to the next address
};

Lane::Lane(LaneHost& host, HopTarget target, OutboundPolicy policy)
    : host_(host),
      target_(std::move(target)),
      policy_(std::move(policy)),
      digest_(policy_.Digest()),
      identity_(IdentityOf(host.settings(), target_, policy_)),
      overflow_(host.core().Now()),
      arrived_(host.core()) {}

Lane::~Lane() { SLUICE_CHECK(idle()); }

bool Lane::Offer(Attempt& attempt) {
  if (backlog_.size() >= host_.settings().lane_backlog) return false;
  has_bodies_ |= attempt.body.has_value();
  backlog_.push_back(std::move(attempt));
  // One that waits takes one message; of a burst the others need further connections all the same.
  if (waiting_carriers_ > 0) arrived_.NotifyOne();
  if (carriers_ < host_.settings().lane_connections &&
      backlog_.size() > carriers_ * kWaitingPerConnection) {
    ++carriers_;
    host_.core().Spawn(Carry());
  }
  return true;
}

MonoTime Lane::NextRoom() { return overflow_.NextRoom(host_.core().Now(), backlog_.size()); }

io::Task<void> Lane::Carry() {
  Carrier carrier(*this);
  co_await carrier.Run();
  --carriers_;
}

std::optional<Attempt> Lane::Take() {
  while (!backlog_.empty() && !draining_) {
    Attempt attempt = std::move(backlog_.front());
    backlog_.pop_front();
    overflow_.Left();
    if (StillOurs(attempt)) return attempt;
    host_.Redirect(std::move(attempt));
  }
  return std::nullopt;
}

OutboundPolicy Lane::PolicyOf(const Attempt& attempt) const {
  return WithWishOf(attempt.envelope, host_.PolicyFor(attempt.envelope.destination));
}

bool Lane::StillOurs(const Attempt& attempt) const {
  return PolicyOf(attempt).Digest() == digest_ || SLUICE_PLANTED_BUG(PolicyFromBeforeReload);
}

// As an attempt under the message's own entry; where another policy holds for it by now, not at
// all.
void Lane::Fail(Attempt attempt, AttemptReport report) {
  report.policy = PolicyOf(attempt);
  if (report.policy.Digest() == digest_) {
    host_.Conclude(std::move(attempt), report);
  } else {
    host_.Redirect(std::move(attempt));
  }
}

void Lane::FailBacklog(const AttemptReport& report) {
  // What arrives meanwhile is another round's.
  for (Attempt& attempt : std::exchange(backlog_, {})) Fail(std::move(attempt), report);
}

void Lane::DropBodies() {
  if (!std::exchange(has_bodies_, false)) return;
  for (Attempt& attempt : backlog_) host_.DropBody(attempt);
}

void Lane::Drain() {
  draining_ = true;
  for (Attempt& attempt : std::exchange(backlog_, {})) host_.PutBack(std::move(attempt));
  arrived_.NotifyAll();
}

void Lane::Abort() {
  Drain();
  for (smtp::ClientSession* session : sessions_) session->Abort();
}

io::Task<void> Lane::Carrier::Run() {
  while (!lane_.draining_ && (held_.has_value() || !lane_.backlog_.empty())) {
    if (!held_.has_value() || next_ >= hops_.addresses.size()) {
      const MonoTime asked = host_.core().Now();
      hops_ =
          co_await FindNextHops(host_.core(), host_.resolver(), lane_.target_, asked + kDnsTimeout);
      host_.counters().outbound.of(smtp::Stage::kDns).Observe(host_.core().Now() - asked);
      if (hops_.failure.has_value()) Count(*hops_.failure);
      mta_sts_ = sts::Finding();
      if (!hops_.failure.has_value()) mta_sts_ = co_await FindMtaSts(host_.mta_sts(), lane_.target_);
      next_ = 0;
      failure_ = hops_.failure;
      all_for_tls_ = !hops_.failure.has_value() && hops_.unresolved.empty();
      server_.reset();
    }
    const bool opened = co_await OpenNext();
    if (opened) {
      const bool go_on = co_await SendWaiting();
      co_await CloseSession();
      if (go_on) continue;
      SLUICE_CHECK(!held_.has_value());
      hops_ = NextHops();
      continue;
    }
    if (lane_.draining_) break;
    if (held_.has_value()) {
      lane_.Fail(*std::exchange(held_, std::nullopt), Report());
      continue;
    }
    // Others of this lane have sessions: the server only wants no more of them.
    if (lane_.open_sessions_ > 0) break;
    lane_.FailBacklog(Report());
  }
  if (held_.has_value()) host_.PutBack(*std::exchange(held_, std::nullopt));
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
    if (!failed.has_value() || !failed->tls_reason.has_value()) co_return failed;
    host_.counters().tls_would_defer.Add();
    would_fail_ = std::move(failed);
  }
  std::optional<smtp::Failure> failed = co_await TryAsDemanded(hop.address, policy.demand);
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

// What to send next: waits for it as long as an idle connection is kept.
io::Task<std::optional<Attempt>> Lane::Carrier::NextAttempt() {
  if (held_.has_value()) co_return std::exchange(held_, std::nullopt);
  std::optional<Attempt> attempt = lane_.Take();
  if (attempt.has_value() || lane_.draining_) co_return attempt;
  ++lane_.waiting_carriers_;
  const MonoTime until = host_.core().Now() + host_.settings().connection_idle_timeout;
  co_await lane_.arrived_.Wait(until);
  --lane_.waiting_carriers_;
  co_return lane_.Take();
}

io::Task<bool> Lane::Carrier::SendWaiting() {
  for (int sent_messages = 0;
       session_->reusable() && sent_messages < host_.settings().connection_messages;
       ++sent_messages) {
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
    if (TryElsewhere(result) && next_ < hops_.addresses.size()) {
      held_ = std::move(attempt);
      co_return true;
    }
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
