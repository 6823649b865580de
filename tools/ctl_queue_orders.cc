// What is done to the queue: retry, hold, release, bounce, delete; and its summary.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

// One of the orders, and its words.
struct Order {
  const char* path;
  const char* count;      // the member of the answer
  const char* one;        // "1 message is held"
  const char* many;       // "3 messages are held"
  const char* nothing;    // when it changed nothing
  bool takes_reason;
};

constexpr Order kRetry = {"queue:retry", "woken", "message is tried again now",
                          "messages are tried again now",
                          "nothing of it waits; what is being sent already is left alone", false};
constexpr Order kHold = {"queue:hold", "held", "message is on hold", "messages are on hold",
                         "nothing of it waits that is not on hold; what is being sent is left alone",
                         true};
constexpr Order kRelease = {"queue:release", "released", "message is tried again now",
                            "messages are tried again now", "nothing of it is on hold", false};
constexpr Order kBounce = {"queue:bounce", "bounced", "message is given back to its sender",
                           "messages are given back to their senders",
                           "nothing of it waits; what is being sent is left alone", true};
constexpr Order kDelete = {"queue:delete", "deleted",
                           "message is deleted; the history keeps who did it and why",
                           "messages are deleted; the history keeps who did it and why",
                           "nothing of it waits; what is being sent is left alone", true};

absl::StatusOr<Json> BodyOf(const Order& order, const Invocation& invocation) {
  const bool by_id = !invocation.arguments.empty();
  const bool by_domain = invocation.Has("domain");
  const bool all = invocation.Has("all");
  if (all ? by_id || by_domain : !by_id && !by_domain) {
    return absl::InvalidArgumentError(
        "name a message ID, --domain=DOMAIN, both of them, or --all: what this is about");
  }
  Json body;
  if (by_id) body["message"] = invocation.arguments[0];
  if (by_domain) body["domain"] = invocation.Get("domain");
  if (all) body["all"] = true;
  if (order.takes_reason && invocation.Has("reason")) body["reason"] = invocation.Get("reason");
  return body;
}

absl::StatusOr<int> Give(const Order& order, const Context& context,
                         const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const Json body, BodyOf(order, invocation));
  SLUICE_ASSIGN_OR_RETURN(const Json answer, context.client.Post(Path({order.path}), body));
  const int64_t count = NumberOf(answer, order.count);
  if (context.json) {
    PrintJson(answer);
  } else if (count == 0) {
    Print(absl::StrCat(order.nothing, "\n"));
  } else {
    Print(absl::StrCat(CountText(count, order.one, order.many), "\n"));
  }
  return count == 0 && !invocation.Has("all") ? kNothing : kDone;
}

// "not_offered 12, connect 3": the most frequent first.
std::string ReasonsText(const Json& reasons) {
  std::vector<std::pair<int64_t, std::string>> sorted;
  for (const auto& [reason, count] : reasons.items()) {
    sorted.emplace_back(-NumberOf(reasons, reason.c_str()), reason);
  }
  std::sort(sorted.begin(), sorted.end());
  return absl::StrJoin(sorted, ", ", [](std::string* out, const auto& pair) {
    absl::StrAppend(out, pair.second, " ", -pair.first);
  });
}

std::vector<std::string> SummaryRow(const std::string& name, const Json& summary,
                                    absl::Time now) {
  std::vector<std::string> row = {name, absl::StrCat(NumberOf(summary, "messages"))};
  for (const Json& count : PartOf(summary, "by_age")) {
    row.push_back(absl::StrCat(count.is_number() ? count.get<int64_t>() : 0));
  }
  row.push_back(absl::StrCat(NumberOf(summary, "held")));
  row.push_back(absl::StrCat(NumberOf(summary, "tls_failed")));
  row.push_back(absl::StrCat(NumberOf(summary, "parked")));
  const std::string probe = TextOf(summary, "next_probe_at");
  row.push_back(probe.empty() ? "" : DistanceText(ReadTime(probe), now));
  const std::string pause = TextOf(summary, "paused_until");
  row.push_back(!pause.empty() ? absl::StrCat("pause, over ", DistanceText(ReadTime(pause), now))
                : FlagOf(summary, "rate_limited") ? "rate"
                                                  : "");
  row.push_back(ReasonsText(PartOf(summary, "by_reason")));
  return row;
}

}  // namespace

absl::StatusOr<int> RetryQueued(const Context& context, const Invocation& invocation) {
  return Give(kRetry, context, invocation);
}

absl::StatusOr<int> HoldQueued(const Context& context, const Invocation& invocation) {
  return Give(kHold, context, invocation);
}

absl::StatusOr<int> ReleaseQueued(const Context& context, const Invocation& invocation) {
  return Give(kRelease, context, invocation);
}

absl::StatusOr<int> BounceQueued(const Context& context, const Invocation& invocation) {
  return Give(kBounce, context, invocation);
}

absl::StatusOr<int> DeleteQueued(const Context& context, const Invocation& invocation) {
  return Give(kDelete, context, invocation);
}

absl::StatusOr<int> SummarizeQueue(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const size_t limit, LimitOf(invocation, 20));
  SLUICE_ASSIGN_OR_RETURN(
      const Json answer,
      context.client.Get(Path({"queue:summary"}, {{"domain", invocation.Get("domain")},
                                                  {"limit", absl::StrCat(limit)}})));
  if (context.json) {
    PrintJson(answer);
    return kDone;
  }
  // By age in minutes, as qshape has it.
  std::vector<std::string> heading = {"DESTINATION", "ALL"};
  std::string last;
  for (const Json& age : PartOf(answer, "ages_minutes")) {
    last = absl::StrCat(age.is_number() ? age.get<int64_t>() : 0);
    heading.push_back(absl::StrCat("-", last, "m"));
  }
  heading.push_back(absl::StrCat(last, "m+"));
  for (const char* const name : {"HELD", "TLS", "PARKED", "PROBE", "WAITS FOR", "WHY"}) {
    heading.emplace_back(name);
  }
  Table table(std::move(heading));
  table.Add(SummaryRow("(all)", PartOf(answer, "all"), context.now));
  const Json& destinations = PartOf(answer, "destinations");
  for (const Json& destination : destinations) {
    table.Add(SummaryRow(TextOf(destination, "destination"), destination, context.now));
  }
  Print(table.ToString());
  const int64_t total = NumberOf(answer, "destinations_total");
  const auto shown = static_cast<int64_t>(destinations.size());
  if (shown < total) {
    Print(absl::StrCat(shown, " of ", total, " destinations; --limit=N shows more\n"));
  }
  return kDone;
}

}  // namespace sluice::ctl
