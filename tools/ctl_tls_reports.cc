// TLS reports to other domains (RFC 8460): what is counted, and what goes out.
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

constexpr size_t kDefaultRows = 100;

}  // namespace

absl::StatusOr<int> ListTlsReports(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const size_t limit, LimitOf(invocation, kDefaultRows));
  SLUICE_ASSIGN_OR_RETURN(const Json answer,
                          context.client.Get(Path({"tlsrpt"}, {{"limit", absl::StrCat(limit)}})));
  if (context.json) {
    PrintJson(answer);
    return kDone;
  }
  const Json& reports = PartOf(answer, "reports");
  Table table({"DOMAIN", "DAY", "AS ASKED", "FAILED", "SENT", "LAST ERROR"});
  for (const Json& report : reports) {
    table.Add({TextOf(report, "domain"), TextOf(report, "day"),
               absl::StrCat(NumberOf(report, "successes")),
               absl::StrCat(NumberOf(report, "failures")),
               DistanceText(ReadTime(TextOf(report, "next_try")), context.now),
               TextOf(report, "last_error")});
  }
  if (!reports.empty()) Print(table.ToString());
  Print(absl::StrCat(reports.size(), " of ", NumberOf(answer, "total"),
                     "; 'sluicectl tlsrpt show DOMAIN' shows a report as it would be sent\n"));
  return kDone;
}

absl::StatusOr<int> ShowTlsReport(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const Json report,
                          context.client.Get(Path({"tlsrpt", invocation.arguments[0]},
                                                  {{"day", invocation.Get("day")}})));
  PrintJson(report);  // it is JSON for whoever gets it, too
  return kDone;
}

absl::StatusOr<int> SendTlsReport(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const Json sent, context.client.Post(Path({"tlsrpt:send"}),
                                                               {{"domain", invocation.arguments[0]},
                                                                {"day", invocation.Get("day")}}));
  if (context.json) {
    PrintJson(sent);
    return kDone;
  }
  const std::string message = TextOf(sent, "message_id");
  Print(absl::StrCat("sent to ", Printable(TextOf(sent, "to")), " as report ",
                     Printable(TextOf(sent, "report_id")), "\n",
                     message.empty()
                         ? ""
                         : absl::StrCat("it is message ", Printable(message), " of the queue\n")));
  return kDone;
}

}  // namespace sluice::ctl
