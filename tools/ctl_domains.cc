// The enforced-TLS list: add, list, search, show, set, remove.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

constexpr absl::string_view kFields[] = {"direction",
                                         "mode",
                                         "level",
                                         "match_names",
                                         "fingerprints",
                                         "minimum_version",
                                         "inbound_action",
                                         "source_addresses",
                                         "client_certificate",
                                         "note"};

// Most that the daemon gives at once.
constexpr size_t kPage = 1000;

bool IsField(absl::string_view name) {
  return std::find(std::begin(kFields), std::end(kFields), name) != std::end(kFields);
}

// A field as the API takes it: lists are arrays, of what stands between spaces and commas.
Json FieldValue(absl::string_view field, const std::string& text) {
  if (field != "match_names" && field != "fingerprints" && field != "source_addresses") return text;
  const std::vector<std::string> items =
      absl::StrSplit(text, absl::ByAnyChar(" ,"), absl::SkipEmpty());
  return items;
}

// The fields that options name, and then those of "field=value" arguments from `first` on.
absl::StatusOr<Json> FieldsOf(const Invocation& invocation, size_t first) {
  Json fields = Json::object();
  for (const absl::string_view field : kFields) {
    if (!invocation.Has(field)) continue;
    fields[std::string(field)] = FieldValue(field, invocation.Get(field));
  }
  for (size_t i = first; i < invocation.arguments.size(); ++i) {
    const std::pair<std::string, std::string> pair =
        absl::StrSplit(invocation.arguments[i], absl::MaxSplits('=', 1));
    if (!IsField(pair.first) || invocation.arguments[i].find('=') == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("'", Printable(invocation.arguments[i]),
                                                     "' must be field=value; the fields are ",
                                                     absl::StrJoin(kFields, ", ")));
    }
    if (fields.contains(pair.first)) {
      return absl::InvalidArgumentError(absl::StrCat(pair.first, " is given twice"));
    }
    fields[pair.first] = FieldValue(pair.first, pair.second);
  }
  return fields;
}

std::string EntrySheet(const Json& entry, absl::Time now) {
  Sheet sheet;
  sheet.Add("Pattern", TextOf(entry, "pattern"));
  sheet.Add("In Unicode", TextOf(entry, "pattern_unicode"));
  sheet.Add("Direction", TextOf(entry, "direction"));
  sheet.Add("Mode", TextOf(entry, "mode"));
  sheet.Add("Level", TextOf(entry, "level"));
  sheet.Add("Match names", TextsOf(entry, "match_names"));
  sheet.Add("Fingerprints", TextsOf(entry, "fingerprints"));
  sheet.Add("Minimum version", absl::StrCat("TLS ", TextOf(entry, "minimum_version")));
  sheet.Add("Inbound action", TextOf(entry, "inbound_action"));
  sheet.Add("Source addresses", TextsOf(entry, "source_addresses"));
  sheet.Add("Client certificate", TextOf(entry, "client_certificate"));
  sheet.Add("Note", TextOf(entry, "note"));
  for (const auto& [member, name] :
       {std::pair("created", "Created"), std::pair("changed", "Changed")}) {
    const Json& stamp = PartOf(entry, member);
    if (stamp.empty()) continue;
    sheet.Add(name,
              absl::StrCat(MomentText(TextOf(stamp, "at"), now), " by ", TextOf(stamp, "by")));
  }
  sheet.Add("Generation", absl::StrCat(NumberOf(entry, "generation")));
  const Json& ping = PartOf(entry, "last_ping");
  if (!ping.empty()) {
    sheet.Add("Last ping",
              absl::StrCat(TextOf(ping, "summary"), ", ", MomentText(TextOf(ping, "at"), now)));
    sheet.Add("Warning", TextsOf(ping, "warnings"));
  }
  return sheet.ToString();
}

// As people write it; whoever has it from here may type it so.
std::string NameOf(const Json& entry) {
  const std::string shown = TextOf(entry, "pattern_unicode");
  return shown.empty() ? TextOf(entry, "pattern") : shown;
}

std::string PingText(const Json& ping) {
  if (ping.empty()) return "never";
  return absl::StrCat(TextOf(ping, "summary"), PartOf(ping, "warnings").empty() ? "" : " (!)");
}

std::vector<std::string> ListRow(const Json& entry) {
  std::vector<std::string> against = TextsOf(entry, "match_names");
  for (const std::string& fingerprint : TextsOf(entry, "fingerprints")) {
    against.push_back(absl::StrCat("sha256:", fingerprint.substr(0, 16), "…"));
  }
  return {NameOf(entry),
          TextOf(entry, "direction"),
          TextOf(entry, "mode"),
          TextOf(entry, "level"),
          absl::StrCat(TextOf(entry, "minimum_version"), "+"),
          PingText(PartOf(entry, "last_ping")),
          absl::StrJoin(against, " "),
          TextOf(entry, "note")};
}

