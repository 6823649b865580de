// What is recorded about the list: who changed it, and what its monitored entries would have done.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

constexpr size_t kPage = 1000;

std::string ReasonsText(const Json& reasons) {
  std::vector<std::string> texts;
  for (const auto& [reason, count] : reasons.items()) {
    texts.push_back(absl::StrCat(reason, " ", NumberOf(reasons, reason.c_str())));
  }
  return absl::StrJoin(texts, ", ");
}

}  // namespace

absl::StatusOr<int> ShowChanges(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const size_t limit, LimitOf(invocation, 20));
  SLUICE_ASSIGN_OR_RETURN(const Query times, TimesOf(invocation, context.now));
  std::vector<Json> newest_first;
  std::string next;
  do {
    Query query = times;
    query.emplace_back("pattern", invocation.Get("pattern"));
    query.emplace_back("by", invocation.Get("by"));
    query.emplace_back("limit", absl::StrCat(std::min(limit - newest_first.size(), kPage)));
    query.emplace_back("cursor", next);
    SLUICE_ASSIGN_OR_RETURN(const Json page, context.client.Get(Path({"domains:changes"}, query)));
    for (const Json& change : PartOf(page, "changes")) newest_first.push_back(change);
    next = TextOf(page, "next");
  } while (!next.empty() && newest_first.size() < limit);
  std::reverse(newest_first.begin(), newest_first.end());
  if (context.json) {
    for (const Json& change : newest_first) PrintJsonLine(change);
    return kDone;
  }
  Table table({"GENERATION", "WHEN", "BY", "PATTERN", "WHAT"});
  for (const Json& change : newest_first) {
    table.Add({absl::StrCat(NumberOf(change, "generation")), TimeText(TextOf(change, "at")),
               TextOf(change, "by"), TextOf(change, "pattern"), TextOf(change, "difference")});
  }
  Print(newest_first.empty() ? "no change of the list matches\n" : table.ToString());
  return kDone;
}

absl::StatusOr<int> ReportMonitored(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const size_t limit, LimitOf(invocation, 50));
  SLUICE_ASSIGN_OR_RETURN(Query query, TimesOf(invocation, context.now));
  query.emplace_back("domain", invocation.Get("domain"));
  query.emplace_back("limit", absl::StrCat(limit));
  SLUICE_ASSIGN_OR_RETURN(const Json answer,
                          context.client.GetLong(Path({"domains:report"}, query)));
  if (context.json) {
    PrintJson(answer);
    return kDone;
  }
  const Json& domains = PartOf(answer, "domains");
  Table table({"DOMAIN", "DIRECTION", "ENTRY", "MESSAGES", "WHY", "LAST", "WHAT HAPPENED"});
  for (const Json& domain : domains) {
    table.Add({TextOf(domain, "domain"), TextOf(domain, "direction"), TextOf(domain, "entry"),
               absl::StrCat(NumberOf(domain, "messages")), ReasonsText(PartOf(domain, "by_reason")),
               DistanceText(ReadTime(TextOf(domain, "last_at")), context.now),
               TextOf(domain, "last_detail")});
  }
  if (!domains.empty()) Print(table.ToString());
  Print(absl::StrCat(
      "enforcement would have deferred or refused ",
      CountText(NumberOf(answer, "messages"), "message", "messages"), " of ",
      CountText(NumberOf(answer, "domains_total"), "domain and direction",
                "domains and directions"),
      "\n"));
  return kDone;
}

}  // namespace sluice::ctl
