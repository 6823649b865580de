#include "tools/ctl_options.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_text.h"
#include "tools/default_paths.h"

namespace sluice::ctl {
namespace {

constexpr Option kGlobalOptions[] = {
    {"control_socket", "PATH",
     "the daemon's socket; else $SLUICE_CONTROL_SOCKET, else var/sluice.sock"},
    {"url", "URL", "instead of the socket: the daemon's --admin_listen, https://host:port"},
    {"token_file", "FILE", "with --url: the file of the token ('sluicectl token add' makes one)"},
    {"ca_file", "FILE", "with --url: roots (PEM) to trust instead of the system's"},
    {"json", "", "print the daemon's answer as JSON, for programs"},
    {"help", "", "say how a command is used"},
};

const Option* FindOption(absl::Span<const Option> options, absl::string_view name) {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [name](const Option& option) { return option.name == name; });
  return found == options.end() ? nullptr : &*found;
}

// The command that the first words name; `used` of them are its name.
const Command* FindCommand(absl::Span<const Command> commands,
                           const std::vector<std::string>& words, size_t& used) {
  for (const Command& command : commands) {
    const std::vector<absl::string_view> name = absl::StrSplit(command.name, ' ');
    if (words.size() < name.size() || !std::equal(name.begin(), name.end(), words.begin()))
      continue;
    used = name.size();
    return &command;
  }
  return nullptr;
}

absl::Status UnknownCommand(absl::Span<const Command> commands,
                            const std::vector<std::string>& words) {
  std::string verbs;
  for (const Command& command : commands) {
    if (absl::StartsWith(command.name, absl::StrCat(words[0], " "))) {
      absl::StrAppend(&verbs, verbs.empty() ? "" : ", ",
                      absl::StripPrefix(command.name, absl::StrCat(words[0], " ")));
    }
  }
  if (!verbs.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", words[0], "' is followed by one of: ", verbs));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", Printable(words[0]), "' is no command; 'sluicectl --help' lists them"));
}

// Option words with their values, in the order given; the rest goes to `plain`.
struct GivenOption {
  std::string name;
  bool has_value = false;
  std::string value;
};

// Whether an option takes a value can be told only with the command at hand, which may stand behind
// it: any command's table says so, since no two disagree (a test holds them to that).
bool TakesValue(absl::Span<const Command> commands, absl::string_view name) {
  const Option* option = FindOption(kGlobalOptions, name);
  for (const Command& command : commands) {
    if (option == nullptr) option = FindOption(command.options, name);
  }
  return option != nullptr && !option->value.empty();
}

std::vector<GivenOption> TakeOptions(absl::Span<const Command> commands,
                                     absl::Span<const std::string> words,
                                     std::vector<std::string>& plain) {
  std::vector<GivenOption> given;
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view word = words[i];
    if (word == "--") {
      plain.insert(plain.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word == "-h") word = "--help";
    if (!absl::ConsumePrefix(&word, "--")) {
      plain.push_back(words[i]);
      continue;
    }
    GivenOption option;
    const size_t equals = word.find('=');
    option.name = absl::StrReplaceAll(word.substr(0, equals), {{"-", "_"}});
    if (equals != absl::string_view::npos) {
      option.has_value = true;
      option.value = std::string(word.substr(equals + 1));
    } else if (TakesValue(commands, option.name) && i + 1 < words.size()) {
      option.has_value = true;
      option.value = words[++i];
    }
    given.push_back(std::move(option));
  }
  return given;
}

absl::Status CheckOption(const Command* command, const GivenOption& given,
                         const Invocation& invocation) {
  const Option* option = FindOption(kGlobalOptions, given.name);
  if (option == nullptr && command != nullptr) option = FindOption(command->options, given.name);
  const std::string shown = Printable(given.name);
  const std::string help = command == nullptr
                               ? "sluicectl --help"
                               : absl::StrCat("sluicectl ", command->name, " --help");
  if (option == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", shown, " is no option here; '", help, "' lists those that are"));
  }
  if (option->value.empty() && given.has_value) {
    return absl::InvalidArgumentError(absl::StrCat("--", shown, " takes no value"));
  }
  if (!option->value.empty() && !given.has_value) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", shown, " needs a value: --", shown, "=", option->value));
  }
  if (invocation.Has(given.name)) {
    return absl::InvalidArgumentError(absl::StrCat("--", shown, " is given twice"));
  }
  return absl::OkStatus();
}

std::string OptionLines(absl::Span<const Option> options) {
  Sheet sheet(2);
  for (const Option& option : options) {
    sheet.Add(absl::StrCat("--", option.name, option.value.empty() ? "" : "=", option.value),
              option.help);
  }
  return sheet.ToString();
}

std::string UsageOf(const Command& command) {
  return absl::StrCat("sluicectl ", command.name, command.arguments.empty() ? "" : " ",
                      command.arguments, command.options.empty() ? "" : " [OPTION…]");
}

}  // namespace

