#include "engine/admin/domain_checks_api.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/entry_json.h"
#include "engine/admin/parameters.h"
#include "engine/admin/ping_json.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

// The domain of an address; a domain stays as it is.
absl::StatusOr<std::string> DomainOf(const std::string& text) {
  const std::string domain = text.substr(text.rfind('@') + 1);  // npos + 1 is 0
  if (domain.empty()) {
    return absl::InvalidArgumentError(
        "domain: must be a domain name (example.com) or an address (user@example.com)");
  }
  return domain;
}

ordered_json ToJson(const policy::Snapshot::Explanation& explanation) {
  ordered_json candidates = ordered_json::array();
  for (const auto& candidate : explanation.candidates) {
    candidates.push_back({{"pattern", candidate.entry->pattern.text()},
                          {"decides", candidate.decides},
                          {"why", candidate.why},
                          {"entry", EntryToJson(*candidate.entry)}});
  }
  return {{"verdict", explanation.verdict}, {"candidates", std::move(candidates)}};
}

ordered_json ToJson(const relay::MtaStsState& state) {
  ordered_json json = {{"mode", state.mode}};
  if (!state.mode.empty()) {
    json["id"] = state.id;
    json["mx"] = state.mx;
    json["fetched_at"] = TimeText(state.fetched_at);
    json["expires_at"] = TimeText(state.expires_at);
  }
  json["fault"] = state.fault;
  json["detail"] = state.detail;
  return json;
}

}  // namespace

void DomainChecksApi::AddTo(Router& router) {
  router.Add({.method = "GET",
              .path = "/v1/domains/{pattern}/pings",
              .handle = [this](const Request& request) { return Pings(request); }});
  router.Add({.method = "POST",
              .path = "/v1/status:ping",
              .handle = [this](const Request& request) { return PingSelf(request); },
              .time_limit = absl::Minutes(2),
              .slow = true});
  router.Add({.method = "GET",
              .path = "/v1/domains:explain",
              .handle = [this](const Request& request) { return Explain(request); }});
  router.Add({.method = "POST",
              .path = "/v1/domains:ping",
              .handle = [this](const Request& request) { return Ping(request); },
              .time_limit = absl::Minutes(2),
              .slow = true});
}

absl::StatusOr<Response> DomainChecksApi::Explain(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  const std::string text = parameters.Text("domain");
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const std::string domain, DomainOf(text));
  SLUICE_ASSIGN_OR_RETURN(const relay::Explanation explanation, control_.Explain(domain, request.deadline));
  ordered_json json = {{"domain", explanation.outbound.name},
                       {"default_tls_level", explanation.default_tls_level},
                       {"route", explanation.route},
                       {"source_addresses", explanation.source_addresses},
                       {"source_of", explanation.source_of},
                       {"client_certificate", explanation.client_certificate},
                       {"client_certificate_of", explanation.client_certificate_of},
                       {"outbound", ToJson(explanation.outbound)},
                       {"inbound", ToJson(explanation.inbound)}};
  if (explanation.mta_sts.has_value()) json["mta_sts"] = ToJson(*explanation.mta_sts);
  return JsonReply(std::move(json));
}

absl::StatusOr<Response> DomainChecksApi::Ping(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(Parameters parameters, Parameters::OfBody(request));
  const std::string text = parameters.Text("domain");
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const std::string domain, DomainOf(text));
  SLUICE_ASSIGN_OR_RETURN(const relay::PingResult ping, control_.Ping(domain, request.deadline));
  return JsonReply(PingToJson(ping));
}

absl::StatusOr<Response> DomainChecksApi::PingSelf(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(const Parameters parameters, Parameters::OfBody(request));
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const relay::PingResult ping, control_.PingSelf(request.deadline));
  return JsonReply(PingToJson(ping));
}

absl::StatusOr<Response> DomainChecksApi::Pings(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  SLUICE_ASSIGN_OR_RETURN(const policy::Pattern pattern, policy::Pattern::Parse(request.variable));
  if (control_.PolicyList()->Find(pattern) == nullptr) {
    return absl::NotFoundError(absl::StrCat(pattern.text(), " is not on the list"));
  }
  SLUICE_ASSIGN_OR_RETURN(const std::vector<policy::PingFindings> pings,
                          control_.PingsOf(pattern, request.deadline));
  ordered_json json = ordered_json::array();
  for (const policy::PingFindings& ping : pings) json.push_back(PingToJson(ping));
  return JsonReply({{"pattern", pattern.text()}, {"pings", std::move(json)}});
}

}  // namespace sluice::admin
