#include "engine/admin/history_json.h"

#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "engine/admin/reply.h"
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

}  // namespace

ordered_json HistoryToJson(const queue::HistoryEntry& entry, absl::Duration wall_ahead,
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
  AddText("decided_by", entry.decided_by, json);
  if (entry.attempt != 0) json["attempt"] = entry.attempt;
  AddTime("next_try_at", entry.next_attempt, wall_ahead, json);
  AddTime("deadline_at", entry.deadline, wall_ahead, json);
  AddText("mx", entry.mx, json);
  AddText("address", entry.address, json);
  AddText("source_address", entry.source_address, json);
  AddText("stage", entry.stage, json);
  AddText("stage_text", std::string(StageText(entry.stage, language)), json);
  AddText("reason", entry.reason, json);
  AddText("reason_text", std::string(ReasonText(entry.reason, language)), json);
  AddText("detail", entry.detail, json);
  AddText("tls_version", entry.tls_version, json);
  AddText("cipher", entry.cipher, json);
  AddText("certificate", entry.certificate, json);
  AddText("handshake", entry.handshake, json);
  if (entry.monitored) json["monitored"] = true;
  if (entry.parked) json["parked"] = true;
  AddText("chain", absl::BytesToHexString(entry.chain), json);
  return json;
}

}  // namespace sluice::admin
