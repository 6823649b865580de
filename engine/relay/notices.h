// Which notifications a sender is owed of what became of a message, and which not (RFC 3461 §5.2,
// §6).
//
//   FAILURE  failed for good, expired, given back: unless NOTIFY= leaves it out
//   DELAY    not sent by the ages of --delay_notices, each at most once: unless NOTIFY= leaves it
//   out SUCCESS  handed to a server that does not offer DSN ("relayed", §5.2.2): where NOTIFY= has
//   it;
//            to one that offers DSN the wish is passed on instead
//
// One exception to §5.2.2: mail with NOTIFY=NEVER keeps its sender on the way to a server without
// DSN. The null sender, which is suggested there, would take away the domain that the enforcement
// of the other side goes by.
#ifndef SLUICE_ENGINE_RELAY_NOTICES_H_
#define SLUICE_ENGINE_RELAY_NOTICES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/smtp/dsn.h"
#include "engine/smtp/dsn_parameters.h"
#include "queue/envelope.h"

namespace sluice::relay {

// One notification: about these recipients of one envelope.
struct Notice {
  smtp::DsnCause cause = smtp::DsnCause::kRejected;
  std::vector<smtp::DsnRecipient> recipients;
};

// What was asked for a recipient; what cannot be read was not asked.
smtp::Notify NotifyOf(const queue::Recipient& recipient);

// What a notification says of a recipient before anything else: its address, now and once.
smtp::DsnRecipient DsnRecipientOf(const queue::Recipient& recipient);

// How many notices of delay have come due for a message of this age.
int DelaysDue(const std::vector<absl::Duration>& delay_notices, absl::Duration age);

// "4h,24h,72h": ages, each later than the one before, 1 s at least; empty: none.
absl::StatusOr<std::vector<absl::Duration>> ParseDelayNotices(absl::string_view text);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_NOTICES_H_
