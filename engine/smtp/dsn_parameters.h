// What a sender asks to be told about its message: the parameters of MAIL and RCPT for delivery
// status notifications (RFC 3461 §4, RFC 6533 §3).
//
//   MAIL FROM:<a@example.com> RET=HDRS ENVID=QQ314159
//   RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bold@example.net
//
// They are kept, and passed on, as they stood in the command (§5.2.1); they are read when there is
// something to tell. RET is passed on and not obeyed otherwise: a notification of ours returns the
// headers alone, since a body that was not to travel unprotected must not come back unprotected.
// (§4.3 leaves what is returned to whoever writes the notification; RFC 8689 §5 forbids more.)
//
// Pure functions, thread-safe.
#ifndef SLUICE_ENGINE_SMTP_DSN_PARAMETERS_H_
#define SLUICE_ENGINE_SMTP_DSN_PARAMETERS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace sluice::smtp {

inline constexpr size_t kMaxEnvidOctets = 100;  // RFC 3461 §4.4, as it stands in the command
inline constexpr size_t kMaxOrcptOctets = 500;  // §4.2, likewise

// Of one RCPT, as they stand there; unset: not given.
struct RecipientParameters {
  std::optional<std::string> notify;
  std::optional<std::string> orcpt;
};

// When the sender wants to hear of a recipient. As it is here where NOTIFY was not given (§4.1).
struct Notify {
  bool success = false;
  bool failure = true;
  bool delay = true;

  // "NEVER", or a list of "SUCCESS", "FAILURE" and "DELAY" in any case, each once; nullopt:
  // neither.
  static std::optional<Notify> Parse(absl::string_view value);
};

// Of the message that a notification is about: text for one line, printable. nullopt: malformed.

// "QQ+2B314159" is "QQ+314159".
std::optional<std::string> DecodeEnvid(absl::string_view value);
// "rfc822;b+2Bold@example.net" is "rfc822; b+old@example.net". An address of type utf-8 is given as
// utf-8-addr-xtext ("utf-8;j\x{F6}rg@example.com") or in UTF-8 as it is, and comes out in UTF-8.
std::optional<std::string> DecodeOrcpt(absl::string_view value);

// "FULL" or "HDRS".
bool IsRet(absl::string_view value);

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_DSN_PARAMETERS_H_
