#include "engine/admin/queue_api.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/admin/status_api.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;
constexpr absl::string_view kActive = "active";
constexpr absl::string_view kWaiting = "waiting";

// Whether it is in flight.
absl::StatusOr<bool> ParseState(absl::string_view name) {
  if (name == kActive || name == kWaiting) return name == kActive;
  return absl::InvalidArgumentError("must be active or waiting");
}

const char* StateName(queue::RecipientState state) {
  switch (state) {
    case queue::RecipientState::kPending:
      return "pending";
    case queue::RecipientState::kDelivered:
      return "delivered";
    case queue::RecipientState::kFailed:
      break;
  }
  return "failed";
}

ordered_json ToJson(const queue::AttemptFailure& failure, absl::Duration wall_ahead) {
  return {{"at", TimeText(failure.at + wall_ahead)},
          {"tls", failure.tls},
          {"stage", failure.stage},
          {"reason", failure.reason},
          {"mx", failure.mx},
          {"address", failure.address},
          {"text", failure.text}};
}

ordered_json ToJson(const queue::QueueItem& item, absl::Duration wall_ahead) {
  const queue::Envelope& envelope = item.envelope;
  ordered_json recipients = ordered_json::array();
  for (const queue::Recipient& recipient : envelope.recipients) {
    recipients.push_back({{"address", recipient.address},
                          {"state", StateName(recipient.state)},
                          {"last_reply", recipient.last_reply}});
  }
  ordered_json json = {{"message_id", envelope.id.ToString()},
                       {"destination", envelope.destination},
                       {"state", std::string(item.in_flight ? kActive : kWaiting)},
                       {"sender", envelope.sender},
                       {"recipients", std::move(recipients)},
                       {"size_bytes", envelope.body_bytes},
                       {"attempts", envelope.attempts},
                       {"accepted_at", TimeText(envelope.accepted_at + wall_ahead)},
                       {"next_try_at", TimeText(envelope.next_due + wall_ahead)},
                       {"deadline_at", TimeText(envelope.deadline + wall_ahead)},
                       {"received_from",
                        {{"client_address", envelope.received_from.client_address},
                         {"helo", envelope.received_from.helo},
                         {"tls_version", envelope.received_from.tls_version},
                         {"cipher", envelope.received_from.tls_cipher}}}};
  if (envelope.last_failure) json["last_failure"] = ToJson(*envelope.last_failure, wall_ahead);
  return json;
}

ordered_json ToJson(const std::vector<queue::QueueItem>& items, absl::Duration wall_ahead) {
  ordered_json json = ordered_json::array();
  for (const queue::QueueItem& item : items) json.push_back(ToJson(item, wall_ahead));
  return json;
}

absl::StatusOr<queue::MessageId> IdOf(const Request& request) {
  const absl::StatusOr<queue::MessageId> id = queue::MessageId::Parse(request.variable);
  if (id.ok()) return id;
  return absl::InvalidArgumentError(absl::StrCat("message id: ", id.status().message()));
}

absl::Status NotQueued(const queue::MessageId& id) {
  return absl::NotFoundError(absl::StrCat(
      "no message ", id.ToString(), " is queued; 'sluicectl history --message=", id.ToString(),
      "' says what became of it"));
}

}  // namespace

void QueueApi::AddTo(Router& router) {
  const auto add = [this, &router](absl::string_view method, absl::string_view path,
                                   absl::StatusOr<Response> (QueueApi::*handle)(const Request&)) {
    router.Add({.method = method, .path = path, .handle = [this, handle](const Request& request) {
                  return (this->*handle)(request);
                }});
  };
  add("GET", "/v1/queue", &QueueApi::List);
  add("GET", "/v1/queue/{id}", &QueueApi::Show);
  add("DELETE", "/v1/queue/{id}", &QueueApi::Delete);
  add("POST", "/v1/queue:retry", &QueueApi::Retry);
}

absl::StatusOr<Response> QueueApi::List(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  queue::QueueQuery query;
  query.destination = parameters.Domain("domain");
  query.message_id = parameters.Parsed("message", &queue::MessageId::Parse);
  query.sender = parameters.Text("sender");
  query.recipient = parameters.Text("recipient");
  query.in_flight = parameters.Parsed("state", &ParseState);
  query.limit = parameters.Count("limit", kDefaultPage, kMaxPage);
  query.cursor = parameters.Text("cursor");
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const queue::QueuePage page, control_.ListQueue(query, request.deadline));
  SLUICE_ASSIGN_OR_RETURN(const queue::QueueTotals totals,
                          control_.CountQueue(/*most_destinations=*/0, request.deadline));
  const absl::Duration wall_ahead = control_.WallAhead();
  return JsonReply({{"messages", ToJson(page.items, wall_ahead)},
                    {"totals", QueueTotalsToJson(totals, wall_ahead)},
                    {"next", page.next}});
}

absl::StatusOr<Response> QueueApi::Show(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  SLUICE_ASSIGN_OR_RETURN(const queue::MessageId id, IdOf(request));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<queue::QueueItem> items,
                          control_.FindQueued(id, request.deadline));
  if (items.empty()) return NotQueued(id);
  return JsonReply({{"message_id", id.ToString()}, {"parts", ToJson(items, control_.WallAhead())}});
}

absl::StatusOr<Response> QueueApi::Retry(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(Parameters parameters, Parameters::OfBody(request));
  queue::RetrySelection selection;
  selection.message_id = parameters.Parsed("message", &queue::MessageId::Parse);
  selection.destination = parameters.Domain("domain");
  const bool all = parameters.Flag("all");
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  // An empty selection is everything: nobody gets that by leaving something out.
  const int named = static_cast<int>(selection.message_id.has_value()) +
                    static_cast<int>(!selection.destination.empty()) + static_cast<int>(all);
  if (named != 1) {
    return absl::InvalidArgumentError(
        "name exactly one of message, domain and all: what is to be tried again");
  }
  SLUICE_ASSIGN_OR_RETURN(const uint64_t woken, control_.RetryQueued(selection, request.deadline));
  return JsonReply({{"woken", woken}});
}

absl::StatusOr<Response> QueueApi::Delete(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  queue::Removal removal;
  removal.destination = parameters.Domain("domain");
  removal.reason = parameters.Text("reason", 256);
  removal.by = request.by;
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(removal.message_id, IdOf(request));
  const absl::StatusOr<uint64_t> deleted = control_.RemoveQueued(removal, request.deadline);
  if (absl::IsNotFound(deleted.status())) return NotQueued(removal.message_id);
  if (!deleted.ok()) return deleted.status();
  return JsonReply({{"deleted", *deleted}});
}

}  // namespace sluice::admin
