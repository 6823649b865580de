// The history, once or as it is written.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

constexpr size_t kPage = 1000;
constexpr absl::Duration kFollowInterval = absl::Seconds(1);

absl::StatusOr<Query> FiltersOf(const Invocation& invocation, absl::Time now) {
  Query query;
  for (const char* const name : {"domain", "message", "outcome", "sender", "recipient", "stage",
                                 "reason", "lang"}) {
    query.emplace_back(name, invocation.Get(name));
  }
  if (invocation.Has("monitored")) query.emplace_back("monitored", "true");
  SLUICE_ASSIGN_OR_RETURN(const Query times, TimesOf(invocation, now));
  query.insert(query.end(), times.begin(), times.end());
  return query;
}

void PrintEntry(const Json& entry, const Json& labels) {
  const auto label = [&labels](const char* member) { return TextOf(labels, member); };
  Print(Printable(absl::StrCat(TimeText(TextOf(entry, "at")), "  ", TextOf(entry, "heading"))));
  Print("\n");
  Sheet sheet(2);
  sheet.Add(label("message_id"), TextOf(entry, "message_id"));
  sheet.Add(label("direction"), label(TextOf(entry, "direction").c_str()));
  const std::string sender = TextOf(entry, "sender");
  sheet.Add(label("sender"), sender.empty() ? "<>" : sender);
  sheet.Add(label("recipients"), TextsOf(entry, "recipients"));
  sheet.Add(label("domain"), TextOf(entry, "domain"));
  std::string pattern = TextOf(entry, "entry");
  if (const int64_t generation = NumberOf(entry, "entry_generation"); generation > 0) {
    absl::StrAppend(&pattern, " (", label("entry_generation"), " ", generation, ")");
  }
  sheet.Add(label("entry"), pattern);
  sheet.Add(label("decided_by"), TextOf(entry, "decided_by"));
  if (const int64_t attempt = NumberOf(entry, "attempt"); attempt > 0) {
    sheet.Add(label("attempt"), absl::StrCat(attempt));
  }
  sheet.Add(label("server"), ServerText(TextOf(entry, "mx"), TextOf(entry, "address")));
  sheet.Add(label("source_address"), TextOf(entry, "source_address"));
  std::string why = TextOf(entry, "stage_text");
  const std::string reason = TextOf(entry, "reason_text");
  if (!reason.empty()) absl::StrAppend(&why, why.empty() ? "" : ": ", reason);
  sheet.Add(label("why"), why);
  sheet.Add(label("detail"), TextOf(entry, "detail"));
  const std::string version = TextOf(entry, "tls_version");
  if (!version.empty())
    sheet.Add(label("tls"), absl::StrCat(version, ", ", TextOf(entry, "cipher")));
  sheet.Add(label("certificate"), TextOf(entry, "certificate"));
  sheet.Add(label("handshake"), LinesOf(entry, "handshake"));
  for (const char* const member : {"next_try_at", "deadline_at"}) {
    sheet.Add(label(member), TimeText(TextOf(entry, member)));
  }
  Print(sheet.ToString());
  Print("\n");
}

void PrintOne(const Context& context, const Json& entry, const Json& labels) {
  if (context.json) {
    PrintJsonLine(entry);
  } else {
    PrintEntry(entry, labels);
  }
}

// Everything behind `cursor`, oldest first, for as long as the daemon and our reader are there.
absl::StatusOr<int> Follow(const Context& context, Query query, std::string cursor) {
  query.emplace_back("order", "oldest");
  query.emplace_back("limit", absl::StrCat(kPage));
  while (true) {
    Query next = query;
    next.emplace_back("cursor", cursor);
    SLUICE_ASSIGN_OR_RETURN(const Json page, context.client.Get(Path({"history"}, next)));
    const Json& entries = PartOf(page, "entries");
    for (const Json& entry : entries) PrintOne(context, entry, PartOf(page, "labels"));
    SLUICE_RETURN_IF_ERROR(Flush());
    const std::string behind = std::exchange(cursor, TextOf(page, "next"));
    if (cursor == behind) absl::SleepFor(kFollowInterval);  // nothing new was even looked at
  }
}

}  // namespace

absl::StatusOr<int> ShowHistory(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const size_t limit, LimitOf(invocation, 20));
  SLUICE_ASSIGN_OR_RETURN(const Query filters, FiltersOf(invocation, context.now));
  std::vector<Json> newest_first;
  Json labels;
  std::string next;
  do {
    Query query = filters;
    query.emplace_back("limit", absl::StrCat(std::min(limit - newest_first.size(), kPage)));
    query.emplace_back("cursor", next);
    SLUICE_ASSIGN_OR_RETURN(const Json page, context.client.Get(Path({"history"}, query)));
    for (const Json& entry : PartOf(page, "entries")) newest_first.push_back(entry);
    labels = PartOf(page, "labels");
    next = TextOf(page, "next");
  } while (!next.empty() && newest_first.size() < limit);

  // The newest last: it stands where one looks, and --follow goes on from it.
  for (auto entry = newest_first.rbegin(); entry != newest_first.rend(); ++entry) {
    PrintOne(context, *entry, labels);
  }
  if (invocation.Has("follow")) {
    SLUICE_RETURN_IF_ERROR(Flush());
    return Follow(context, filters,
                  newest_first.empty() ? "" : TextOf(newest_first.front(), "cursor"));
  }
  if (newest_first.empty() && !context.json) Print("no entry of the history matches\n");
  return kDone;
}

}  // namespace sluice::ctl
