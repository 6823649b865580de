// The commands of sluicectl. Each asks the daemon (CheckStore: the store itself), prints what it
// answers, and gives back the exit code: kDone, or kNothing where nothing was found of what was
// named, a ping is not valid, or a store is damaged.
#ifndef SLUICE_TOOLS_CTL_COMMANDS_H_
#define SLUICE_TOOLS_CTL_COMMANDS_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "tools/ctl_client.h"
#include "tools/ctl_options.h"

namespace sluice::ctl {

inline constexpr int kDone = 0;
inline constexpr int kNothing = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNotReached = 3;

struct Context {
  const Client& client;
  bool json;
  absl::Time now;
};

// All of them, in the order of the help.
absl::Span<const Command> Commands();

absl::StatusOr<int> AddDomain(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ListDomains(const Context& context, const Invocation& invocation);
absl::StatusOr<int> SearchDomains(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ShowDomain(const Context& context, const Invocation& invocation);
absl::StatusOr<int> SetDomain(const Context& context, const Invocation& invocation);
absl::StatusOr<int> RemoveDomains(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ImportDomains(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ExportDomains(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ExplainDomain(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ShowChanges(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ReportMonitored(const Context& context, const Invocation& invocation);
absl::StatusOr<int> Ping(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ListQueue(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ShowQueued(const Context& context, const Invocation& invocation);
absl::StatusOr<int> RetryQueued(const Context& context, const Invocation& invocation);
absl::StatusOr<int> SummarizeQueue(const Context& context, const Invocation& invocation);
absl::StatusOr<int> HoldQueued(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ReleaseQueued(const Context& context, const Invocation& invocation);
absl::StatusOr<int> BounceQueued(const Context& context, const Invocation& invocation);
absl::StatusOr<int> DeleteQueued(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ShowHistory(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ExportHistory(const Context& context, const Invocation& invocation);
absl::StatusOr<int> VerifyHistory(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ListTlsReports(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ShowTlsReport(const Context& context, const Invocation& invocation);
absl::StatusOr<int> SendTlsReport(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ShowCertificates(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ShowStatus(const Context& context, const Invocation& invocation);
absl::StatusOr<int> Reload(const Context& context, const Invocation& invocation);
absl::StatusOr<int> AddToken(const Context& context, const Invocation& invocation);
absl::StatusOr<int> ListTokens(const Context& context, const Invocation& invocation);
absl::StatusOr<int> RemoveToken(const Context& context, const Invocation& invocation);
absl::StatusOr<int> CheckStore(const Context& context, const Invocation& invocation);

// To standard output; what cannot be written there is FailedPrecondition in the end (Flush).
void Print(absl::string_view text);
void PrintJson(const Json& answer);      // indented
void PrintJsonLine(const Json& answer);  // on one line
absl::Status Flush();

// A number of rows: the option, or what holds without it.
absl::StatusOr<size_t> LimitOf(const Invocation& invocation, size_t default_value);

// --since and --until as the API takes them.
absl::StatusOr<Query> TimesOf(const Invocation& invocation, absl::Time now);

// What a ping found; the exit code that says whether it is valid.
int PrintPing(const Json& ping);

// "2 messages: 1 active, 0 due, 1 parked; the oldest came 2h ago".
std::string QueueText(const Json& totals, absl::Time now);

}  // namespace sluice::ctl

#endif  // SLUICE_TOOLS_CTL_COMMANDS_H_
