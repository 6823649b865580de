#include "engine/smtp/command.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sluice::smtp {
namespace {

Reply Fault(int code, EnhancedStatus status, absl::string_view text) {
  return Reply{code, status, std::string(text.data(), text.size())};
}

struct VerbName {
  absl::string_view name;
  Verb verb;
};

constexpr std::array kVerbs = {
    VerbName{"EHLO", Verb::kEhlo},         VerbName{"HELO", Verb::kHelo},
    VerbName{"MAIL", Verb::kMail},         VerbName{"RCPT", Verb::kRcpt},
    VerbName{"DATA", Verb::kData},         VerbName{"RSET", Verb::kRset},
    VerbName{"QUIT", Verb::kQuit},         VerbName{"NOOP", Verb::kNoop},
    VerbName{"STARTTLS", Verb::kStarttls}, VerbName{"VRFY", Verb::kVrfy},
    VerbName{"HELP", Verb::kHelp},         VerbName{"GET", Verb::kNotSmtp},
    VerbName{"POST", Verb::kNotSmtp},      VerbName{"PUT", Verb::kNotSmtp},
    VerbName{"CONNECT", Verb::kNotSmtp},   VerbName{"OPTIONS", Verb::kNotSmtp},
    VerbName{"HEAD", Verb::kNotSmtp},      VerbName{"DELETE", Verb::kNotSmtp},
    VerbName{"PATCH", Verb::kNotSmtp},     VerbName{"TRACE", Verb::kNotSmtp},
    VerbName{"Host:", Verb::kNotSmtp},
};

Verb VerbOf(absl::string_view word) {
  for (const VerbName& entry : kVerbs) {
    if (absl::EqualsIgnoreCase(word, entry.name)) return entry.verb;
  }
  return Verb::kOther;
}

std::optional<Reply> SetParameter(absl::string_view name, absl::string_view value, bool has_value,
                                  MailParameters& parameters, unsigned& seen) {
  const auto once = [&seen](unsigned bit) {
    const bool first = (seen & bit) == 0;
    seen |= bit;
    return first;
  };
  if (absl::EqualsIgnoreCase(name, "SIZE")) {
    // RFC 1870 §6: up to 20 digits. One that does not fit is larger than anything taken here.
    const bool digits = has_value && !value.empty() && value.size() <= 20 &&
                        std::all_of(value.begin(), value.end(), absl::ascii_isdigit);
    if (!digits || !once(1))
      return Fault(501, {5, 5, 4}, "SIZE is given once, as a number of bytes");
    if (!absl::SimpleAtoi(value, &parameters.size)) parameters.size = INT64_MAX;
    return std::nullopt;
  }
  if (absl::EqualsIgnoreCase(name, "BODY")) {
    const bool eight = absl::EqualsIgnoreCase(value, "8BITMIME");
    if ((!eight && !absl::EqualsIgnoreCase(value, "7BIT")) || !once(2)) {
      return Fault(501, {5, 5, 4}, "BODY is given once, as 7BIT or 8BITMIME");
    }
    parameters.eight_bit = eight;
    return std::nullopt;
  }
  if (absl::EqualsIgnoreCase(name, "SMTPUTF8")) {
    if (has_value || !once(4))
      return Fault(501, {5, 5, 4}, "SMTPUTF8 is given once, without a value");
    parameters.smtputf8 = true;
    return std::nullopt;
  }
  return Fault(555, {5, 5, 4}, "Parameter not known here: SIZE, BODY and SMTPUTF8 are");
}

// "FROM:" or "TO:", the path, and the parameters.
void ParseEnvelope(absl::string_view rest, absl::string_view keyword, Command& command) {
  const bool mail = command.verb == Verb::kMail;
  rest = absl::StripLeadingAsciiWhitespace(rest);
  if (!absl::StartsWithIgnoreCase(rest, keyword)) {
    command.fault =
        Fault(501, {5, 5, 4}, mail ? "Syntax: MAIL FROM:<address>" : "Syntax: RCPT TO:<address>");
    return;
  }
  rest = absl::StripLeadingAsciiWhitespace(rest.substr(keyword.size()));
  absl::StatusOr<Address> address = ParsePath(rest);
  if (!address.ok()) {
    command.fault = Fault(501, mail ? EnhancedStatus{5, 1, 7} : EnhancedStatus{5, 1, 3},
                          absl::StrCat("Bad address: ", address.status().message()));
    return;
  }
  command.address = *std::move(address);
  if (!mail && command.address.null()) {
    command.fault = Fault(501, {5, 1, 3}, "Bad address: a recipient cannot be empty");
    return;
  }
  if (!rest.empty() && rest[0] != ' ') {
    command.fault = Fault(501, {5, 5, 4}, "A blank stands between the address and its parameters");
    return;
  }
  unsigned seen = 0;
  for (const absl::string_view word : absl::StrSplit(rest, ' ', absl::SkipEmpty())) {
    const size_t equals = word.find('=');
    const absl::string_view name = word.substr(0, equals);
    const bool has_value = equals != absl::string_view::npos;
    const absl::string_view value = has_value ? word.substr(equals + 1) : absl::string_view();
    command.fault =
        mail ? SetParameter(name, value, has_value, command.parameters, seen)
             : std::optional<Reply>(Fault(555, {5, 5, 4}, "RCPT TO has no parameters here"));
    if (command.fault.has_value()) return;
  }
}

// A name or address literal (§4.1.1.1); what is printable and without blanks is taken, since many
// clients in the field say what they like.
std::optional<Reply> CheckGreeting(absl::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxDomainOctets &&
                    std::all_of(name.begin(), name.end(), absl::ascii_isgraph);
  if (good) return std::nullopt;
  return Fault(501, {5, 5, 4}, "Say EHLO or HELO with the name of your host");
}

}  // namespace

