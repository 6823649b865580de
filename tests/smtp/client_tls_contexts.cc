#include "tests/smtp/client_tls_contexts.h"

#include "engine/base/check.h"
#include "gtest/gtest.h"
#include "tests/tls/test_certificates.h"

namespace sluice::smtp {

TestTlsContexts::TestTlsContexts() {
  const absl::StatusOr<tls::CipherPolicy> policy =
      tls::CipherPolicy::Parse("TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL");
  SLUICE_CHECK(policy.ok());
  const tls::TestAuthority root("Test Root");
  const absl::StatusOr<std::shared_ptr<const tls::TrustStore>> trust = tls::TrustStore::Load(
      tls::WriteTestFile(testing::TempDir(), "smtp_client_root.pem", root.certificate_pem()));
  SLUICE_CHECK(trust.ok());
  client_ = *tls::ClientContext::Create(*policy, *trust, SystemClock());
  server_ = *tls::ServerContext::Create(
      *policy,
      tls::LoadTestCredentials(
          {root.Issue({.common_name = "mx.example.net", .dns_names = {"mx.example.net"}})}),
      tickets_, signer_);
}

}  // namespace sluice::smtp
