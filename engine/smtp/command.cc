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

// One parameter of MAIL or RCPT: NAME, or NAME=value.
struct Parameter {
  absl::string_view name;
  std::optional<absl::string_view> value;

  bool Is(absl::string_view wanted) const { return absl::EqualsIgnoreCase(name, wanted); }
  absl::string_view text() const { return value.value_or(absl::string_view()); }
};

std::optional<Reply> BadValue(absl::string_view what) { return Fault(501, {5, 5, 4}, what); }

// A parameter that is given twice is a syntax error as well; `seen` has a bit for each.
bool Once(unsigned& seen, unsigned bit) { return (std::exchange(seen, seen | bit) & bit) == 0; }

std::optional<Reply> SetSize(const Parameter& parameter, MailParameters& parameters,
                             unsigned& seen) {
  // RFC 1870 §6: up to 20 digits. One that does not fit is larger than anything taken here.
  const absl::string_view value = parameter.text();
  const bool digits = !value.empty() && value.size() <= 20 &&
                      std::all_of(value.begin(), value.end(), absl::ascii_isdigit);
  if (!digits || !Once(seen, 1)) return BadValue("SIZE is given once, as a number of bytes");
  if (!absl::SimpleAtoi(value, &parameters.size)) parameters.size = INT64_MAX;
  return std::nullopt;
}

std::optional<Reply> SetMailParameter(const Parameter& parameter, MailParameters& parameters,
                                      unsigned& seen) {
  const absl::string_view value = parameter.text();
  if (parameter.Is("SIZE")) return SetSize(parameter, parameters, seen);
  if (parameter.Is("BODY")) {
    const bool eight = absl::EqualsIgnoreCase(value, "8BITMIME");
    if ((!eight && !absl::EqualsIgnoreCase(value, "7BIT")) || !Once(seen, 2)) {
      return BadValue("BODY is given once, as 7BIT or 8BITMIME");
    }
    parameters.eight_bit = eight;
    return std::nullopt;
  }
  if (parameter.Is("SMTPUTF8")) {
    if (parameter.value.has_value() || !Once(seen, 4)) {
      return BadValue("SMTPUTF8 is given once, without a value");
    }
    parameters.smtputf8 = true;
    return std::nullopt;
  }
  if (parameter.Is("RET")) {
    if (!IsRet(value) || !Once(seen, 8)) return BadValue("RET is given once, as FULL or HDRS");
    parameters.ret = std::string(value);
    return std::nullopt;
  }
  if (parameter.Is("ENVID")) {
    if (!DecodeEnvid(value).has_value() || !Once(seen, 16)) {
      return BadValue("ENVID is given once, as 1 to 100 characters of xtext (RFC 3461)");
    }
    parameters.envid = std::string(value);
    return std::nullopt;
  }
  if (parameter.Is("REQUIRETLS")) {
    if (parameter.value.has_value() || !Once(seen, 32)) {
      return BadValue("REQUIRETLS is given once, without a value");
    }
    parameters.require_tls = true;
    return std::nullopt;
  }
  return Fault(555, {5, 5, 4},
               "Parameter not known here: SIZE, BODY, SMTPUTF8, RET, ENVID and REQUIRETLS are");
}

std::optional<Reply> SetRecipientParameter(const Parameter& parameter,
                                           RecipientParameters& parameters, unsigned& seen) {
  const absl::string_view value = parameter.text();
  if (parameter.Is("NOTIFY")) {
    if (!Notify::Parse(value).has_value() || !Once(seen, 1)) {
      return BadValue("NOTIFY is given once, as NEVER, or as a list of SUCCESS, FAILURE and DELAY");
    }
    parameters.notify = std::string(value);
    return std::nullopt;
  }
  if (parameter.Is("ORCPT")) {
    if (!DecodeOrcpt(value).has_value() || !Once(seen, 2)) {
      return BadValue(
          "ORCPT is given once, as a type of address, ';', and the address in xtext (RFC 3461), "
          "500 characters at most");
    }
    parameters.orcpt = std::string(value);
    return std::nullopt;
  }
  return Fault(555, {5, 5, 4}, "Parameter not known here: NOTIFY and ORCPT are");
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
    Parameter parameter{.name = word.substr(0, equals), .value = std::nullopt};
    if (equals != absl::string_view::npos) parameter.value = word.substr(equals + 1);
    command.fault = mail ? SetMailParameter(parameter, command.parameters, seen)
                         : SetRecipientParameter(parameter, command.recipient_parameters, seen);
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
