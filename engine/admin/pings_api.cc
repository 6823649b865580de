#include "engine/admin/pings_api.h"

#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {

void PingsApi::AddTo(Router& router) {
  router.Add({.method = "GET",
              .path = "/v1/pings",
              .handle = [this](const Request& request) -> absl::StatusOr<Response> {
                SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
                return Show();
              }});
  router.Add({.method = "POST",
              .path = "/v1/pings:start",
              .handle = [this](const Request& request) -> absl::StatusOr<Response> {
                SLUICE_ASSIGN_OR_RETURN(const Parameters parameters, Parameters::OfBody(request));
                SLUICE_RETURN_IF_ERROR(parameters.Done());
                rounds_.PingAllNow();
                return Show();
              }});
}

Response PingsApi::Show() const {
  const PingRounds::Progress progress = rounds_.progress();
  nlohmann::ordered_json json = {{"running", progress.running}};
  if (progress.started_at > absl::UnixEpoch()) json["started_at"] = TimeText(progress.started_at);
  if (progress.ended_at > absl::UnixEpoch()) json["ended_at"] = TimeText(progress.ended_at);
  json["entries"] = progress.total;
  json["done"] = progress.done;
  json["valid"] = progress.valid;
  json["partial"] = progress.partial;
  json["invalid"] = progress.invalid;
  json["skipped"] = progress.skipped;
  return JsonReply(json);
}

}  // namespace sluice::admin
