// sluicectl: asks a running sluiced (over its control socket or --url), and tells it what to do. It is a
// client of the HTTP API (engine/admin/server.h), and looks at the store of one that does not run
// (queue/store_check.h); 'sluicectl --help' lists what it can.
#include <curl/curl.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_endpoint.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kDone;
    case absl::StatusCode::kInvalidArgument:
      return kUsage;
    case absl::StatusCode::kUnavailable:
      return kNotReached;
    default:
      return kNothing;
  }
}

int Fail(const absl::Status& status) {
  const std::string message = absl::StrCat("sluicectl: ", PrintableLines(status.message()), "\n");
  fputs(message.c_str(), stderr);
  return ExitCodeOf(status);
}

int Main(const std::vector<std::string>& words) {
  const absl::StatusOr<Invocation> invocation = ParseCommandLine(Commands(), words);
  if (!invocation.ok()) return Fail(invocation.status());
  if (invocation->help) {
    Print(invocation->command == nullptr ? Overview(Commands()) : HelpFor(*invocation->command));
    // Nothing was asked for: the overview is help, but the command line was not right.
    return words.empty() ? kUsage : ExitCodeOf(Flush());
  }
  absl::StatusOr<Endpoint> endpoint = EndpointOf(*invocation);
  if (!endpoint.ok()) return Fail(endpoint.status());
  const Client client(*std::move(endpoint));
  const Context context{client, invocation->Has("json"), absl::Now()};
  const absl::StatusOr<int> code = invocation->command->run(context, *invocation);
  if (const absl::Status flushed = Flush(); !flushed.ok()) return Fail(flushed);
  return code.ok() ? *code : Fail(code.status());
}

}  // namespace
}  // namespace sluice::ctl

int main(int argc, char** argv) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const int code = sluice::ctl::Main(std::vector<std::string>(argv + 1, argv + argc));
  curl_global_cleanup();
  return code;
}
