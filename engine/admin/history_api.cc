#include "engine/admin/history_api.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "engine/admin/history_export.h"
#include "engine/admin/history_json.h"
#include "engine/admin/history_text.h"
#include "engine/admin/monitor_report.h"
#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

constexpr size_t kRowsAtOnce = 1000;

}  // namespace

void HistoryApi::AddTo(Router& router) {
  router.Add({.method = "GET", .path = "/v1/history", .handle = [this](const Request& request) {
                return List(request);
              }});
  router.Add({.method = "GET",
              .path = "/v1/domains:report",
              .handle = [this](const Request& request) { return Report(request); },
              .time_limit = absl::Minutes(10),
              .slow = true});
  router.Add({.method = "GET",
              .path = "/v1/history:export",
              .handle = [this](const Request& request) { return Export(request); }});
  router.Add({.method = "GET",
              .path = "/v1/history:verify",
              .handle = [this](const Request& request) { return Verify(request); },
              .time_limit = absl::Minutes(10),
              .slow = true});
}

absl::StatusOr<Response> HistoryApi::List(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  queue::HistoryQuery query;
  query.domain = parameters.Domain("domain");
  query.message_id = parameters.Parsed("message", &queue::MessageId::Parse);
  query.sender = parameters.Text("sender");
  query.recipient = parameters.Text("recipient");
  query.stage = parameters.Text("stage");
  query.reason = parameters.Text("reason");
  if (parameters.Flag("monitored")) query.monitored = true;
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
    entries.push_back(HistoryToJson(entry, wall_ahead, language));
  }
  ordered_json labels;
  for (const Label& label : Labels()) {
    labels[std::string(label.member)] = std::string(label.text[static_cast<size_t>(language)]);
  }
  return JsonReply(
      {{"entries", std::move(entries)}, {"labels", std::move(labels)}, {"next", page.next}});
}

absl::StatusOr<Response> HistoryApi::Export(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  queue::HistoryRowQuery query;
  const absl::Duration wall_ahead = control_.WallAhead();
  query.since = parameters.Time("since", absl::InfinitePast()) - wall_ahead;
  query.until = parameters.Time("until", absl::InfiniteFuture()) - wall_ahead;
  query.limit = kRowsAtOnce;
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  // The first rows now: an error is an answer then, not an end without a reason.
  SLUICE_ASSIGN_OR_RETURN(queue::HistoryRows first,
                          control_.ReadHistoryRows(query, request.deadline));
  auto writer = std::make_shared<HistoryExportWriter>(first.previous);
  auto page = std::make_shared<std::optional<queue::HistoryRows>>(std::move(first));
  Response response;
  response.content_type = "application/jsonl";
  response.source = [this, writer, page, query](std::string& out) mutable {
    if (!page->has_value()) return false;
    const std::string next = (*page)->next;
    for (const queue::HistoryRows::Row& row : (*page)->rows) writer->Append(row, out);
    page->reset();
    if (next.empty()) {
      writer->AppendEnd(out);
      return true;
    }
    query.cursor = next;
    absl::StatusOr<queue::HistoryRows> more =
        control_.ReadHistoryRows(query, MonoTime::Never());
    // Without its last line an export is recognised as cut off.
    if (!more.ok()) {
      log::Error("history_not_exported", {{"error", more.status().message()}});
    } else {
      *page = *std::move(more);
    }
    return true;
  };
  return response;
}

absl::StatusOr<Response> HistoryApi::Verify(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  queue::HistoryRowQuery query;
  query.limit = kRowsAtOnce;
  std::optional<ChainVerifier> verifier;
  do {
    SLUICE_ASSIGN_OR_RETURN(const queue::HistoryRows page,
                            control_.ReadHistoryRows(query, request.deadline));
    if (!verifier.has_value()) verifier.emplace(page.previous);
    for (const queue::HistoryRows::Row& row : page.rows) verifier->Add(row.key, row.value);
    query.cursor = page.next;
  } while (!query.cursor.empty());
  ordered_json faults = ordered_json::array();
  for (const std::string& fault : verifier->faults()) faults.push_back(fault);
  return JsonReply({{"intact", verifier->intact()},
                    {"entries", verifier->entries()},
                    {"unsealed", verifier->unsealed()},
                    {"faults", std::move(faults)},
                    {"chain", absl::BytesToHexString(verifier->chain())}});
}

absl::StatusOr<Response> HistoryApi::Report(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  queue::HistoryQuery query;
  query.monitored = true;
  query.domain = parameters.Domain("domain");
  const absl::Duration wall_ahead = control_.WallAhead();
  query.since = parameters.Time("since", absl::InfinitePast()) - wall_ahead;
  query.until = parameters.Time("until", absl::InfiniteFuture()) - wall_ahead;
  query.limit = kRowsAtOnce;
  const size_t limit = parameters.Count("limit", kDefaultPage, kMaxPage);
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  MonitorReport report;
  do {
    SLUICE_ASSIGN_OR_RETURN(const queue::HistoryPage page,
                            control_.QueryHistory(query, request.deadline));
    for (const queue::HistoryEntry& entry : page.entries) report.Add(entry);
    query.cursor = page.next;
    if (clock_.MonoNow() >= request.deadline) {
      return absl::DeadlineExceededError(
          "the history is too long to be gone through in time; ask for less of it (since, until)");
    }
  } while (!query.cursor.empty());
  ordered_json domains = ordered_json::array();
  for (const MonitorReport::Line& line : report.Lines(limit)) {
    domains.push_back(
        {{"domain", line.domain},
         {"direction", line.direction == queue::Direction::kInbound ? "inbound" : "outbound"},
         {"entry", line.entry},
         {"messages", line.count},
         {"by_reason", line.by_reason},
         {"last_at", TimeText(line.last_at + wall_ahead)},
         {"last_detail", line.last_detail}});
  }
  return JsonReply({{"messages", report.total()},
                    {"domains_total", report.domains()},
                    {"domains", std::move(domains)}});
}

}  // namespace sluice::admin
