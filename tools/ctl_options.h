// The command line of sluicectl: a table of commands, from which both parsing and help come.
//
//   sluicectl [--control_socket=PATH | --url=URL --token_file=FILE [--ca_file=FILE]] [--json]
//             COMMAND [ARGUMENT…] [--OPTION[=VALUE]…]
//
// Options stand anywhere, as --name=value or --name value; '-' and '_' are the same within a name;
// "--" ends them. Thread-safe (functions of their arguments).
#ifndef SLUICE_TOOLS_CTL_OPTIONS_H_
#define SLUICE_TOOLS_CTL_OPTIONS_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sluice::ctl {

struct Option {
  absl::string_view name;
  absl::string_view value;  // what stands behind it, for help: "LEVEL"; empty: a switch
  absl::string_view help;
};

struct Context;
class Invocation;

struct Command {
  absl::string_view name;       // one or two words: "domains add"
  absl::string_view arguments;  // for help: "PATTERN…"
  size_t fewest_arguments;
  size_t most_arguments;
  absl::string_view summary;
  absl::Span<const Option> options;
  absl::string_view examples;  // a line each
  // Exit code. Errors: InvalidArgument is of usage; see ctl_client.h for the others.
  absl::StatusOr<int> (*run)(const Context& context, const Invocation& invocation);
};

// What was asked for, checked against the table.
class Invocation {
 public:
  const Command* command = nullptr;  // null: help, or nothing was asked for
  bool help = false;
  std::vector<std::string> arguments;

  bool Has(absl::string_view option) const { return options_.contains(std::string(option)); }
  // Empty when it was not given.
  std::string Get(absl::string_view option) const;
  void Set(absl::string_view option, std::string value) { options_[std::string(option)] = value; }

 private:
  std::map<std::string, std::string> options_;
};

// Those that every command takes.
absl::Span<const Option> GlobalOptions();

// InvalidArgument says what is wrong and what would be accepted.
absl::StatusOr<Invocation> ParseCommandLine(absl::Span<const Command> commands,
                                            absl::Span<const std::string> words);

std::string Overview(absl::Span<const Command> commands);
std::string HelpFor(const Command& command);

}  // namespace sluice::ctl

#endif  // SLUICE_TOOLS_CTL_OPTIONS_H_
