// The part of a delivery status notification that is for people, put together from the words of a
// language (dsn_words.h), and the encodings that carry it.
//
// Pure functions, thread-safe.
#ifndef SLUICE_ENGINE_SMTP_DSN_TEXT_H_
#define SLUICE_ENGINE_SMTP_DSN_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/smtp/dsn.h"

namespace sluice::smtp {

// The part for people: lines of 78 characters where the values allow it, CRLF.
std::string DsnExplanation(const DsnRequest& request);

// "550 5.1.1 No such user": one line of printable ASCII.
std::string ReplyInOneLine(const Reply& reply);

bool IsUtf8(absl::string_view text);

// "Mon, 23 Nov 2026 16:10:44 +0000" (RFC 5322 §3.3).
std::string MailDate(absl::Time time);

// Printable ASCII, and with `utf8` also what is well-formed UTF-8; '?' for all else.
std::string OneLine(absl::string_view value, bool utf8);

// RFC 2045 §6.7: lines of 76 characters at most, CRLF kept as line ends, everything else that is
// not printable ASCII (and "=", and a blank at the end of a line) as "=XX".
std::string QuotedPrintable(absl::string_view text);

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_DSN_TEXT_H_
