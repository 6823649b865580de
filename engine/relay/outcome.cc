#include "engine/relay/outcome.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/planted_bug.h"
#include "engine/smtp/dsn_parameters.h"
#include "engine/smtp/stage.h"
#include "policy/domain_name.h"

namespace sluice::relay {
namespace {

using queue::RecipientState;
using RecipientOutcome = smtp::RecipientResult::Outcome;

// A notice that could not be made is tried again after this.
constexpr absl::Duration kLeastPause = absl::Seconds(5);
// What a stranger's reply may fill in a row that is kept for a week.
constexpr size_t kMostReply = 1000;

std::string Bounded(std::string text) {
  if (text.size() > kMostReply) text.resize(kMostReply);
  return text;
}

std::string ReasonOf(const std::optional<tls::Reason>& reason) {
  if (!reason.has_value()) return "";
  const absl::string_view name = tls::ReasonName(*reason);
  return std::string(name.data(), name.size());
}

std::string StageOf(smtp::Stage stage) {
  const absl::string_view name = smtp::StageName(stage);
  return std::string(name.data(), name.size());
}

std::string TextOf(const smtp::Failure& failure) {
  return Bounded(failure.reply.has_value()
                     ? absl::StrCat(failure.reply->ToString(), " (", failure.detail, ")")
                     : failure.detail);
}

// One recipient's share of the attempt, whichever way it went.
struct Share {
  RecipientOutcome outcome = RecipientOutcome::kDeferred;
  std::string stage;
  std::string reason;
  std::string text;
  std::optional<smtp::Reply> reply;
  bool reply_is_local = false;  // made up here, not the server's words
  std::optional<tls::Reason> tls_reason;
};

Share ShareOf(const AttemptReport& report, size_t pending_index) {
  Share share;
  if (report.failure.has_value()) {
    const smtp::Failure& failure = *report.failure;
    // A failure of TLS never bounces mail at once, whatever the server said to STARTTLS.
    const bool permanent =
        (failure.kind == smtp::Failure::Kind::kPermanent && !failure.tls_reason.has_value()) ||
        (SLUICE_PLANTED_BUG(RefusedStartTlsBounces) && failure.tls_reason == tls::Reason::kRefused);
    share.outcome = permanent ? RecipientOutcome::kFailed : RecipientOutcome::kDeferred;
    share.stage = StageOf(failure.stage);
    share.reason = ReasonOf(failure.tls_reason);
    share.text = TextOf(failure);
    share.reply = failure.reply;
    share.reply_is_local = failure.local || failure.stage == smtp::Stage::kDns;
    share.tls_reason = failure.tls_reason;
    return share;
  }
  SLUICE_CHECK(report.sent.has_value() && pending_index < report.sent->recipients.size());
  const smtp::RecipientResult& result = report.sent->recipients[pending_index];
  share.outcome = result.outcome;
  share.stage = StageOf(result.stage);
  share.text = Bounded(result.reply.ToString());
  share.reply = result.reply;
  share.reply_is_local = result.local;
  return share;
}

absl::string_view DomainOf(absl::string_view address) {
  const size_t at = address.rfind('@');
  return at == absl::string_view::npos ? "" : address.substr(at + 1);
}

// Whether there is somewhere to send a notification to: not for the null sender, and not where the
// domain is none. A notification that the queue refuses would keep the message it is about.
bool CanBeTold(absl::string_view sender) {
  return queue::CheckDestination(DestinationOf(DomainOf(sender))).ok();
}

// The server that took the mail was told what its sender wants to hear.
bool PassedOnWishes(const AttemptReport& report) {
  return report.server.has_value() && report.server->facts.capabilities.dsn;
}

smtp::DsnRecipient Reported(const queue::Recipient& recipient, const std::string& mx,
                            const Share& share, absl::Time now) {
  smtp::DsnRecipient result = DsnRecipientOf(recipient);
  result.remote_mta = mx;
  result.reply = share.reply;
  result.reply_is_local = share.reply_is_local;
  result.detail = share.text;
  result.last_attempt = now;
  return result;
}

queue::Outcome HistoryOutcome(RecipientOutcome outcome) {
  switch (outcome) {
    case RecipientOutcome::kDelivered:
      return queue::Outcome::kDelivered;
    case RecipientOutcome::kDeferred:
      return queue::Outcome::kDeferred;
    case RecipientOutcome::kFailed:
      return queue::Outcome::kFailed;
  }
  return queue::Outcome::kDeferred;
}

}  // namespace

smtp::OutgoingMessage OutgoingOf(const queue::Envelope& envelope) {
  smtp::OutgoingMessage message;
  message.sender = envelope.sender;
  message.eight_bit = envelope.eight_bit;
  message.smtputf8 = envelope.smtputf8;
  message.require_tls = envelope.require_tls;
  message.ret = envelope.ret;
  message.envid = envelope.envid;
  for (const queue::Recipient& recipient : envelope.recipients) {
    if (recipient.state != RecipientState::kPending) continue;
    message.recipients.push_back(recipient.address);
    message.recipient_parameters.push_back({recipient.notify, recipient.orcpt});
  }
  return message;
}

bool TryElsewhere(const smtp::SendResult& result) {
  if (result.final_reply_lost) return false;
  return std::all_of(result.recipients.begin(), result.recipients.end(),
                     [](const smtp::RecipientResult& recipient) {
                       return recipient.outcome == RecipientOutcome::kDeferred;
                     });
}

std::string DestinationOf(absl::string_view domain) {
  const policy::LookupName name(domain);
  return std::string(name.view().data(), name.view().size());
}

OutcomeWriter::OutcomeWriter(const Settings& settings, queue::MessageIdSource& ids, Random& random)
    : settings_(settings), ids_(ids), random_(random) {}

queue::HistoryEntry OutcomeWriter::EntryOf(const queue::Envelope& envelope,
                                           const AttemptReport& report) const {
  queue::HistoryEntry entry;
  entry.direction = queue::Direction::kOutbound;
  entry.message_id = envelope.id;
  entry.sender = envelope.sender;
  entry.domain = envelope.destination;
  entry.entry = report.policy.pattern;
  entry.entry_generation = report.policy.generation;
  entry.attempt = envelope.attempts + 1;
  entry.deadline = envelope.deadline;
  if (report.server.has_value()) {
    entry.mx = report.server->host;
    entry.address = report.server->address.ToString();
    entry.source_address = report.server->source;
    entry.decided_by = report.server->decided_by;
    if (const auto& tls = report.server->facts.tls) {
      entry.tls_version = tls->version_name;
      entry.cipher = tls->cipher;
      if (!tls->peer_fingerprint.empty()) {
        entry.certificate = absl::StrCat(tls->peer_subject, " SHA-256 ", tls->peer_fingerprint);
      }
    }
  }
  return entry;
}

OutcomeWriter::Written OutcomeWriter::OfAttempt(queue::Envelope envelope,
                                                const AttemptReport& report, absl::Time now) {
  Written written;
  std::optional<queue::HistoryEntry> entries[3];  // by RecipientOutcome
  const std::string mx = report.server.has_value() ? report.server->host : "";
  const std::string address = report.server.has_value() ? report.server->address.ToString() : "";
  const absl::Time next =
      settings_.retries->NextAttempt(envelope.attempts, now, envelope.deadline, random_);
  size_t pending_index = 0;
  for (queue::Recipient& recipient : envelope.recipients) {
    if (recipient.state != RecipientState::kPending) continue;
    const Share share = ShareOf(report, pending_index++);
    recipient.last_reply = share.text;
    std::optional<queue::HistoryEntry>& entry = entries[static_cast<size_t>(share.outcome)];
    if (!entry.has_value()) {
      entry = EntryOf(envelope, report);
      entry->outcome = HistoryOutcome(share.outcome);
      entry->tls = share.tls_reason.has_value();
      entry->stage = share.stage;
      entry->reason = share.reason;
      entry->detail = share.text;
      if (report.failure.has_value()) entry->handshake = report.failure->trace;
    }
    entry->recipients.push_back(recipient.address);
    switch (share.outcome) {
      case RecipientOutcome::kDelivered:
        if (SLUICE_PLANTED_BUG(PartialSuccessForgotten) && written.deferred) break;
        recipient.state = RecipientState::kDelivered;
        ++written.delivered;
        if (NotifyOf(recipient).success && !PassedOnWishes(report)) {
          written.relayed.push_back(Reported(recipient, mx, share, now));
        }
        break;
      case RecipientOutcome::kFailed:
        recipient.state = RecipientState::kFailed;
        ++written.refused;
        if (NotifyOf(recipient).failure) {
          written.failed.push_back(Reported(recipient, mx, share, now));
        }
        break;
      case RecipientOutcome::kDeferred:
        written.deferred = true;
        written.tls_failed = share.tls_reason.has_value();
        if (NotifyOf(recipient).delay) {
          written.delayed.push_back(Reported(recipient, mx, share, now));
          written.delayed.back().tls_reason = share.tls_reason;
        }
        entry->next_attempt = next;
        envelope.last_failure = queue::AttemptFailure{
            now, share.tls_reason.has_value(), share.stage, share.reason, mx, address, share.text};
        break;
    }
  }
  if (report.would_fail.has_value()) {
    // Monitor mode: it went, and would not have gone.
    for (std::optional<queue::HistoryEntry>& entry : entries) {
      if (!entry.has_value()) continue;
      entry->monitored = true;
      entry->reason = ReasonOf(report.would_fail->tls_reason);
      entry->handshake = report.would_fail->trace;
      entry->detail = absl::StrCat("monitored: enforcement would have deferred this at ",
                                   smtp::StageName(report.would_fail->stage), ": ",
                                   TextOf(*report.would_fail), "; ", entry->detail);
    }
  }
  envelope.policy_digest = report.policy.Digest();
  ++envelope.attempts;  // the spool counts for itself; this is for an expiry that follows at once
  written.result.next_attempt = next;
  for (std::optional<queue::HistoryEntry>& entry : entries) {
    if (SLUICE_PLANTED_BUG(HistoryOfFirstAttemptOnly) && envelope.attempts > 1 &&
        written.deferred) {
      continue;
    }
    if (entry.has_value()) written.result.history.push_back(*std::move(entry));
  }
  written.result.envelope = std::move(envelope);
  CountDelays(now, written);
  if (!CanBeTold(written.result.envelope.sender)) {
    written.failed.clear();
    written.delayed.clear();
    written.relayed.clear();
  }
  return written;
}

// One notice of delay, however many have come due since the last attempt; none in front of a
// notification of failure that follows at once.
void OutcomeWriter::CountDelays(absl::Time now, Written& written) const {
  queue::Envelope& envelope = written.result.envelope;
  const int due = DelaysDue(settings_.delay_notices, now - envelope.accepted_at);
  written.delays_told_before = envelope.delays_told;
  if (!written.deferred || due <= envelope.delays_told || now >= envelope.deadline) {
    written.delayed.clear();
    return;
  }
  envelope.delays_told = due;
}

OutcomeWriter::Written OutcomeWriter::OfStillParked(queue::Envelope envelope, absl::Time now) {
  Written written;
  written.deferred = true;
  written.result.park = true;
  written.result.attempted = false;
  const queue::AttemptFailure failure = envelope.last_failure.value_or(queue::AttemptFailure());
  for (const queue::Recipient& recipient : envelope.recipients) {
    if (recipient.state != RecipientState::kPending || !NotifyOf(recipient).delay) continue;
    smtp::DsnRecipient delayed = DsnRecipientOf(recipient);
    delayed.remote_mta = failure.mx;
    delayed.detail = failure.text;
    delayed.last_attempt = failure.at;
    delayed.tls_reason = tls::ParseReason(failure.reason);
    written.delayed.push_back(std::move(delayed));
  }
  written.result.envelope = std::move(envelope);
  CountDelays(now, written);
  if (!CanBeTold(written.result.envelope.sender)) written.delayed.clear();
  return written;
}

absl::Time OutcomeWriter::NextDelayNotice(const queue::Envelope& envelope, absl::Time now) const {
  const std::vector<absl::Duration>& ages = settings_.delay_notices;
  const bool wanted = std::any_of(
      envelope.recipients.begin(), envelope.recipients.end(), [](const auto& recipient) {
        return recipient.state == RecipientState::kPending && NotifyOf(recipient).delay;
      });
  const auto next = static_cast<size_t>(envelope.delays_told);
  if (!wanted || next >= ages.size() || !CanBeTold(envelope.sender)) return absl::InfiniteFuture();
  return std::max(envelope.accepted_at + ages[next], now + kLeastPause);
}

std::vector<Notice> OutcomeWriter::Written::TakeNotices() {
  std::vector<Notice> notices;
  if (!failed.empty()) notices.push_back({cause, std::exchange(failed, {})});
  if (!delayed.empty()) notices.push_back({smtp::DsnCause::kDelayed, std::exchange(delayed, {})});
  if (!relayed.empty()) notices.push_back({smtp::DsnCause::kRelayed, std::exchange(relayed, {})});
  return notices;
}

void OutcomeWriter::Written::PutOffDelayNotice() {
  if (std::exchange(delayed, {}).empty()) return;
  result.envelope.delays_told = delays_told_before;
}

OutcomeWriter::Written OutcomeWriter::OfExpiry(queue::Envelope envelope, absl::Time now) {
  Written written;
  const bool tls_failed = envelope.last_failure.has_value() && envelope.last_failure->tls;
  written.expired = true;
  written.tls_failed = tls_failed;
  written.cause = tls_failed ? smtp::DsnCause::kTlsPolicy : smtp::DsnCause::kExpired;
  queue::HistoryEntry entry = EntryOf(envelope, AttemptReport());
  entry.outcome = tls_failed ? queue::Outcome::kDeletedTlsPolicy : queue::Outcome::kExpired;
  entry.tls = tls_failed;
  entry.detail = absl::StrCat(
      tls_failed ? "deleted because of TLS policy" : "expired", " after ",
      absl::FormatDuration(absl::Trunc(now - envelope.accepted_at, absl::Seconds(1))),
      envelope.last_failure.has_value() ? absl::StrCat("; last: ", envelope.last_failure->text)
                                        : "");
  // Who said REQUIRETLS is always told (RFC 8689 §4.2.1).
  const bool silent = tls_failed && !envelope.require_tls &&
                      settings_.tls_expiry_action == TlsExpiryAction::kDelete;
  GiveUp(std::move(envelope), std::move(entry), silent, now, written);
  return written;
}

OutcomeWriter::Written OutcomeWriter::OfReturn(queue::Envelope envelope,
                                               const queue::Reason& reason, absl::Time now) {
  Written written;
  written.cause = smtp::DsnCause::kReturned;
  queue::HistoryEntry entry = EntryOf(envelope, AttemptReport());
  entry.outcome = queue::Outcome::kReturnedByAdmin;
  entry.detail = reason.ToString();
  GiveUp(std::move(envelope), std::move(entry), /*silent=*/false, now, written);
  return written;
}

void OutcomeWriter::GiveUp(queue::Envelope envelope, queue::HistoryEntry entry, bool silent,
                           absl::Time now, Written& written) const {
  entry.attempt = envelope.attempts;
  if (envelope.last_failure.has_value()) {
    entry.mx = envelope.last_failure->mx;
    entry.address = envelope.last_failure->address;
    entry.stage = envelope.last_failure->stage;
    entry.reason = envelope.last_failure->reason;
  }
  for (queue::Recipient& recipient : envelope.recipients) {
    if (recipient.state != RecipientState::kPending) continue;
    recipient.state = RecipientState::kFailed;
    entry.recipients.push_back(recipient.address);
    if (!NotifyOf(recipient).failure) continue;
    smtp::DsnRecipient failed = DsnRecipientOf(recipient);
    failed.last_attempt = now;
    if (envelope.last_failure.has_value()) {
      failed.remote_mta = envelope.last_failure->mx;
      failed.detail = recipient.last_reply;
      failed.last_attempt = envelope.last_failure->at;
      if (written.cause == smtp::DsnCause::kTlsPolicy) {
        failed.tls_reason =
            tls::ParseReason(envelope.last_failure->reason).value_or(tls::Reason::kProtocol);
      }
    }
    written.failed.push_back(std::move(failed));
  }
  if (silent || !CanBeTold(envelope.sender)) written.failed.clear();
  written.result.history.push_back(std::move(entry));
  written.result.next_attempt = envelope.deadline;
  written.result.envelope = std::move(envelope);
}

queue::NewMessage OutcomeWriter::Notification(const queue::Envelope& envelope, Notice notice,
                                              const io::Body& original, absl::Time now,
                                              absl::Duration wall_ahead) {
  SLUICE_CHECK(CanBeTold(envelope.sender));
  queue::NewMessage message;
  message.id = ids_.Next(now);
  smtp::DsnRequest request;
  request.cause = notice.cause;
  request.language = settings_.dsn_language;
  request.hostname = settings_.hostname;
  request.sender = envelope.sender;
  request.message_id = envelope.id.ToString();
  request.id = message.id.ToString();
  if (envelope.envid.has_value()) {
    request.envelope_id = smtp::DecodeEnvid(*envelope.envid).value_or("");
  }
  request.require_tls = envelope.require_tls;
  request.arrived = envelope.accepted_at + wall_ahead;
  request.now = now + wall_ahead;
  request.retry_until = envelope.deadline + wall_ahead;
  request.recipients = std::move(notice.recipients);
  for (smtp::DsnRecipient& recipient : request.recipients) recipient.last_attempt += wall_ahead;
  const smtp::Dsn dsn = smtp::MakeDsn(request, original);
  message.body = io::Body::Copy(dsn.text);
  queue::Envelope reply;
  reply.id = message.id;
  reply.destination = DestinationOf(DomainOf(envelope.sender));
  reply.recipients.push_back({envelope.sender, RecipientState::kPending, "", {}, {}});
  reply.smtputf8 = dsn.smtputf8;
  reply.require_tls = envelope.require_tls;
  reply.accepted_at = now;
  reply.deadline = now + settings_.queue_lifetime;
  message.envelopes.push_back(std::move(reply));
  return message;
}

}  // namespace sluice::relay
