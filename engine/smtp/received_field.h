// The trace field that this hop puts in front of a message (RFC 5321 §4.4, RFC 3848, RFC 8314
// §4.3).
#ifndef SLUICE_ENGINE_SMTP_RECEIVED_FIELD_H_
#define SLUICE_ENGINE_SMTP_RECEIVED_FIELD_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/smtp/receiver.h"

namespace sluice::smtp {

// Folded lines, each ending in CRLF:
//
//   Received: from mail.example.org ([192.0.2.1])
//           (using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256 (128/128 bits))
//           by gw.example.net (Sluice) with ESMTPS id 06A2K3…
//           for <user@example.com>; Mon, 02 Mar 2026 12:00:00 +0000
//
// "for" stands there only for a single recipient, so that none learns of the others (§7.2).
std::string ReceivedField(absl::string_view hostname, const Client& client, absl::string_view id,
                          const std::vector<Address>& recipients, bool smtputf8, absl::Time now);

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_RECEIVED_FIELD_H_
