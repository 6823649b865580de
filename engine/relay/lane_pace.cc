#include "engine/relay/lane_pace.h"

#include <algorithm>
#include <cmath>

#include "engine/base/check.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {
namespace {

constexpr int kClosing = 421;  // RFC 5321 §3.8
constexpr absl::Duration kRoomFor = absl::Minutes(1);
// Messages of each connection, before there is one more.
constexpr size_t kMessagesToGrow = 10;
// X.1.X of RFC 3463: addressing status, that of the sender's where it answers MAIL.
constexpr int kAddressing = 1;

bool IsClosing(const smtp::Failure& failure) {
  return failure.reply.has_value() && !failure.local && failure.reply->code == kClosing;
}

bool RefusesMail(const smtp::RecipientResult& recipient) {
  const smtp::Reply& reply = recipient.reply;
  return recipient.stage == smtp::Stage::kMail && !recipient.local && reply.transient() &&
         !(reply.status.has_value() && reply.status->subject == kAddressing);
}

}  // namespace

Trouble TroubleOf(const smtp::Failure& failure) {
  if (failure.tls_reason.has_value() || failure.local || failure.stage == smtp::Stage::kDns ||
      failure.kind == smtp::Failure::Kind::kPermanent) {
    return Trouble::kNone;
  }
  return failure.reply.has_value() && failure.reply->transient() ? Trouble::kTurnedAway
                                                                 : Trouble::kUnreachable;
}

Verdict VerdictOf(const smtp::SendResult& result) {
  if (result.failure.has_value()) {
    return IsClosing(*result.failure) ? Verdict::kRefused : Verdict::kNothing;
  }
  return std::any_of(result.recipients.begin(), result.recipients.end(), RefusesMail)
             ? Verdict::kRefused
             : Verdict::kCarried;
}

LanePace::Limits LanePace::LimitsOf(const Settings& settings, size_t share) {
  Limits limits;
  limits.connections = settings.lane_connections;
  limits.messages = settings.destination_rate;
  limits.connection_rate = settings.destination_connection_rate;
  limits.share = share;
  limits.longest_pause = std::min(limits.longest_pause, settings.retries->waits().front());
  limits.first_pause = std::min(limits.first_pause, limits.longest_pause);
  return limits;
}

LanePace::LanePace(const Limits& limits)
    : limits_(limits),
      connections_(limits.connections),
      messages_(limits.messages, limits.share),
      connection_rate_(limits.connection_rate, limits.share) {
  SLUICE_CHECK(limits.connections > 0);
}

MonoTime LanePace::NextConnection(MonoTime now) const {
  return std::max(paused_until_, connection_rate_.Next(now));
}

std::optional<double> LanePace::per_second() const {
  if (!limits_.messages.has_value()) return std::nullopt;
  return limits_.messages->per_second() / static_cast<double>(limits_.share);
}

size_t LanePace::Room(size_t most) const {
  const std::optional<double> rate = per_second();
  if (!rate.has_value()) return most;
  const double soon = std::ceil(*rate * absl::ToDoubleSeconds(kRoomFor));
  return soon >= static_cast<double>(most) ? most : static_cast<size_t>(soon);
}

void LanePace::Carried() {
  failed_rounds_ = 0;
  pause_ = absl::ZeroDuration();
  if (connections_ == limits_.connections || ++carried_ < kMessagesToGrow * connections_) return;
  carried_ = 0;
  ++connections_;
}

void LanePace::Reduce(size_t connections, MonoTime now) {
  connections_ = std::clamp<size_t>(connections, 1, connections_);
  carried_ = 0;
  ever_reduced_ = true;
  reduced_at_ = now;
}

void LanePace::Refused(MonoTime begun, MonoTime now, size_t in_use, size_t standing) {
  if (ever_reduced_ && begun <= reduced_at_) return;
  Reduce(std::max(standing, std::min(in_use, connections_) / 2), now);
}

LanePace::Round LanePace::RoundFailed(Trouble trouble, MonoTime begun, MonoTime now) {
  if (trouble == Trouble::kNone) return Round::kFailed;
  if (failed_rounds_ > 0 && begun < round_failed_at_) return Round::kKnown;
  ++failed_rounds_;
  round_failed_at_ = now;
  const bool turned_away = trouble == Trouble::kTurnedAway;
  if (failed_rounds_ == 1 && !turned_away) return Round::kFailed;
  Reduce(1, now);
  pause_ = pause_ == absl::ZeroDuration() ? limits_.first_pause
                                          : std::min(pause_ * 2, limits_.longest_pause);
  paused_until_ = now + pause_;
  return failed_rounds_ == 1 ? Round::kSparedPause : Round::kFailedPause;
}

bool LanePace::Forgettable(MonoTime now) const {
  // After so long a pause would begin anew.
  const bool untroubled =
      (failed_rounds_ == 0 && connections_ == limits_.connections) ||
      now >= std::max({paused_until_, reduced_at_, round_failed_at_}) + 2 * limits_.longest_pause;
  return untroubled && messages_.Full(now) && connection_rate_.Full(now);
}

}  // namespace sluice::relay
