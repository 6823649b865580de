// What a sender is told of a message that could not be delivered, is late, or has left for where
// nobody tells: a delivery status notification (RFC 3464, multipart/report of RFC 6522) with a text
// for people, a status for programs, and the headers of the message, never its body.
//
//   DsnRequest request = {.cause = DsnCause::kTlsPolicy, .hostname = "gw.example.com", …};
//   Dsn dsn = MakeDsn(request, body);
//   Enqueue(/*sender=*/"", /*recipient=*/request.sender, dsn.text, dsn.smtputf8);
//
// It goes out under the null sender, and never in answer to a message from the null sender: that
// is how mail loops are kept from starting (RFC 5321 §6.1); it says Auto-Submitted: besides (RFC
// 3834). A request without a sender is a bug
// (checked).
//
// The same request gives the same text: time and identity are handed in. What came from outside
// (addresses, replies, the headers) is made printable or encoded, so that it can neither add a
// field nor end a part. All of it is 7-bit, with one exception: an internationalized sender (RFC
// 6531) stands in To: as it is, and the notification then needs SMTPUTF8 like the message did.
// Where a recipient is internationalized, the parts are message/global-delivery-status and, for
// headers in UTF-8, message/global-headers (RFC 6533), quoted-printable, which is 7-bit too.
//
// Pure functions, thread-safe.
#ifndef SLUICE_ENGINE_SMTP_DSN_H_
#define SLUICE_ENGINE_SMTP_DSN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/io/chunk.h"
#include "engine/smtp/reply.h"
#include "tls/failure.h"

namespace sluice::smtp {

enum class DsnCause {
  kRejected,   // a server said 5xx
  kExpired,    // the message's time was up; the last attempt failed for anything but TLS
  kTlsPolicy,  // the message's time was up; the last attempt failed for TLS
  kReturned,   // whoever runs the gateway gave it back before its time was up
  kDelayed,    // it waits, and is tried again
  kRelayed,    // a server that does not know of notifications has it (RFC 3461 §5.2.2)
};

// Of the part for people.
enum class Language : uint8_t { kEnglish, kGerman };

struct DsnRecipient {
  std::string address;
  std::string original;         // of ORCPT=, decoded: "rfc822; bob@example.net"; empty: not given
  std::string remote_mta;       // the server last spoken to; empty: none was reached
  std::optional<Reply> reply;   // its last words, where there were any
  bool reply_is_local = false;  // `reply` was made up here (RecipientResult::local)
  std::string detail;           // else: what went wrong, in one line
  absl::Time last_attempt;
  // TLS is what failed. kTlsPolicy: set (checked).
  std::optional<tls::Reason> tls_reason;
};

struct DsnRequest {
  DsnCause cause = DsnCause::kRejected;
  Language language = Language::kEnglish;
  std::string hostname;    // of this gateway
  std::string sender;      // of the message, and so the notification's recipient; not empty
  std::string message_id;  // the message's, as the history shows it
  std::string id;          // the notification's own, unique: letters, digits, "." and "-" (checked)
  std::string envelope_id;   // of ENVID=, decoded; empty: not given
  bool require_tls = false;  // the message came with REQUIRETLS
  absl::Time arrived;        // when the message was accepted
  absl::Time now;
  absl::Time retry_until;                // kDelayed
  std::vector<DsnRecipient> recipients;  // at least one; those that this is about
};

struct Dsn {
  std::string text;       // header and body, CRLF throughout
  bool smtputf8 = false;  // needs SMTPUTF8 to be sent
};

// No more of the original's headers is returned; cut at the end of a line.
inline constexpr size_t kDsnHeaderBytes = 16 * 1024;

Dsn MakeDsn(const DsnRequest& request, const io::Body& original);

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_DSN_H_
