// An SMTP reply (RFC 5321 §4.2) with its enhanced status (RFC 2034, RFC 3463): what the server side
// sends and what the client side has read. Plain data.
#ifndef SLUICE_ENGINE_SMTP_REPLY_H_
#define SLUICE_ENGINE_SMTP_REPLY_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace sluice::smtp {

struct EnhancedStatus {
  int klass = 0;  // 2, 4 or 5
  int subject = 0;
  int detail = 0;

  std::string ToString() const;  // "5.7.1"
  friend bool operator==(const EnhancedStatus&, const EnhancedStatus&) = default;
};

inline constexpr size_t kMaxReplyLineOctets = 512;  // RFC 5321 §4.5.3.1.5; with its CRLF

struct Reply {
  int code = 0;  // 200 to 599
  std::optional<EnhancedStatus> status;
  std::string text;  // without code and status; lines joined by '\n'; printable

  bool positive() const { return code >= 200 && code < 300; }
  bool transient() const { return code >= 400 && code < 500; }
  bool permanent() const { return code >= 500 && code < 600; }

  // On one line, for people: "554 5.7.1 Relay access denied".
  std::string ToString() const;
  // As it is sent: every line with the code and, where there is one, the status; CRLF. Whatever the
  // text holds, a line stays printable ASCII of at most kMaxReplyLineOctets: '?' for other octets.
  void AppendTo(std::string& out) const;
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_REPLY_H_
