// The queue: list, show. What is done to it: ctl_queue_orders.cc.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

constexpr size_t kPage = 1000;

// How a sender is shown: the null sender as it stands in SMTP.
std::string Sender(const Json& message) {
  const std::string sender = TextOf(message, "sender");
  return sender.empty() ? "<>" : sender;
}

std::string Recipients(const Json& message) {
  const Json& recipients = PartOf(message, "recipients");
  if (recipients.empty()) return TextOf(message, "destination");
  const std::string first = TextOf(recipients[0], "address");
  return recipients.size() == 1 ? first : absl::StrCat(first, " +", recipients.size() - 1);
}

// "starttls: not_offered": where and why the last attempt failed; without a reason of TLS's, where.
std::string Why(const Json& failure) {
  const std::string reason = TextOf(failure, "reason");
  return absl::StrCat(TextOf(failure, "stage"), reason.empty() ? "" : ": ", reason);
}

// On one line, so with the words where there is no reason of TLS's.
std::string ShortWhy(const Json& failure) {
  const bool has_reason = failure.empty() || !TextOf(failure, "reason").empty();
  return has_reason ? Why(failure) : absl::StrCat(Why(failure), ": ", TextOf(failure, "text"));
}

std::vector<std::string> Row(const Json& message, absl::Time now) {
  const auto distance = [&](const char* member) {
    const std::string time = TextOf(message, member);
    return time.empty() ? "" : DistanceText(ReadTime(time), now);
  };
  const std::string state = TextOf(message, "state");
  const std::string next = state == "active" ? "now" : state == "held" ? "-" : "";
  return {TextOf(message, "message_id"),
          TextOf(message, "state"),
          distance("accepted_at"),
          absl::StrCat(NumberOf(message, "attempts")),
          !next.empty() ? next : distance(state == "parked" ? "next_probe_at" : "next_try_at"),
          distance("deadline_at"),
          SizeText(NumberOf(message, "size_bytes")),
          Sender(message),
          Recipients(message),
          ShortWhy(PartOf(message, "last_failure"))};
}

// "RET=HDRS ENVID=QQ1 REQUIRETLS": what its sender asks for, in the words it was asked in.
std::string Asked(const Json& part) {
  std::vector<std::string> words;
  for (const auto& [member, name] : {std::pair("ret", "RET="), std::pair("envid", "ENVID=")}) {
    const std::string value = TextOf(part, member);
    if (!value.empty()) words.push_back(absl::StrCat(name, value));
  }
  if (FlagOf(part, "require_tls")) words.emplace_back("REQUIRETLS");
  if (FlagOf(part, "tls_required_no")) words.emplace_back("TLS-Required: No");
  return absl::StrJoin(words, " ");
}

// Likewise, of one recipient.
std::string AskedOf(const Json& recipient) {
  std::string asked;
  for (const auto& [member, name] :
       {std::pair("notify", "NOTIFY="), std::pair("orcpt", "ORCPT=")}) {
    const std::string value = TextOf(recipient, member);
    if (!value.empty()) absl::StrAppend(&asked, " ", name, value);
  }
  return asked;
}

void PrintPart(const Json& part, absl::Time now) {
  Print(absl::StrCat("\nTo ", Printable(TextOf(part, "destination")), ": ",
                     Printable(TextOf(part, "state")), ", ",
                     CountText(NumberOf(part, "attempts"), "attempt", "attempts"), "\n"));
  Sheet sheet(2);
  sheet.Add("On hold", TextOf(part, "held"));
  sheet.Add("Next try", MomentText(TextOf(part, "next_try_at"), now));
  sheet.Add("Next probe", MomentText(TextOf(part, "next_probe_at"), now));
  const Json& failure = PartOf(part, "last_failure");
  if (!failure.empty()) {
    sheet.Add("Last failure", MomentText(TextOf(failure, "at"), now));
    sheet.Add("Server", ServerText(TextOf(failure, "mx"), TextOf(failure, "address")));
    sheet.Add("Why", Why(failure));
    sheet.Add("Answer", TextOf(failure, "text"));
  }
  for (const Json& recipient : PartOf(part, "recipients")) {
    const std::string reply = TextOf(recipient, "last_reply");
    sheet.Add("Recipient",
              absl::StrCat(TextOf(recipient, "address"), AskedOf(recipient), ", ",
                           TextOf(recipient, "state"), reply.empty() ? "" : ": ", reply));
  }
  Print(sheet.ToString());
}

