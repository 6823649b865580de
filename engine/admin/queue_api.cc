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

// Orders that go through the whole queue.
constexpr absl::Duration kLongOrder = absl::Minutes(10);
constexpr size_t kMostReason = 256;

struct State {
  queue::ItemState state;
  absl::string_view name;
};
constexpr State kStates[] = {{queue::ItemState::kWaiting, "waiting"},
                             {queue::ItemState::kActive, "active"},
                             {queue::ItemState::kHeld, "held"},
                             {queue::ItemState::kParked, "parked"}};

absl::StatusOr<queue::ItemState> ParseState(absl::string_view name) {
  for (const State& state : kStates) {
    if (state.name == name) return state.state;
  }
  return absl::InvalidArgumentError("must be waiting, active, held or parked");
}

std::string ItemStateName(queue::ItemState wanted) {
  for (const State& state : kStates) {
    if (state.state == wanted) return std::string(state.name);
  }
  return "";
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
    ordered_json shown = {{"address", recipient.address},
                          {"state", StateName(recipient.state)},
                          {"last_reply", recipient.last_reply}};
    if (recipient.notify) shown["notify"] = *recipient.notify;
    if (recipient.orcpt) shown["orcpt"] = *recipient.orcpt;
    recipients.push_back(std::move(shown));
  }
  ordered_json json = {{"message_id", envelope.id.ToString()},
                       {"destination", envelope.destination},
                       {"state", ItemStateName(item.state())},
                       {"sender", envelope.sender},
                       {"recipients", std::move(recipients)},
                       {"size_bytes", envelope.body_bytes},
                       {"attempts", envelope.attempts},
                       {"accepted_at", TimeText(envelope.accepted_at + wall_ahead)},
                       {"deadline_at", TimeText(envelope.deadline + wall_ahead)},
                       {"received_from",
                        {{"client_address", envelope.received_from.client_address},
                         {"helo", envelope.received_from.helo},
                         {"tls_version", envelope.received_from.tls_version},
                         {"cipher", envelope.received_from.tls_cipher}}}};
  // What its sender asks for (RFC 3461, RFC 8689).
  if (envelope.ret) json["ret"] = *envelope.ret;
  if (envelope.envid) json["envid"] = *envelope.envid;
  if (envelope.require_tls) json["require_tls"] = true;
  if (envelope.tls_optional) json["tls_required_no"] = true;
  if (envelope.held.has_value()) {
    json["held"] = *envelope.held;
  } else if (envelope.parked) {
    if (item.next_probe) json["next_probe_at"] = TimeText(*item.next_probe + wall_ahead);
  } else {
    json["next_try_at"] = TimeText(envelope.next_due + wall_ahead);
  }
  if (envelope.last_failure) json["last_failure"] = ToJson(*envelope.last_failure, wall_ahead);
  return json;
}

ordered_json ToJson(const std::vector<queue::QueueItem>& items, absl::Duration wall_ahead) {
  ordered_json json = ordered_json::array();
  for (const queue::QueueItem& item : items) json.push_back(ToJson(item, wall_ahead));
  return json;
}

ordered_json ToJson(const queue::DestinationSummary& summary, absl::Duration wall_ahead) {
  ordered_json json = {{"messages", summary.items},
                       {"held", summary.held},
                       {"tls_failed", summary.tls},
                       {"parked", summary.parked},
                       {"by_age", summary.by_age}};
  ordered_json reasons = ordered_json::object();
  for (const auto& [reason, count] : summary.by_reason) {
    reasons[reason.empty() ? "not_tried" : reason] = count;
  }
  json["by_reason"] = std::move(reasons);
  if (summary.next_probe) json["next_probe_at"] = TimeText(*summary.next_probe + wall_ahead);
  if (summary.paused_until) json["paused_until"] = TimeText(*summary.paused_until + wall_ahead);
  if (summary.rate_limited) json["rate_limited"] = true;
  return json;
}

absl::StatusOr<queue::MessageId> ParseId(absl::string_view text) {
  const absl::StatusOr<queue::MessageId> id = queue::MessageId::Parse(text);
  if (id.ok()) return id;
  return absl::InvalidArgumentError(absl::StrCat("message id: ", id.status().message()));
}

absl::Status NotQueued(const queue::MessageId& id) {
  return absl::NotFoundError(absl::StrCat(
      "no message ", id.ToString(), " is queued; 'sluicectl history --message=", id.ToString(),
      "' says what became of it"));
}

// What an order is about, and why it is given.
struct Order {
  queue::Selection selection;
  queue::Reason reason;
};

enum class TakesReason { kNo, kYes };

absl::StatusOr<Order> ReadOrder(const Request& request, TakesReason takes_reason) {
  SLUICE_ASSIGN_OR_RETURN(Parameters parameters, Parameters::OfBody(request));
  Order order;
  order.selection.message_id = parameters.Parsed("message", &queue::MessageId::Parse);
  order.selection.destination = parameters.Domain("domain");
  const bool all = parameters.Flag("all");
  order.reason.by = request.by;
  if (takes_reason == TakesReason::kYes) order.reason.why = parameters.Text("reason", kMostReason);
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  // An empty selection is everything: nobody gets that by leaving something out.
  const bool some = order.selection.message_id.has_value() || !order.selection.destination.empty();
  if (some != all) return order;
  return absl::InvalidArgumentError("name a message, a domain, both of them, or all");
}