// Prints the entries that match, asking for page after page; gives back how many match in all.
absl::StatusOr<int64_t> PrintList(const Context& context, const Invocation& invocation,
                                  const std::string& text) {
  SLUICE_ASSIGN_OR_RETURN(const size_t limit, LimitOf(invocation, 100));
  Table table(
      {"PATTERN", "DIRECTION", "MODE", "LEVEL", "TLS", "LAST PING", "CHECKED AGAINST", "NOTE"});
  Json all = Json::array();
  int64_t total = 0;
  while (all.size() < limit) {
    SLUICE_ASSIGN_OR_RETURN(
        const Json page,
        context.client.Get(
            Path({"domains"}, {{"text", text},
                               {"direction", invocation.Get("direction")},
                               {"mode", invocation.Get("mode")},
                               {"level", invocation.Get("level")},
                               {"pattern", invocation.Get("pattern")},
                               {"ping", invocation.Get("ping")},
                               {"offset", absl::StrCat(all.size())},
                               {"limit", absl::StrCat(std::min(limit - all.size(), kPage))}})));
    total = NumberOf(page, "total");
    const Json& entries = PartOf(page, "entries");
    for (const Json& entry : entries) all.push_back(entry);
    if (entries.empty() || static_cast<int64_t>(all.size()) >= total) break;
  }
  if (context.json) {
    PrintJson({{"entries", std::move(all)}, {"total", total}});
    return total;
  }
  for (const Json& entry : all) table.Add(ListRow(entry));
  if (!all.empty()) Print(table.ToString());
  const auto shown = static_cast<int64_t>(all.size());
  Print(shown == total ? absl::StrCat(CountText(total, "entry", "entries"), "\n")
                       : absl::StrCat(shown, " of ", CountText(total, "entry", "entries"),
                                      "; --limit=N shows more\n"));
  return total;
}

// What was saved, and whether it will do: the exit code is that of saving.
void PrintSaved(const Json& answer) {
  const std::string difference = TextOf(answer, "difference");
  Print(difference.empty() ? "nothing to change\n" : absl::StrCat(Printable(difference), "\n"));
  for (const std::string& warning : TextsOf(answer, "warnings")) {
    Print(absl::StrCat("warning: ", Printable(warning), "\n"));
  }
  const Json& ping = PartOf(answer, "ping");
  if (const std::string why = TextOf(ping, "skipped"); !why.empty()) {
    Print(absl::StrCat("not pinged: ", Printable(why), "\n"));
  } else if (!ping.empty()) {
    Print("saved; its STARTTLS ping:\n");
    PrintPing(ping);
  }
}

std::string PingParameter(const Invocation& invocation) {
  return invocation.Has("no_ping") ? "false" : "";
}

}  // namespace

absl::StatusOr<int> AddDomain(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(Json entry, FieldsOf(invocation, 1));
  entry["pattern"] = invocation.arguments[0];
  SLUICE_ASSIGN_OR_RETURN(const Json answer, context.client.Post(
                              Path({"domains"}, {{"ping", PingParameter(invocation)}}), entry));
  context.json ? PrintJson(answer) : PrintSaved(answer);
  return kDone;
}

absl::StatusOr<int> ListDomains(const Context& context, const Invocation& invocation) {
  SLUICE_RETURN_IF_ERROR(PrintList(context, invocation, "").status());
  return kDone;
}

absl::StatusOr<int> SearchDomains(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t found,
                          PrintList(context, invocation, invocation.arguments[0]));
  return found == 0 ? kNothing : kDone;
}

absl::StatusOr<int> ShowDomain(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const Json entry,
                          context.client.Get(Path({"domains", invocation.arguments[0]})));
  if (context.json) {
    PrintJson(entry);
  } else {
    Print(EntrySheet(entry, context.now));
  }
  return kDone;
}

absl::StatusOr<int> SetDomain(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const Json fields, FieldsOf(invocation, 1));
  if (fields.empty()) {
    return absl::InvalidArgumentError(
        "name what to change: 'sluicectl domains set example.com level=verify'");
  }
  SLUICE_ASSIGN_OR_RETURN(const Json answer,
                          context.client.Patch(Path({"domains", invocation.arguments[0]},
                                                    {{"ping", PingParameter(invocation)}}),
                                               fields));
  context.json ? PrintJson(answer) : PrintSaved(answer);
  return kDone;
}

absl::StatusOr<int> RemoveDomains(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(
      const Json answer,
      context.client.Post(Path({"domains:remove"}), {{"patterns", invocation.arguments}}));
  if (context.json) {
    PrintJson(answer);
    return kDone;
  }
  for (const std::string& difference : TextsOf(answer, "differences")) {
    Print(absl::StrCat(Printable(difference), "\n"));
  }
  return kDone;
}

}  // namespace sluice::ctl
