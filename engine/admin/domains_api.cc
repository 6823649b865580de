#include "engine/admin/domains_api.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/admin/entry_json.h"
#include "engine/admin/json_body.h"
#include "engine/admin/parameters.h"
#include "engine/admin/ping_json.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"
#include "policy/entry_field.h"
#include "policy/public_suffix.h"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;
using policy::Change;

constexpr size_t kMaxPatternsAtOnce = 10000;

absl::Status NotOnList(const policy::Pattern& pattern) {
  return absl::NotFoundError(absl::StrCat(pattern.text(),
                                          " is not on the list; 'sluicectl domains search' finds "
                                          "entries, 'sluicectl domains add' makes one"));
}

// The message has all reasons: whoever asks for one entry reads no list of rows.
Response Refused(const std::vector<policy::Fault>& faults) {
  const std::string reasons = absl::StrJoin(
      faults, "; ",
      [](std::string* out, const policy::Fault& fault) { absl::StrAppend(out, fault.reason); });
  return FaultsReply(absl::StrCat("nothing was changed: ", reasons), faults);
}

// What a ping of a saved entry may take of the request's time.
constexpr absl::Duration kPingTime = absl::Seconds(20);

ordered_json ChangeToJson(const relay::PolicyChange& change) {
  const policy::ChangeRecord& record = change.record;
  ordered_json json = {{"generation", change.generation},
                       {"at", TimeText(record.author.at)},
                       {"by", record.author.by},
                       {"change", record.before == nullptr  ? "added"
                                  : record.after == nullptr ? "removed"
                                                            : "changed"},
                       {"pattern", (record.after != nullptr ? record.after : record.before)
                                       ->pattern.text()},
                       {"difference", policy::Diff(record.before.get(), record.after.get())}};
  if (record.before != nullptr) json["before"] = EntryToJson(*record.before);
  if (record.after != nullptr) json["after"] = EntryToJson(*record.after);
  return json;
}

absl::StatusOr<std::vector<std::string>> ReadPatterns(const ordered_json& object) {
  const auto found = object.find("patterns");
  bool valid = object.size() == 1 && found != object.end() && found->is_array() &&
               !found->empty() && found->size() <= kMaxPatternsAtOnce;
  std::vector<std::string> patterns;
  for (size_t i = 0; valid && i < found->size(); ++i) {
    valid = (*found)[i].is_string();
    if (valid) patterns.push_back((*found)[i].get<std::string>());
  }
  if (valid) return patterns;
  return absl::InvalidArgumentError(
      absl::StrCat("the body must be {\"patterns\": [\"example.com\", ...]} with 1 to ",
                   kMaxPatternsAtOnce, " of them"));
}

}  // namespace

void DomainsApi::AddTo(Router& router) {
  const auto add = [this, &router](absl::string_view method, absl::string_view path,
                                   absl::StatusOr<Response> (DomainsApi::*handle)(const Request&)) {
    router.Add({.method = method,
                .path = path,
                .handle = [this, handle](
                              const Request& request) { return (this->*handle)(request); }});
  };
  add("GET", "/v1/domains", &DomainsApi::List);
  add("POST", "/v1/domains", &DomainsApi::Add);
  add("GET", "/v1/domains/{pattern}", &DomainsApi::Show);
  add("PATCH", "/v1/domains/{pattern}", &DomainsApi::Set);
  add("DELETE", "/v1/domains/{pattern}", &DomainsApi::RemoveOne);
  add("POST", "/v1/domains:remove", &DomainsApi::RemoveSeveral);
  add("GET", "/v1/domains:changes", &DomainsApi::Changes);
}

