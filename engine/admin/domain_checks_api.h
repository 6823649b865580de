// What would happen to a domain's mail, over HTTP: which entry decides, and whether its servers can
// be reached as the list demands.
//
//   GET  /v1/domains:explain?domain=example.com         an address (user@example.com) will do
//            {"domain", "default_tls_level", "route", "source_addresses", "source_of",
//             "client_certificate", "client_certificate_of",
//             "outbound": {"verdict", "candidates": [{"pattern", "decides", "why", "entry"}]},
//             "inbound": …}
//   POST /v1/domains:ping     {"domain": "example.com"}
//            {"domain", "at", "entry", "level", "verdict": "valid"|"partial"|"invalid",
//             "dns_failure", "hint", "targets": [{"mx", "address", "source", "valid",
//             "decided_by", "dane", "stage", "reason", "detail", "smtp_reply", "tls_version",
//             "cipher", "certificate": {"subject", "issuer", "fingerprint", "names": […], "not_after",
//             "days_left", "chain": […]}, "client_certificate": {"asked", "shown"}, "took_ms",
//             "hint"}]}
//
// A ping whose verdict is invalid is an answer like any other (200). Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_DOMAIN_CHECKS_API_H_
#define SLUICE_ENGINE_ADMIN_DOMAIN_CHECKS_API_H_

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/relay/control.h"

namespace sluice::admin {

class DomainChecksApi {
 public:
  explicit DomainChecksApi(relay::Control& control) : control_(control) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> Explain(const Request& request);
  absl::StatusOr<Response> Ping(const Request& request);
  absl::StatusOr<Response> PingSelf(const Request& request);
  absl::StatusOr<Response> Pings(const Request& request);

  relay::Control& control_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_DOMAIN_CHECKS_API_H_
