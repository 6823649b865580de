#include "engine/admin/ping_json.h"

#include <string>
#include <utility>

#include "engine/admin/ping_hint.h"
#include "engine/admin/reply.h"
#include "engine/relay/ping_record.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

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

ordered_json TargetToJson(const relay::PingTarget& target, absl::Time at) {
  ordered_json json = {{"mx", target.mx},
                       {"address", target.address},
                       {"source", target.source},
                       {"valid", target.valid},
                       {"decided_by", target.decided_by},
                       {"dane", target.dane},
                       {"stage", target.stage},
                       {"reason", target.reason},
                       {"detail", target.detail},
                       {"handshake", target.handshake},
                       {"smtp_reply", target.smtp_reply},
                       {"tls_version", target.tls_version},
                       {"cipher", target.cipher}};
  if (!target.certificate_fingerprint.empty()) json["certificate"] = CertificateToJson(target, at);
  if (!target.tls_version.empty()) {
    json["client_certificate"] = {{"asked", target.certificate_asked},
                                  {"shown", target.client_certificate}};
  }
  json["took_ms"] = absl::ToInt64Milliseconds(target.took);
  json["hint"] = std::string(HintFor(target));
  return json;
}

}  // namespace

ordered_json PingToJson(const relay::PingResult& ping) {
  ordered_json targets = ordered_json::array();
  for (const relay::PingTarget& target : ping.targets) {
    targets.push_back(TargetToJson(target, ping.at));
  }
  const bool no_host = !ping.dns_failure.empty();
  return {{"domain", ping.domain},
          {"at", TimeText(ping.at)},
          {"entry", ping.entry},
          {"level", ping.level},
          {"verdict", std::string(relay::VerdictName(ping.verdict))},
          {"dns_failure", ping.dns_failure},
          {"hint", no_host ? "Check the spelling of the domain, its MX records, and the resolver "
                             "(--dns_config)."
                           : ""},
          {"warnings", ping.warnings},
          {"targets", std::move(targets)}};
}

ordered_json PingToJson(const policy::PingFindings& ping) {
  ordered_json targets = ordered_json::array();
  for (const policy::PingFinding& finding : ping.findings) {
    ordered_json target = {{"mx", finding.mx},
                           {"address", finding.address},
                           {"valid", finding.valid},
                           {"reason", finding.reason},
                           {"tls_version", finding.tls_version},
                           {"cipher", finding.cipher},
                           {"fingerprint", finding.fingerprint}};
    if (finding.not_after.has_value()) target["not_after"] = TimeText(*finding.not_after);
    targets.push_back(std::move(target));
  }
  return {{"at", TimeText(ping.ping.at)},
          {"summary", ping.ping.summary},
          {"warnings", ping.ping.warnings},
          {"targets", std::move(targets)}};
}

}  // namespace sluice::admin
