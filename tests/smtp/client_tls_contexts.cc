#include "tests/smtp/client_tls_contexts.h"

#include "tests/tls/test_certificates.h"

namespace sluice::smtp {

TestTlsContexts::TestTlsContexts(const std::string& name)
    : policy_(*tls::CipherPolicy::Parse("TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL")) {
  const tls::TestAuthority root("Test Root");
  trust_ = tls::TrustOnly(root);
  client_ = NewClient();
  server_ = *tls::ServerContext::Create(
      policy_, tls::LoadTestCredentials({root.Issue({.common_name = name, .dns_names = {name}})}),
      tickets_, signer_);
}

std::unique_ptr<tls::ClientContext> TestTlsContexts::NewClient() const {
  return *tls::ClientContext::Create(policy_, trust_, SystemClock());
}

}  // namespace sluice::smtp
