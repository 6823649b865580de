#include "engine/admin/domain_checks_api.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/admin/entry_json.h"
#include "engine/admin/parameters.h"
#include "engine/admin/ping_hint.h"
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

ordered_json CertificateToJson(const relay::PingTarget& target, absl::Time at) {
  ordered_json certificate = {{"subject", target.certificate_subject},
                              {"issuer", target.certificate_issuer},
                              {"fingerprint", target.certificate_fingerprint},
                              {"names", target.certificate_names}};
  if (target.certificate_not_after) {
    certificate["not_after"] = TimeText(*target.certificate_not_after);
    certificate["days_left"] = DaysLeft(*target.certificate_not_after, at);
  }
  certificate["chain"] = target.chain;
  return certificate;
}

ordered_json ToJson(const relay::PingTarget& target, absl::Time at) {
  ordered_json json = {{"mx", target.mx},
                       {"address", target.address},
                       {"valid", target.valid},
                       {"stage", target.stage},
                       {"reason", target.reason},
                       {"detail", target.detail},
                       {"smtp_reply", target.smtp_reply},
                       {"tls_version", target.tls_version},
                       {"cipher", target.cipher}};
  if (!target.certificate_fingerprint.empty()) json["certificate"] = CertificateToJson(target, at);
  json["took_ms"] = absl::ToInt64Milliseconds(target.took);
  json["hint"] = std::string(HintFor(target));
  return json;
}

absl::string_view VerdictName(relay::PingVerdict verdict) {
  switch (verdict) {
    case relay::PingVerdict::kValid:
      return "valid";
    case relay::PingVerdict::kPartial:
      return "partial";
    case relay::PingVerdict::kInvalid:
      break;
  }
  return "invalid";
}

}  // namespace

void DomainChecksApi::AddTo(Router& router) {
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
  SLUICE_ASSIGN_OR_RETURN(const relay::Explanation explanation, control_.Explain(domain));
  return JsonReply({{"domain", explanation.outbound.name},
                    {"default_tls_level", explanation.default_tls_level},
                    {"route", explanation.route},
                    {"outbound", ToJson(explanation.outbound)},
                    {"inbound", ToJson(explanation.inbound)}});
}

absl::StatusOr<Response> DomainChecksApi::Ping(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(Parameters parameters, Parameters::OfBody(request));
  const std::string text = parameters.Text("domain");
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const std::string domain, DomainOf(text));
  SLUICE_ASSIGN_OR_RETURN(const relay::PingResult ping, control_.Ping(domain, request.deadline));
  ordered_json targets = ordered_json::array();
  for (const relay::PingTarget& target : ping.targets) targets.push_back(ToJson(target, ping.at));
  const bool no_host = !ping.dns_failure.empty();
  return JsonReply({{"domain", ping.domain},
                    {"at", TimeText(ping.at)},
                    {"entry", ping.entry},
                    {"level", ping.level},
                    {"verdict", std::string(VerdictName(ping.verdict))},
                    {"dns_failure", ping.dns_failure},
                    {"hint", no_host ? "Check the spelling of the domain, its MX records, and the "
                                       "resolver (--dns_config)."
                                     : ""},
                    {"targets", std::move(targets)}});
}

}  // namespace sluice::admin