std::string Invocation::Get(absl::string_view option) const {
  const auto found = options_.find(std::string(option));
  return found == options_.end() ? "" : found->second;
}

absl::Span<const Option> GlobalOptions() { return kGlobalOptions; }

absl::StatusOr<Invocation> ParseCommandLine(absl::Span<const Command> commands,
                                            absl::Span<const std::string> words) {
  Invocation invocation;
  std::vector<std::string> plain;
  const std::vector<GivenOption> given = TakeOptions(commands, words, plain);
  size_t used = 0;
  invocation.command = FindCommand(commands, plain, used);
  for (const GivenOption& option : given) invocation.help |= option.name == "help";
  if (invocation.help || plain.empty()) {
    invocation.help = true;
    return invocation;
  }
  if (invocation.command == nullptr) return UnknownCommand(commands, plain);
  for (const GivenOption& option : given) {
    SLUICE_RETURN_IF_ERROR(CheckOption(invocation.command, option, invocation));
    invocation.Set(option.name, option.value);
  }
  invocation.arguments.assign(plain.begin() + static_cast<std::ptrdiff_t>(used), plain.end());
  const size_t count = invocation.arguments.size();
  if (count < invocation.command->fewest_arguments || count > invocation.command->most_arguments) {
    return absl::InvalidArgumentError(absl::StrCat(
        count < invocation.command->fewest_arguments ? "something is missing" : "that is too much",
        "; usage: ", UsageOf(*invocation.command)));
  }
  return invocation;
}

std::string Overview(absl::Span<const Command> commands) {
  Sheet sheet(2);
  for (const Command& command : commands) {
    sheet.Add(absl::StrCat(command.name, command.arguments.empty() ? "" : " ", command.arguments),
              command.summary);
  }
  return absl::StrCat(
      "sluicectl asks a running sluiced, and tells it what to do.\n\n"
      "usage: sluicectl COMMAND [ARGUMENT…] [OPTION…]\n\nCommands:\n",
      sheet.ToString(), "\nOptions of all commands:\n", OptionLines(kGlobalOptions),
      "\nExit codes:\n"
      "  0  done\n"
      "  1  the daemon refused, found nothing of what was named, a ping is not valid, or a store "
      "is\n"
      "     damaged\n"
      "  2  the command line is wrong\n"
      "  3  no daemon can be reached, or a store cannot be looked at\n\n"
      "'sluicectl COMMAND --help' has more on each, with examples.\n");
}

std::string HelpFor(const Command& command) {
  std::string text = absl::StrCat("usage: ", UsageOf(command), "\n\n", command.summary, "\n");
  if (!command.options.empty()) {
    absl::StrAppend(&text, "\nOptions:\n", OptionLines(command.options));
  }
  absl::StrAppend(&text, "\nOptions of all commands:\n", OptionLines(kGlobalOptions),
                  "\nExamples:\n");
  for (const absl::string_view line : absl::StrSplit(command.examples, '\n')) {
    absl::StrAppend(&text, "  ", line, "\n");
  }
  return text;
}

}  // namespace sluice::ctl
