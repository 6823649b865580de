#include "tests/tls/session_fixture.h"

#include "engine/base/check.h"

namespace sluice::tls {

const TestAuthority& TrustedAuthority() {
  static const TestAuthority authority("Test Root");
  return authority;
}

SessionTest::SessionTest()
    : executor_(io::NewThreadExecutor("signer")),
      signer_(*executor_),
      tickets_(clock_, absl::Hours(2)),
      server_context_(NewServerContext({EcdsaCertificate(), RsaCertificate()})),
      client_context_(NewClientContext()) {}

CipherPolicy SessionTest::Policy(absl::string_view text) {
  absl::StatusOr<CipherPolicy> policy = CipherPolicy::Parse(text);
  SLUICE_CHECK(policy.ok());
  return *std::move(policy);
}

std::unique_ptr<ServerContext> SessionTest::NewServerContext(
    const std::vector<TestCertificate>& certificates, absl::string_view ciphers) {
  absl::StatusOr<std::unique_ptr<ServerContext>> context =
      ServerContext::Create(Policy(ciphers), LoadTestCredentials(certificates), tickets_, signer_);
  SLUICE_CHECK(context.ok());
  return *std::move(context);
}

std::unique_ptr<ClientContext> SessionTest::NewClientContext(absl::string_view ciphers) {
  absl::StatusOr<std::unique_ptr<ClientContext>> context =
      ClientContext::Create(Policy(ciphers), TrustOnly(TrustedAuthority()), clock_);
  SLUICE_CHECK(context.ok());
  return *std::move(context);
}

PeerDemand SessionTest::DemandName(const std::string& name) {
  PeerDemand demand;
  demand.check = PeerCheck::kNames;
  demand.server_name = name;
  demand.names = {name};
  return demand;
}

const TestCertificate& SessionTest::EcdsaCertificate() {
  static const TestCertificate certificate =
      TrustedAuthority().Issue({.dns_names = {"mx.example.com"}});
  return certificate;
}

const TestCertificate& SessionTest::RsaCertificate() {
  static const TestCertificate certificate =
      TrustedAuthority().Issue({.dns_names = {"mx.example.com"}, .key = TestKey::kRsa2048});
  return certificate;
}

}  // namespace sluice::tls
