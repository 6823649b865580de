// The certificates that the gateway shows, over HTTP: to its clients ("purpose" is "server"), and
// to servers that ask for one ("client", and "name" is that of --client_certificate).
//
//   GET  /v1/certificates           {"certificates": [{"file", "purpose", "name", "common_name",
//                                   "subject_alternative_names", "organization", "location",
//                                   "serial_number", "signature_algorithm", "subject", "issuer",
//                                   "not_before", "not_after", "days_left", "key",
//                                   "fingerprint_sha256", "key_fingerprint_sha256",
//                                   "chain": [{"subject", "issuer", "not_after"}]}]}
//   POST /v1/certificates:reload    the same, after the files were read anew (those of the API's own
//                                   TLS too)
//
// "chain" is what is sent behind the certificate. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_CERTIFICATES_API_H_
#define SLUICE_ENGINE_ADMIN_CERTIFICATES_API_H_

#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/base/clock.h"
#include "engine/relay/control.h"

namespace sluice::admin {

class CertificatesApi {
 public:
  // `reload_own` reads the API's own certificate anew.
  CertificatesApi(relay::Control& control, const Clock& clock,
                  std::function<absl::Status()> reload_own)
      : control_(control), clock_(clock), reload_own_(std::move(reload_own)) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> List(const Request& request);
  absl::StatusOr<Response> Reload(const Request& request);

  relay::Control& control_;
  const Clock& clock_;
  const std::function<absl::Status()> reload_own_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_CERTIFICATES_API_H_
