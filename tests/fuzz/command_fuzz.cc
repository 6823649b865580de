// One line from a client (smtp/command.h): what it is read as can be obeyed or answered safely.
#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/smtp/command.h"
#include "engine/smtp/dsn_parameters.h"
#include "engine/smtp/dsn_text.h"
#include "tests/fuzz/input.h"

namespace sluice::smtp {
namespace {

bool IsAscii(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isascii(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

// Every reply is lines of printable ASCII, of the length of §4.5.3.1.5 at most.
void CheckFault(const Reply& fault) {
  SLUICE_CHECK(fault.permanent() && fault.status.has_value() && fault.status->klass == 5);
  std::string out;
  fault.AppendTo(out);
  SLUICE_CHECK(absl::EndsWith(out, "\r\n"));
  out.resize(out.size() - 2);
  for (const absl::string_view line : absl::StrSplit(out, "\r\n")) {
    SLUICE_CHECK(line.size() + 2 <= kMaxReplyLineOctets && IsPrintableAscii(line));
    SLUICE_CHECK(absl::StartsWith(line, absl::StrCat(fault.code)));
  }
}

// What is passed on as it stands: one word, within its bounds, that is shown on one line.
void CheckDecoded(const std::string& value, size_t most, const std::optional<std::string>& decoded) {
  SLUICE_CHECK(!value.empty() && value.size() <= most && !absl::StrContains(value, " "));
  SLUICE_CHECK(decoded.has_value() && !HasControl(*decoded) && IsUtf8(*decoded));
}

// RFC 3461 §4.
void CheckDsnParameters(const Command& command) {
  const RecipientParameters& asked = command.recipient_parameters;
  if (asked.notify.has_value()) {
    const std::optional<Notify> notify = Notify::Parse(*asked.notify);
    SLUICE_CHECK(notify.has_value() && command.verb == Verb::kRcpt);
    const bool never = absl::EqualsIgnoreCase(*asked.notify, "NEVER");
    SLUICE_CHECK(never != (notify->success || notify->failure || notify->delay));
  }
  if (asked.orcpt.has_value()) {
    SLUICE_CHECK(command.verb == Verb::kRcpt);
    CheckDecoded(*asked.orcpt, kMaxOrcptOctets, DecodeOrcpt(*asked.orcpt));
  }
  if (command.parameters.envid.has_value()) {
    SLUICE_CHECK(command.verb == Verb::kMail);
    CheckDecoded(*command.parameters.envid, kMaxEnvidOctets,
                 DecodeEnvid(*command.parameters.envid));
  }
  SLUICE_CHECK(!command.parameters.ret.has_value() || IsRet(*command.parameters.ret));
  SLUICE_CHECK(!command.parameters.require_tls || command.verb == Verb::kMail);
}

void CheckObeyed(absl::string_view line, const Command& command) {
  SLUICE_CHECK(!HasControl(line));
  SLUICE_CHECK(command.verb != Verb::kOther);
  const bool has_path = command.verb == Verb::kMail || command.verb == Verb::kRcpt;
  SLUICE_CHECK(has_path || IsAscii(line));
  SLUICE_CHECK(has_path || command.address.null());
  SLUICE_CHECK(command.verb != Verb::kRcpt || !command.address.null());
  SLUICE_CHECK(command.parameters.size >= 0);
  CheckDsnParameters(command);
  if (command.verb == Verb::kEhlo || command.verb == Verb::kHelo) {
    SLUICE_CHECK(!command.argument.empty() && command.argument.size() <= kMaxDomainOctets);
    SLUICE_CHECK(!absl::StrContains(command.argument, " "));
  }
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::smtp;
  const absl::string_view line = sluice::InputText(data, size);
  const Command command = ParseCommand(line);
  if (command.fault.has_value()) {
    CheckFault(*command.fault);
  } else if (command.verb != Verb::kNotSmtp) {
    CheckObeyed(line, command);
  }
  // Verbs in any case (RFC 5321 §2.4); what follows them may be a local part, which has one.
  const size_t verb_octets = std::min(line.find(' '), line.size());
  const std::string shouted =
      absl::StrCat(absl::AsciiStrToUpper(line.substr(0, verb_octets)), line.substr(verb_octets));
  const Command again = ParseCommand(shouted);
  SLUICE_CHECK(again.verb == command.verb);
  SLUICE_CHECK(again.fault.has_value() == command.fault.has_value());
  SLUICE_CHECK(again.address.text == command.address.text);
  SLUICE_CHECK(again.parameters.size == command.parameters.size);
  SLUICE_CHECK(again.parameters.envid == command.parameters.envid);
  SLUICE_CHECK(again.recipient_parameters.orcpt == command.recipient_parameters.orcpt);
  return 0;
}
