#include "engine/admin/certificates_api.h"

#include <utility>
#include <vector>

#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

ordered_json ToJson(const relay::ServedCertificate& served, absl::Time now) {
  const tls::CertificateDetails& leaf = served.chain.front();
  ordered_json chain = ordered_json::array();
  for (size_t i = 1; i < served.chain.size(); ++i) {
    chain.push_back({{"subject", served.chain[i].subject},
                     {"issuer", served.chain[i].issuer},
                     {"not_after", TimeText(served.chain[i].not_after)}});
  }
  return {{"file", served.file},
          {"purpose", served.client_name.empty() ? "server" : "client"},
          {"name", served.client_name},
          {"common_name", leaf.common_name},
          {"subject_alternative_names", leaf.subject_alternative_names},
          {"organization", leaf.organization},
          {"location", leaf.location},
          {"serial_number", leaf.serial_number},
          {"signature_algorithm", leaf.signature_algorithm},
          {"subject", leaf.subject},
          {"issuer", leaf.issuer},
          {"not_before", TimeText(leaf.not_before)},
          {"not_after", TimeText(leaf.not_after)},
          {"days_left", DaysLeft(leaf.not_after, now)},
          {"key", leaf.key},
          {"fingerprint_sha256", leaf.fingerprint_sha256},
          {"key_fingerprint_sha256", leaf.key_fingerprint_sha256},
          {"chain", std::move(chain)}};
}

}  // namespace

void CertificatesApi::AddTo(Router& router) {
  router.Add({.method = "GET",
              .path = "/v1/certificates",
              .handle = [this](const Request& request) { return List(request); }});
  router.Add({.method = "POST",
              .path = "/v1/certificates:reload",
              .handle = [this](const Request& request) { return Reload(request); }});
}

absl::StatusOr<Response> CertificatesApi::List(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  SLUICE_ASSIGN_OR_RETURN(const std::vector<relay::ServedCertificate> served,
                          control_.Certificates(request.deadline));
  ordered_json certificates = ordered_json::array();
  for (const relay::ServedCertificate& certificate : served) {
    certificates.push_back(ToJson(certificate, clock_.WallNow()));
  }
  return JsonReply({{"certificates", std::move(certificates)}});
}

absl::StatusOr<Response> CertificatesApi::Reload(const Request& request) {
  SLUICE_RETURN_IF_ERROR(control_.ReloadCertificates(request.by, request.deadline));
  SLUICE_RETURN_IF_ERROR(reload_own_());
  return List(request);
}

}  // namespace sluice::admin
