#include "engine/relay/lane.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/relay/lane_carrier.h"
#include "engine/relay/outcome.h"
#include "engine/relay/sender_wish.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {
namespace {

// A further connection is opened when more than this many messages wait for each there is: a
// handshake costs more than a few messages over a connection that stands.
constexpr size_t kWaitingPerConnection = 4;

}  // namespace

Lane::Lane(LaneHost& host, HopTarget target, OutboundPolicy policy, std::shared_ptr<LanePace> pace)
    : host_(host),
      target_(std::move(target)),
      policy_(std::move(policy)),
      digest_(policy_.Digest()),
      identity_(IdentityOf(host.settings(), target_, policy_)),
      pace_(std::move(pace)),
      overflow_(host.core().Now(), pace_->per_second()),
      arrived_(host.core()),
      cleared_(host.core()) {}

Lane::~Lane() { SLUICE_CHECK(idle()); }

bool Lane::Offer(Attempt& attempt) {
  if (attempt.envelope.past_breaker) EndPause();
  if (backlog_.size() >= pace_->Room(host_.settings().lane_backlog)) return false;
  has_bodies_ |= attempt.body.has_value();
  backlog_.push_back(std::move(attempt));
  // One that waits takes one message; of a burst the others need further connections all the same.
  if (waiting_carriers_ > 0) arrived_.NotifyOne();
  AddCarrier();
  return true;
}

size_t Lane::TryNow(const queue::Selection& selection) {
  if (paused_carriers_ == 0) return 0;
  const auto wanted =
      std::count_if(backlog_.begin(), backlog_.end(), [&selection](const Attempt& attempt) {
        return IsSelected(attempt, selection);
      });
  if (wanted > 0) EndPause();
  return static_cast<size_t>(wanted);
}

std::vector<Attempt> Lane::Withdraw(const queue::Selection& selection) {
  const auto rest = std::stable_partition(
      backlog_.begin(), backlog_.end(),
      [&selection](const Attempt& attempt) { return !IsSelected(attempt, selection); });
  std::vector<Attempt> withdrawn(std::make_move_iterator(rest),
                                 std::make_move_iterator(backlog_.end()));
  backlog_.erase(rest, backlog_.end());
  overflow_.Left(withdrawn.size());
  // Carriers that wait for nothing now need not wait.
  if (backlog_.empty()) cleared_.NotifyAll();
  return withdrawn;
}

// Another lane to the same destination may have ended it already: its carriers are its own.
void Lane::EndPause() {
  const MonoTime now = host_.core().Now();
  pace_->Resume(now);
  if (paused_carriers_ == 0) return;
  overflow_.PauseEnded(now);
  cleared_.NotifyAll();
}

void Lane::AddCarrier() {
  if (draining_ || carriers_ >= pace_->connections()) return;
  if (backlog_.size() <= carriers_ * kWaitingPerConnection) return;
  ++carriers_;
  host_.core().Spawn(Carry());
}

MonoTime Lane::NextRoom() {
  const MonoTime now = host_.core().Now();
  return pace_->paused(now) ? overflow_.NextRoomAfterPause(pace_->paused_until(), backlog_.size())
                            : overflow_.NextRoom(now, backlog_.size());
}

size_t Lane::Load() const {
  const size_t most = host_.settings().lane_backlog;
  return backlog_.size() * most / pace_->Room(most);
}

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
  std::deque<Attempt> failed = std::exchange(backlog_, {});
  overflow_.Left(failed.size());
  for (Attempt& attempt : failed) Fail(std::move(attempt), report);
}

void Lane::RoundFailed(const AttemptReport& report, MonoTime begun, AtHand at_hand) {
  const MonoTime now = host_.core().Now();
  switch (pace_->RoundFailed(TroubleOf(*report.failure), begun, now)) {
    case LanePace::Round::kKnown:
      return;
    case LanePace::Round::kFailed:
      break;
    case LanePace::Round::kFailedPause:
      LogPause(report);
      break;
    case LanePace::Round::kSparedPause:
      LogPause(report);
      if (at_hand == AtHand::kConcluded) return;
      if (std::optional<Attempt> first = Take()) Fail(*std::move(first), report);
      return;
  }
  FailBacklog(report);
}

void Lane::LogPause(const AttemptReport& report) const {
  host_.counters().lane_pauses.Add();
  const absl::Duration pause = pace_->paused_until() - host_.core().Now();
  log::WarningSome("destination_paused", target_.name,
                   {{"destination", target_.name},
                    {"for", absl::FormatDuration(absl::Trunc(pause, absl::Milliseconds(1)))},
                    {"failed_rounds", pace_->failed_rounds()},
                    {"address", report.server->address.ToString()},
                    {"stage", smtp::StageName(report.failure->stage)},
                    {"detail", report.failure->detail},
                    {"waiting", backlog_.size()}});
}

void Lane::DropBodies() {
  if (!std::exchange(has_bodies_, false)) return;
  for (Attempt& attempt : backlog_) host_.DropBody(attempt);
}

void Lane::Drain() {
  draining_ = true;
  for (Attempt& attempt : std::exchange(backlog_, {})) host_.PutBack(std::move(attempt));
  arrived_.NotifyAll();
  cleared_.NotifyAll();
}

void Lane::Abort() {
  Drain();
  for (smtp::ClientSession* session : sessions_) session->Abort();
}

}  // namespace sluice::relay