absl::StatusOr<Response> DomainsApi::List(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  policy::Snapshot::Query query;
  query.text = parameters.Text("text");
  query.direction = parameters.Parsed("direction", &policy::ParseDirection);
  query.mode = parameters.Parsed("mode", &policy::ParseMode);
  query.level = parameters.Parsed("level", &policy::ParseLevel);
  query.glob = parameters.Text("pattern");
  query.ping = parameters.Parsed("ping", &policy::Snapshot::ParsePingState);
  query.offset = parameters.Count("offset", 0, policy::Table::kMaxEntries);
  query.limit = parameters.Count("limit", kDefaultPage, kMaxPage);
  SLUICE_RETURN_IF_ERROR(parameters.Done());

  const std::shared_ptr<const policy::Snapshot> list = control_.PolicyList();
  const policy::Snapshot::Page page = list->Search(query);
  ordered_json entries = ordered_json::array();
  for (const policy::EntryPtr& entry : page.entries) entries.push_back(EntryToJson(*entry));
  return JsonReply({{"entries", std::move(entries)},
                    {"total", page.total},
                    {"offset", query.offset},
                    {"limit", query.limit},
                    {"generation", list->generation()}});
}

absl::StatusOr<Response> DomainsApi::Show(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  SLUICE_ASSIGN_OR_RETURN(const policy::Pattern pattern, policy::Pattern::Parse(request.variable));
  const policy::EntryPtr entry = control_.PolicyList()->Find(pattern);
  if (entry == nullptr) return NotOnList(pattern);
  return JsonReply(EntryToJson(*entry));
}

// `result` is of one change, to the entry of `pattern`. It is saved: the ping says whether it will do.
absl::StatusOr<Response> DomainsApi::Changed(const Request& request,
                                             const relay::PolicyResult& result,
                                             const policy::Pattern& pattern, bool ping,
                                             int http_status) {
  if (!result.faults.empty()) return Refused(result.faults);
  // Nothing is written when nothing differs: the entry is what it was.
  const bool differs = !result.written.empty();
  policy::EntryPtr entry =
      differs ? result.written.front().after : control_.PolicyList()->Find(pattern);
  if (entry == nullptr) return NotOnList(pattern);
  ordered_json json = {{"difference", differs ? DifferenceLine(result.written.front()) : ""},
                       {"generation", result.generation}};
  ordered_json warnings = ordered_json::array();
  if (std::string width = policy::WidthWarning(pattern); !width.empty()) {
    warnings.push_back(std::move(width));
  }
  for (std::string& warning : control_.WarningsOf(*entry)) warnings.push_back(std::move(warning));
  json["warnings"] = std::move(warnings);
  if (ping && differs) {
    json["ping"] = PingSaved(*entry, request);
    // With what the ping left in it.
    if (policy::EntryPtr pinged = control_.PolicyList()->Find(pattern)) entry = std::move(pinged);
  }
  json["entry"] = EntryToJson(*entry);
  return JsonReply(json, http_status);
}

// The ping, or {"skipped": why there is none}.
ordered_json DomainsApi::PingSaved(const policy::Entry& entry, const Request& request) {
  if (entry.mode == policy::Mode::kOff) return {{"skipped", "the entry is off"}};
  const MonoTime deadline = std::min(request.deadline, clock_.MonoNow() + kPingTime);
  const absl::StatusOr<relay::PingResult> ping = control_.PingEntry(entry, deadline);
  if (ping.ok()) return PingToJson(*ping);
  return {{"skipped", std::string(ping.status().message())}};
}

absl::StatusOr<Response> DomainsApi::Add(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  const bool ping = parameters.Word("ping", {"true", "false"}).value_or(0) == 0;
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const ordered_json object, ParseObject(request.body));
  if (!object.contains("pattern")) {
    return absl::InvalidArgumentError("the entry has no field 'pattern'");
  }
  policy::Entry entry;
  const std::vector<policy::Fault> faults = ReadFields(object, entry);
  if (!faults.empty()) return Refused(faults);
  SLUICE_ASSIGN_OR_RETURN(
      const relay::PolicyResult result,
      editor_.Edit(request, relay::DryRun::kNo,
                   [&entry](const policy::Snapshot& list, policy::Transaction& transaction) {
                     if (list.Find(entry.pattern) != nullptr) {
                       return absl::AlreadyExistsError(
                           absl::StrCat(entry.pattern.text(),
                                        " is on the list already; 'sluicectl domains set' "
                                        "changes it"));
                     }
                     transaction.changes.push_back({.kind = Change::Kind::kAdd, .entry = entry});
                     return absl::OkStatus();
                   }));
  return Changed(request, result, entry.pattern, ping, 201);
}