Command ParseCommand(absl::string_view line) {
  Command command;
  const size_t blank = line.find(' ');
  const absl::string_view word = line.substr(0, blank);
  absl::string_view rest =
      blank == absl::string_view::npos ? absl::string_view() : line.substr(blank + 1);
  command.verb = VerbOf(word);
  if (std::any_of(line.begin(), line.end(), absl::ascii_iscntrl)) {
    command.fault = Fault(500, {5, 5, 2}, "Control character in the command");
    return command;
  }
  const bool has_address = command.verb == Verb::kMail || command.verb == Verb::kRcpt;
  if (!has_address && !std::all_of(line.begin(), line.end(), absl::ascii_isascii)) {
    command.fault = Fault(500, {5, 5, 2}, "Characters outside ASCII in the command");
    return command;
  }
  const absl::string_view argument = absl::StripAsciiWhitespace(rest);
  switch (command.verb) {
    case Verb::kEhlo:
    case Verb::kHelo:
      command.argument = std::string(argument.data(), argument.size());
      command.fault = CheckGreeting(argument);
      break;
    case Verb::kMail:
      ParseEnvelope(rest, "FROM:", command);
      break;
    case Verb::kRcpt:
      ParseEnvelope(rest, "TO:", command);
      break;
    case Verb::kStarttls:
    case Verb::kData:
    case Verb::kRset:
    case Verb::kQuit:
      if (!argument.empty()) {
        command.fault = Fault(501, {5, 5, 4},
                              absl::StrCat(absl::AsciiStrToUpper(word), " takes no parameters"));
      }
      break;
    case Verb::kVrfy:
      if (argument.empty()) command.fault = Fault(501, {5, 5, 4}, "Syntax: VRFY address");
      break;
    case Verb::kNoop:
    case Verb::kHelp:
    case Verb::kNotSmtp:
      break;
    case Verb::kOther:
      command.fault = Fault(500, {5, 5, 2}, "Command not recognized; HELP lists what is");
      for (const absl::string_view known :
           {"AUTH", "EXPN", "TURN", "ETRN", "BDAT", "SEND", "SOML", "SAML"}) {
        if (absl::EqualsIgnoreCase(word, known)) {
          command.fault = Fault(502, {5, 5, 1}, absl::StrCat(known, " is not available here"));
        }
      }
      break;
  }
  return command;
}

}  // namespace sluice::smtp
