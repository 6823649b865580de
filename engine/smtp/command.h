// One line from a client, as a command (RFC 5321 §4.1).
//
// Verbs and parameter names in any case; blanks where clients in the field put them ("MAIL FROM:
// <a@b>") are taken. A line that cannot be understood is a Command with the reply to it. Octets
// outside ASCII stand in addresses only, and the dialog asks SMTPUTF8 for those (RFC 6531 §3.3).
#ifndef SLUICE_ENGINE_SMTP_COMMAND_H_
#define SLUICE_ENGINE_SMTP_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/smtp/address.h"
#include "engine/smtp/dsn_parameters.h"
#include "engine/smtp/reply.h"

namespace sluice::smtp {

enum class Verb : uint8_t {
  kEhlo,
  kHelo,
  kStarttls,
  kMail,
  kRcpt,
  kData,
  kRset,
  kNoop,
  kVrfy,
  kHelp,
  kQuit,
  kNotSmtp,  // HTTP and its like: a browser or a proxy made to speak to us; the session ends
  kOther,
};

struct MailParameters {
  int64_t size = 0;                  // SIZE= (RFC 1870); 0: not stated
  bool eight_bit = false;            // BODY=8BITMIME (RFC 6152)
  bool smtputf8 = false;             // SMTPUTF8 (RFC 6531)
  bool require_tls = false;          // REQUIRETLS (RFC 8689)
  std::optional<std::string> ret;    // RET= (RFC 3461), as it stands there
  std::optional<std::string> envid;  // ENVID=, likewise
};

struct Command {
  Verb verb = Verb::kOther;
  std::string argument;                      // EHLO, HELO, VRFY: what stands behind the verb
  Address address;                           // MAIL, RCPT
  MailParameters parameters;                 // MAIL
  RecipientParameters recipient_parameters;  // RCPT
  std::optional<Reply> fault;  // the line cannot be obeyed, whatever the state: this is the answer
};

// `line`: without its CRLF.
Command ParseCommand(absl::string_view line);

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_COMMAND_H_
