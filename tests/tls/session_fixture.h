// What tests of sessions begin with: an authority, a server with both certificates, a client that
// trusts the authority.
#ifndef SLUICE_TESTS_TLS_SESSION_FIXTURE_H_
#define SLUICE_TESTS_TLS_SESSION_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/io/executor.h"
#include "gtest/gtest.h"
#include "tests/tls/raw_peer.h"
#include "tests/tls/test_certificates.h"
#include "tests/tls/wire.h"
#include "tls/context.h"
#include "tls/session.h"

namespace sluice::tls {

inline constexpr char kRequiredCiphers[] = "TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL";

// The authority that every test trusts; made once.
const TestAuthority& TrustedAuthority();

class SessionTest : public testing::Test {
 protected:
  using Progress = Session::Progress;

  SessionTest();

  static CipherPolicy Policy(absl::string_view text = kRequiredCiphers);
  std::unique_ptr<ServerContext> NewServerContext(const std::vector<TestCertificate>& certificates,
                                                  absl::string_view ciphers = kRequiredCiphers);
  std::unique_ptr<ClientContext> NewClientContext(absl::string_view ciphers = kRequiredCiphers);
  std::unique_ptr<Session> NewClient(const PeerDemand& demand = {}) {
    return Session::NewClient(*client_context_, demand, "192.0.2.1:25");
  }

  // kNames, of the name given.
  static PeerDemand DemandName(const std::string& name);

  // Certificates of the trusted authority for mx.example.com.
  static const TestCertificate& EcdsaCertificate();
  static const TestCertificate& RsaCertificate();

  ManualClock clock_;
  std::unique_ptr<io::Executor> executor_;
  InlineSigner signer_;
  TicketKeys tickets_;
  std::unique_ptr<ServerContext> server_context_;  // with both certificates
  std::unique_ptr<ClientContext> client_context_;
};

}  // namespace sluice::tls

#endif  // SLUICE_TESTS_TLS_SESSION_FIXTURE_H_
