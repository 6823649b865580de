#include "engine/admin/status_api.h"

#include <cstdint>
#include <string>
#include <utility>

#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;
using relay::CoreStatus;

struct Count {
  const char* name;
  uint64_t CoreStatus::*member;
};

constexpr Count kCounts[] = {
    {"sessions", &CoreStatus::sessions},
    {"bodies_in_bytes", &CoreStatus::bodies_in_bytes},
    {"bodies_out_bytes", &CoreStatus::bodies_out_bytes},
    {"connections", &CoreStatus::connections},
    {"connections_refused", &CoreStatus::connections_refused},
    {"handshakes", &CoreStatus::handshakes},
    {"handshakes_resumed", &CoreStatus::handshakes_resumed},
    {"handshakes_failed", &CoreStatus::handshakes_failed},
    {"messages_accepted", &CoreStatus::messages_accepted},
    {"messages_refused", &CoreStatus::messages_refused},
    {"tls_required", &CoreStatus::tls_required},
    {"tls_would_be_required", &CoreStatus::tls_would_be_required},
    {"outbound_connections", &CoreStatus::outbound_connections},
    {"outbound_failed", &CoreStatus::outbound_failed},
    {"delivered", &CoreStatus::delivered},
    {"deferred", &CoreStatus::deferred},
    {"tls_deferred", &CoreStatus::tls_deferred},
    {"tls_would_defer", &CoreStatus::tls_would_defer},
    {"failed", &CoreStatus::failed},
    {"expired", &CoreStatus::expired},
    {"deleted_tls_policy", &CoreStatus::deleted_tls_policy},
};

void AddCounts(const CoreStatus& core, ordered_json& json) {
  for (const Count& count : kCounts) json[count.name] = core.*count.member;
  json["failures"] = core.failures;
}

}  // namespace

ordered_json QueueTotalsToJson(const queue::QueueTotals& totals, absl::Duration wall_ahead) {
  ordered_json json = {
      {"messages", totals.items},
      {"active", totals.in_flight},
      {"parked", totals.parked},
      {"body_bytes", totals.body_bytes}};
  if (totals.oldest_accepted_at) {
    json["oldest_accepted_at"] = TimeText(*totals.oldest_accepted_at + wall_ahead);
  }
  return json;
}

void StatusApi::AddTo(Router& router) {
  router.Add({.method = "GET", .path = "/v1/status", .handle = [this](const Request& request) {
                return Show(request);
              }});
}

absl::StatusOr<Response> StatusApi::Show(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  SLUICE_ASSIGN_OR_RETURN(const relay::Status status, control_.GetStatus(request.deadline));
  const absl::Duration wall_ahead = control_.WallAhead();
  CoreStatus total;
  ordered_json cores = ordered_json::array();
  for (const CoreStatus& core : status.cores) {
    for (const Count& count : kCounts) total.*count.member += core.*count.member;
    for (const auto& [reason, number] : core.failures) total.failures[reason] += number;
    ordered_json json = {{"core", core.core}};
    AddCounts(core, json);
    cores.push_back(std::move(json));
  }
  ordered_json sum;
  AddCounts(total, sum);
  return JsonReply({{"version", status.version},
                    {"hostname", status.hostname},
                    {"started_at", TimeText(status.started_at)},
                    {"uptime_seconds", absl::ToInt64Seconds(status.uptime)},
                    {"wall_clock_ahead_seconds", absl::ToInt64Seconds(wall_ahead)},
                    {"draining", status.draining},
                    {"listeners", status.listeners},
                    {"policy",
                     {{"entries", status.policy_entries},
                      {"generation", status.policy_generation},
                      {"default_tls_level", status.default_tls_level}}},
                    {"queue", QueueTotalsToJson(status.queue, wall_ahead)},
                    {"total", std::move(sum)},
                    {"cores", std::move(cores)}});
}

}  // namespace sluice::admin