absl::StatusOr<Response> DomainsApi::Set(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  const bool ping = parameters.Word("ping", {"true", "false"}).value_or(0) == 0;
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const policy::Pattern pattern, policy::Pattern::Parse(request.variable));
  SLUICE_ASSIGN_OR_RETURN(const ordered_json object, ParseObject(request.body));
  std::vector<policy::Fault> faults;
  const auto change = [&](const policy::Snapshot& list, policy::Transaction& transaction) {
    const policy::EntryPtr before = list.Find(pattern);
    if (before == nullptr) return NotOnList(pattern);
    policy::Entry entry = *before;
    faults = ReadFields(object, entry);
    if (faults.empty() && !(entry.pattern == pattern)) {
      faults.push_back({0, "pattern: an entry keeps its pattern; remove it and add another"});
    }
    if (!faults.empty()) return absl::InvalidArgumentError("");  // said below, with each fault
    transaction.changes.push_back({.kind = Change::Kind::kSet, .entry = std::move(entry)});
    return absl::OkStatus();
  };
  const absl::StatusOr<relay::PolicyResult> result =
      editor_.Edit(request, relay::DryRun::kNo, change);
  if (!faults.empty()) return Refused(faults);
  if (!result.ok()) return result.status();
  return Changed(request, *result, pattern, ping, 200);
}

absl::StatusOr<Response> DomainsApi::RemoveOne(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  return Remove(request, {request.variable});
}

absl::StatusOr<Response> DomainsApi::RemoveSeveral(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  SLUICE_ASSIGN_OR_RETURN(const ordered_json object, ParseObject(request.body));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> patterns, ReadPatterns(object));
  return Remove(request, patterns);
}

absl::StatusOr<Response> DomainsApi::Remove(const Request& request,
                                            const std::vector<std::string>& patterns) {
  std::vector<policy::Fault> faults;
  const auto remove = [&](const policy::Snapshot& list, policy::Transaction& transaction) {
    int line = 0;
    for (const std::string& text : patterns) {
      ++line;
      const absl::StatusOr<policy::Pattern> pattern = policy::Pattern::Parse(text);
      if (!pattern.ok()) {
        faults.push_back({line, std::string(pattern.status().message())});
      } else if (list.Find(*pattern) == nullptr) {
        if (patterns.size() == 1) return NotOnList(*pattern);
        faults.push_back({line, absl::StrCat(pattern->text(), " is not on the list")});
      } else {
        policy::Entry entry;
        entry.pattern = *pattern;
        transaction.changes.push_back(
            {.kind = Change::Kind::kRemove, .entry = std::move(entry), .line = line});
      }
    }
    return faults.empty() ? absl::OkStatus() : absl::InvalidArgumentError("");
  };
  const absl::StatusOr<relay::PolicyResult> result =
      editor_.Edit(request, relay::DryRun::kNo, remove);
  if (!faults.empty()) return Refused(faults);
  if (!result.ok()) return result.status();
  if (!result->faults.empty()) return Refused(result->faults);
  ordered_json differences = ordered_json::array();
  for (const policy::Written& written : result->written) {
    differences.push_back(DifferenceLine(written));
  }
  return JsonReply({{"differences", std::move(differences)}, {"generation", result->generation}});
}

absl::StatusOr<Response> DomainsApi::Changes(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  relay::PolicyChangeQuery query;
  const std::optional<policy::Pattern> pattern =
      parameters.Parsed("pattern", &policy::Pattern::Parse);
  if (pattern.has_value()) query.pattern = pattern->text();
  query.by = parameters.Text("by");
  query.since = parameters.Time("since", absl::InfinitePast());
  query.until = parameters.Time("until", absl::InfiniteFuture());
  query.limit = parameters.Count("limit", kDefaultPage, kMaxPage);
  query.cursor = parameters.Text("cursor");
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const relay::PolicyChangePage page,
                          control_.PolicyChanges(query, request.deadline));
  ordered_json changes = ordered_json::array();
  for (const relay::PolicyChange& change : page.changes) changes.push_back(ChangeToJson(change));
  return JsonReply({{"changes", std::move(changes)}, {"next", page.next}});
}

}  // namespace sluice::admin
