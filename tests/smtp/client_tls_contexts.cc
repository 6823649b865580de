#include "tests/smtp/client_tls_contexts.h"

#include "engine/base/check.h"
#include "tests/tls/test_certificates.h"

namespace sluice::smtp {

TestTlsContexts::TestTlsContexts() {
  const absl::StatusOr<tls::CipherPolicy> policy =
      tls::CipherPolicy::Parse("TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL");
  SLUICE_CHECK(policy.ok());
  const tls::TestAuthority root("Test Root");
  client_ = *tls::ClientContext::Create(*policy, tls::TrustOnly(root), SystemClock());
  server_ = *tls::ServerContext::Create(
      *policy,
      tls::LoadTestCredentials(
          {root.Issue({.common_name = "mx.example.net", .dns_names = {"mx.example.net"}})}),
      tickets_, signer_);
}

}  // namespace sluice::smtp
