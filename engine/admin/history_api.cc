#include "engine/admin/history_api.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/admin/history_text.h"
#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

void AddText(const char* member, const std::string& text, ordered_json& json) {
  if (!text.empty()) json[member] = text;
}

void AddTime(const char* member, std::optional<absl::Time> time, absl::Duration wall_ahead,
             ordered_json& json) {
  if (time) json[member] = TimeText(*time + wall_ahead);
}

ordered_json ToJson(const queue::HistoryEntry& entry, absl::Duration wall_ahead,
                    Language language) {
  const HistoryKind kind = KindOf(entry);
  ordered_json json = {{"cursor", queue::CursorOf(entry)},
                       {"at", TimeText(entry.time + wall_ahead)},
                       {"outcome", std::string(KindName(kind))},
                       {"heading", std::string(Heading(kind, language))},
                       {"tls_failed", entry.tls}};
  if (entry.message_id) json["message_id"] = entry.message_id->ToString();
  json["direction"] = entry.direction == queue::Direction::kInbound ? "inbound" : "outbound";
  json["sender"] = entry.sender;  // the null sender is a sender
  if (!entry.recipients.empty()) json["recipients"] = entry.recipients;
  AddText("domain", entry.domain, json);
  AddText("entry", entry.entry, json);
  if (entry.entry_generation != 0) json["entry_generation"] = entry.entry_generation;
  if (entry.attempt != 0) json["attempt"] = entry.attempt;
  AddTime("next_try_at", entry.next_attempt, wall_ahead, json);
  AddTime("deadline_at", entry.deadline, wall_ahead, json);
  AddText("mx", entry.mx, json);
  AddText("address", entry.address, json);
  AddText("stage", entry.stage, json);
  AddText("stage_text", std::string(StageText(entry.stage, language)), json);
  AddText("reason", entry.reason, json);
  AddText("reason_text", std::string(ReasonText(entry.reason, language)), json);
  AddText("detail", entry.detail, json);
  AddText("tls_version", entry.tls_version, json);
  AddText("cipher", entry.cipher, json);
  AddText("certificate", entry.certificate, json);
  return json;
}

}  // namespace

void HistoryApi::AddTo(Router& router) {
  router.Add({.method = "GET", .path = "/v1/history", .handle = [this](const Request& request) {
                return List(request);
              }});
}

absl::StatusOr<Response> HistoryApi::List(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  queue::HistoryQuery query;
  query.domain = parameters.Domain("domain");
  query.message_id = parameters.Parsed("message", &queue::MessageId::Parse);
  query.sender = parameters.Text("sender");
  query.recipient = parameters.Text("recipient");
  const std::optional<HistoryKind> kind = parameters.Parsed("outcome", &ParseKind);
  if (kind) Select(*kind, query);
  const absl::Duration wall_ahead = control_.WallAhead();
  query.since = parameters.Time("since", absl::InfinitePast()) - wall_ahead;
  query.until = parameters.Time("until", absl::InfiniteFuture()) - wall_ahead;
  query.newest_first = parameters.Word("order", {"newest", "oldest"}).value_or(0) == 0;
  query.limit = parameters.Count("limit", kDefaultPage, kMaxPage);
  query.cursor = parameters.Text("cursor");
  const Language language = parameters.Parsed("lang", &ParseLanguage).value_or(Language::kEnglish);
  SLUICE_RETURN_IF_ERROR(parameters.Done());

  SLUICE_ASSIGN_OR_RETURN(const queue::HistoryPage page,
                          control_.QueryHistory(query, request.deadline));
  ordered_json entries = ordered_json::array();
  for (const queue::HistoryEntry& entry : page.entries) {
    entries.push_back(ToJson(entry, wall_ahead, language));
  }
  ordered_json labels;
  for (const Label& label : Labels()) {
    labels[std::string(label.member)] = std::string(label.text[static_cast<size_t>(language)]);
  }
  return JsonReply(
      {{"entries", std::move(entries)}, {"labels", std::move(labels)}, {"next", page.next}});
}

}  // namespace sluice::admin