// A line of the header on a line of its own, with nothing in it that a terminal would obey.
void PrintHeader(absl::string_view header) {
  if (header.empty()) return;
  std::string text = "\nHeader:\n";
  for (absl::string_view line : absl::StrSplit(absl::StripSuffix(header, "\r\n"), "\r\n")) {
    absl::StrAppend(&text, "  ", Printable(line), "\n");
  }
  Print(text);
}

}  // namespace

std::string QueueText(const Json& totals, absl::Time now) {
  std::string text = absl::StrCat(CountText(NumberOf(totals, "messages"), "message", "messages"),
                                  " (", SizeText(NumberOf(totals, "body_bytes")), "), ",
                                  NumberOf(totals, "active"), " of them being sent");
  const int64_t parked = NumberOf(totals, "parked");
  if (parked > 0) absl::StrAppend(&text, ", ", parked, " waiting for domains whose TLS fails");
  const std::string oldest = TextOf(totals, "oldest_accepted_at");
  if (!oldest.empty()) {
    absl::StrAppend(&text, "; the oldest came ", DistanceText(ReadTime(oldest), now));
  }
  return text;
}

absl::StatusOr<int> ListQueue(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const size_t limit, LimitOf(invocation, 100));
  Json all = Json::array();
  Json totals;
  std::string next;
  do {
    SLUICE_ASSIGN_OR_RETURN(
        const Json page,
        context.client.Get(
            Path({"queue"}, {{"domain", invocation.Get("domain")},
                             {"sender", invocation.Get("sender")},
                             {"recipient", invocation.Get("recipient")},
                             {"state", invocation.Get("state")},
                             {"limit", absl::StrCat(std::min(limit - all.size(), kPage))},
                             {"cursor", next}})));
    for (const Json& message : PartOf(page, "messages")) all.push_back(message);
    totals = PartOf(page, "totals");
    next = TextOf(page, "next");
  } while (!next.empty() && all.size() < limit);
  if (context.json) {
    PrintJson({{"messages", std::move(all)}, {"totals", std::move(totals)}, {"next", next}});
    return kDone;
  }
  Table table(
      {"MESSAGE", "STATE", "CAME", "TRIES", "NEXT TRY", "EXPIRES", "SIZE", "FROM", "TO", "WHY"});
  for (const Json& message : all) table.Add(Row(message, context.now));
  if (!all.empty()) Print(table.ToString());
  if (!next.empty()) Print("more match; --limit=N shows them\n");
  Print(absl::StrCat("In the queue: ", QueueText(totals, context.now), "\n"));
  return kDone;
}

absl::StatusOr<int> ShowQueued(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const Json answer,
                          context.client.Get(Path({"queue", invocation.arguments[0]})));
  if (context.json) {
    PrintJson(answer);
    return kDone;
  }
  const Json& parts = PartOf(answer, "parts");
  Sheet sheet;
  sheet.Add("Message", TextOf(answer, "message_id"));
  if (!parts.empty()) {
    sheet.Add("From", Sender(parts[0]));
    sheet.Add("Size", SizeText(NumberOf(parts[0], "size_bytes")));
    sheet.Add("Came", MomentText(TextOf(parts[0], "accepted_at"), context.now));
    sheet.Add("Expires", MomentText(TextOf(parts[0], "deadline_at"), context.now));
  }
  if (!parts.empty()) {
    const Json& from = PartOf(parts[0], "received_from");
    const std::string version = TextOf(from, "tls_version");
    sheet.Add("Came from", ServerText(TextOf(from, "helo"), TextOf(from, "client_address")));
    sheet.Add("Came over",
              version.empty() ? "no TLS" : absl::StrCat(version, ", ", TextOf(from, "cipher")));
    sheet.Add("Asks for", Asked(parts[0]));
  }
  Print(sheet.ToString());
  for (const Json& part : parts) PrintPart(part, context.now);
  PrintHeader(TextOf(answer, "header"));
  return kDone;
}

}  // namespace sluice::ctl
