// What is known of a message on its way to one destination, besides its body. Plain data.
//
// A message that was accepted for recipients of three destinations has three envelopes under one
// message id, and one body. Each of them is tried, deferred and finished by itself.
//
// A destination is what mail is gathered by on its way out: the recipients' domain (A-labels) or an
// address literal. 1 to 255 octets of printable ASCII, without upper case.
#ifndef SLUICE_QUEUE_ENVELOPE_H_
#define SLUICE_QUEUE_ENVELOPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "queue/message_id.h"

namespace sluice::queue {

inline constexpr size_t kMostDestinationBytes = 255;

enum class RecipientState : uint8_t {
  kPending,    // to be tried (again)
  kDelivered,  // the next hop has it
  kFailed,     // refused for good, expired, or deleted
};

struct Recipient {
  std::string address;  // without angle brackets
  RecipientState state = RecipientState::kPending;
  std::string last_reply;  // of the last attempt: "550 5.1.1 no such user"; empty before the first
  // What the client asked for with RCPT TO (RFC 3461), as it stood there.
  std::optional<std::string> notify;  // NOTIFY=
  std::optional<std::string> orcpt;   // ORCPT=
};

// Who handed the message in.
struct ReceivedFrom {
  std::string client_address;  // "192.0.2.1:40123"
  std::string helo;
  std::string tls_version;  // "TLSv1.3"; empty: it came in clear
  std::string tls_cipher;
};

// Why the last attempt did not get through, in the words of the history.
struct AttemptFailure {
  absl::Time at;
  bool tls = false;    // TLS is what failed: decides how the message is deleted at its deadline
  std::string stage;   // "connect", "starttls", "handshake", …
  std::string reason;  // of TLS: "not_offered", "untrusted", …; empty otherwise
  std::string mx;
  std::string address;
  std::string text;  // the SMTP reply, the alert, or the error
};

struct Envelope {
  MessageId id;
  std::string destination;

  std::string sender;  // without angle brackets; empty: the null sender
  std::vector<Recipient> recipients;
  // What the client asked for with MAIL FROM (RFC 3461), as it stood there.
  std::optional<std::string> envid;
  std::optional<std::string> ret;
  bool smtputf8 = false;
  bool eight_bit = false;     // BODY=8BITMIME
  bool require_tls = false;   // REQUIRETLS (RFC 8689)
  bool tls_optional = false;  // its header says "TLS-Required: No", and REQUIRETLS was not given
  ReceivedFrom received_from;
  absl::Time accepted_at;
  absl::Time deadline;  // deleted then; never changes

  std::optional<AttemptFailure> last_failure;
  std::string policy_digest;  // that the last attempt was made under
  int delays_told = 0;        // how many of the notices of delay are behind it, sent or not
  // Set while it is on hold, and not tried: who did that, and why. Its deadline holds nevertheless.
  std::optional<std::string> held;

  // Kept by the spool; what a caller sets here is not looked at.
  // It waits for its destination, whose TLS fails, and not for a time: AttemptResult::park.
  bool parked = false;
  // An administrator wants it tried: once, whatever is known of its destination.
  bool past_breaker = false;
  absl::Time next_due;  // when it is tried next; at acceptance the end of the lease; on hold and
                        // parked: never
  int attempts = 0;     // that were made
  uint64_t body_bytes = 0;
  uint32_t body_chunks = 0;
  bool sole_destination = false;  // the body has no other envelope, and had none from the beginning
  uint32_t revision = 0;          // how often the row has been rewritten
};

inline bool HasPending(const Envelope& envelope) {
  for (const Recipient& recipient : envelope.recipients) {
    if (recipient.state == RecipientState::kPending) return true;
  }
  return false;
}

// OK for what can stand in a key.
absl::Status CheckDestination(absl::string_view destination);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_ENVELOPE_H_