absl::StatusOr<Response> OrderReply(const char* member, const absl::StatusOr<uint64_t>& count,
                                    const queue::Selection& selection) {
  if (absl::IsNotFound(count.status())) return NotQueued(*selection.message_id);
  if (!count.ok()) return count.status();
  return JsonReply({{member, *count}});
}

}  // namespace

void QueueApi::AddTo(Router& router) {
  const auto add = [this, &router](absl::string_view method, absl::string_view path,
                                   absl::StatusOr<Response> (QueueApi::*handle)(const Request&),
                                   bool is_long = false) {
    Route route = {.method = method,
                   .path = path,
                   .handle = [this, handle](const Request& request) {
                     return (this->*handle)(request);
                   }};
    if (is_long) {
      route.time_limit = kLongOrder;
      route.slow = true;
    }
    router.Add(std::move(route));
  };
  add("GET", "/v1/queue", &QueueApi::List);
  add("GET", "/v1/queue:summary", &QueueApi::Summarize);
  add("GET", "/v1/queue/{id}", &QueueApi::Show);
  add("DELETE", "/v1/queue/{id}", &QueueApi::DeleteOne);
  add("POST", "/v1/queue:retry", &QueueApi::Retry, /*is_long=*/true);
  add("POST", "/v1/queue:hold", &QueueApi::Hold, /*is_long=*/true);
  add("POST", "/v1/queue:release", &QueueApi::Release, /*is_long=*/true);
  add("POST", "/v1/queue:delete", &QueueApi::Delete, /*is_long=*/true);
  add("POST", "/v1/queue:bounce", &QueueApi::Bounce, /*is_long=*/true);
}

absl::StatusOr<Response> QueueApi::List(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  queue::QueueQuery query;
  query.destination = parameters.Domain("domain");
  query.message_id = parameters.Parsed("message", &queue::MessageId::Parse);
  query.sender = parameters.Text("sender");
  query.recipient = parameters.Text("recipient");
  query.state = parameters.Parsed("state", &ParseState);
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
  SLUICE_ASSIGN_OR_RETURN(const queue::MessageId id, ParseId(request.variable));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<queue::QueueItem> items,
                          control_.FindQueued(id, request.deadline));
  if (items.empty()) return NotQueued(id);
  SLUICE_ASSIGN_OR_RETURN(const std::string header,
                          control_.ReadQueuedHeader(id, request.deadline));
  return JsonReply({{"message_id", id.ToString()},
                    {"header", header},
                    {"parts", ToJson(items, control_.WallAhead())}});
}

absl::StatusOr<Response> QueueApi::Summarize(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  const std::string domain = parameters.Domain("domain");
  const size_t limit = parameters.Count("limit", kDefaultPage, kMaxPage);
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const queue::QueueSummary summary,
                          control_.SummarizeQueue(domain, limit, request.deadline));
  const absl::Duration wall_ahead = control_.WallAhead();
  ordered_json destinations = ordered_json::array();
  for (const queue::DestinationSummary& destination : summary.destinations) {
    ordered_json json = {{"destination", destination.destination}};
    json.update(ToJson(destination, wall_ahead));
    destinations.push_back(std::move(json));
  }
  // Up to so many minutes; the last column is of what is older.
  ordered_json ages = ordered_json::array();
  for (size_t i = 0; i + 1 < queue::DestinationSummary::kAges; ++i) ages.push_back(5 << i);
  return JsonReply({{"ages_minutes", std::move(ages)},
                    {"all", ToJson(summary.all, wall_ahead)},
                    {"destinations", std::move(destinations)},
                    {"destinations_total", summary.destinations_total}});
}

absl::StatusOr<Response> QueueApi::DeleteOne(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  queue::Selection selection;
  selection.destination = parameters.Domain("domain");
  const queue::Reason reason = {.by = request.by, .why = parameters.Text("reason", kMostReason)};
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(selection.message_id, ParseId(request.variable));
  return OrderReply("deleted", control_.RemoveQueued(selection, reason, request.deadline),
                    selection);
}

absl::StatusOr<Response> QueueApi::Retry(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(const Order order, ReadOrder(request, TakesReason::kNo));
  return OrderReply("woken", control_.RetryQueued(order.selection, request.deadline),
                    order.selection);
}

absl::StatusOr<Response> QueueApi::Hold(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(const Order order, ReadOrder(request, TakesReason::kYes));
  return OrderReply("held", control_.HoldQueued(order.selection, order.reason, request.deadline),
                    order.selection);
}

absl::StatusOr<Response> QueueApi::Release(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(const Order order, ReadOrder(request, TakesReason::kNo));
  return OrderReply("released", control_.ReleaseQueued(order.selection, request.deadline),
                    order.selection);
}

absl::StatusOr<Response> QueueApi::Delete(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(const Order order, ReadOrder(request, TakesReason::kYes));
  return OrderReply("deleted",
                    control_.RemoveQueued(order.selection, order.reason, request.deadline),
                    order.selection);
}

absl::StatusOr<Response> QueueApi::Bounce(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(const Order order, ReadOrder(request, TakesReason::kYes));
  return OrderReply("bounced",
                    control_.ReturnQueued(order.selection, order.reason, request.deadline),
                    order.selection);
}

}  // namespace sluice::admin
