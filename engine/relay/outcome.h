// From what an attempt came to, to what is written down: recipients' states, the next try, history,
// and the notification that the sender is owed. No I/O, so that every case can be tested by itself.
//
// One core (ids and randomness are that core's).
#ifndef SLUICE_ENGINE_RELAY_OUTCOME_H_
#define SLUICE_ENGINE_RELAY_OUTCOME_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/base/random.h"
#include "engine/io/chunk.h"
#include "engine/relay/attempt.h"
#include "engine/relay/notices.h"
#include "engine/relay/settings.h"
#include "engine/smtp/client_session.h"
#include "engine/smtp/dsn.h"
#include "queue/message_id.h"
#include "queue/spool.h"

namespace sluice::relay {

// What is said to a next hop about an envelope: its pending recipients.
smtp::OutgoingMessage OutgoingOf(const queue::Envelope& envelope);

// Nobody took it, nobody refused it for good, and it cannot have been taken unheard: the next
// address may do better in the same attempt.
bool TryElsewhere(const smtp::SendResult& result);

class OutcomeWriter {
 public:
  // All outlive the writer.
  OutcomeWriter(const Settings& settings, queue::MessageIdSource& ids, Random& random);

  struct Written {
    queue::AttemptResult result;
    // Recipients whose sender is owed a notification (notices.h); all empty for mail from the null
    // sender, and from one that no notification can be sent to.
    std::vector<smtp::DsnRecipient> failed;
    smtp::DsnCause cause = smtp::DsnCause::kRejected;  // of `failed`
    std::vector<smtp::DsnRecipient> delayed;
    std::vector<smtp::DsnRecipient> relayed;
    int delays_told_before = 0;
    // For counters.
    int delivered = 0;
    int refused = 0;
    bool deferred = false;
    bool tls_failed = false;
    bool expired = false;

    // A notification each; what was owed is handed over.
    std::vector<Notice> TakeNotices();
    // The notice of delay cannot be written now: the next attempt sees to it.
    void PutOffDelayNotice();
  };

  // `envelope` as it was when the attempt began; in the result it counts one attempt more.
  Written OfAttempt(queue::Envelope envelope, const AttemptReport& report, absl::Time now);
  // Parked still, and its sender may be owed a notice of delay. Nothing was tried.
  Written OfStillParked(queue::Envelope envelope, absl::Time now);
  // When the sender of a message that waits is next told that it does; InfiniteFuture: never.
  absl::Time NextDelayNotice(const queue::Envelope& envelope, absl::Time now) const;
  // The deadline has come.
  Written OfExpiry(queue::Envelope envelope, absl::Time now);
  // An administrator gives it back.
  Written OfReturn(queue::Envelope envelope, const queue::Reason& reason, absl::Time now);

  // The notification itself, to be sent to the sender of `envelope`, who is owed one (checked). It
  // travels as protected as the message itself (RFC 8689 §5).
  // `now` is the queue's own time, as all of the above; `wall_ahead` is what people are shown on
  // top of it (queue/spool.h).
  queue::NewMessage Notification(const queue::Envelope& envelope, Notice notice,
                                 const io::Body& original, absl::Time now,
                                 absl::Duration wall_ahead = absl::ZeroDuration());

 private:
  queue::HistoryEntry EntryOf(const queue::Envelope& envelope, const AttemptReport& report) const;
  // Whether a notice of delay has come due: `written.delayed` stays, or goes.
  void CountDelays(absl::Time now, Written& written) const;
  // What is pending fails for good: into `written`, with the entry that says why, which is
  // completed.
  void GiveUp(queue::Envelope envelope, queue::HistoryEntry entry, bool silent, absl::Time now,
              Written& written) const;

  const Settings& settings_;
  queue::MessageIdSource& ids_;
  Random& random_;
};

// The destination that mail to an address is gathered under: its domain as A-labels, lower-case, or
// its address literal.
std::string DestinationOf(absl::string_view domain);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_OUTCOME_H_
