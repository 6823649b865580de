// What a server's certificate must be under each check, and the words for what it is not.
#include <openssl/ssl.h>

#include "tests/tls/session_fixture.h"
#include "tls/certificate_checks.h"

namespace sluice::tls {
namespace {

class VerificationTest : public SessionTest {
 protected:
  // nullopt: the client was content with what a server showed it.
  std::optional<Failure> Judge(const TestCertificate& certificate, const PeerDemand& demand) {
    const auto context = NewServerContext({certificate});
    const auto client = NewClient(demand);
    const auto server = Session::NewServer(*context);
    Wire wire(*client, *server);
    wire.Shake();
    if (wire.client_progress() == Progress::kDone) return std::nullopt;
    EXPECT_EQ(wire.client_progress(), Progress::kFailed);
    // The server hears of it.
    EXPECT_EQ(server->failure().reason, Reason::kAlert);
    server_heard_ = server->failure().detail;
    return client->failure();
  }

  std::string server_heard_;
};

TEST_F(VerificationTest, TakesAnyCertificateWhenNoneIsDemanded) {
  EXPECT_EQ(Judge(SelfSigned({.not_after = clock_.WallNow() - absl::Hours(1)}), {}), std::nullopt);
}

TEST_F(VerificationTest, TakesATrustedName) {
  EXPECT_EQ(Judge(EcdsaCertificate(), DemandName("mx.example.com")), std::nullopt);
  EXPECT_EQ(Judge(RsaCertificate(), DemandName("mx.example.com")), std::nullopt);
}

TEST_F(VerificationTest, TakesAChain) {
  const TestAuthority middle("Test Intermediate", TrustedAuthority());
  const TestAuthority lower("Test Lower", middle);
  EXPECT_EQ(Judge(lower.Issue({.dns_names = {"mx.example.com"}}), DemandName("mx.example.com")),
            std::nullopt);
}

TEST_F(VerificationTest, RefusesAnotherName) {
  const auto failed = Judge(TrustedAuthority().Issue({.dns_names = {"a.example", "b.example"}}),
                            DemandName("mx.example.com"));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason, Reason::kNameMismatch);
  EXPECT_EQ(failed->detail, "certificate names: a.example, b.example; wanted: mx.example.com");
  EXPECT_EQ(server_heard_, "alert from the peer: bad certificate");
}

TEST_F(VerificationTest, ShowsSomeOfManyNames) {
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("a" + std::to_string(i) + ".example");
  const auto failed =
      Judge(TrustedAuthority().Issue({.dns_names = names}), DemandName("mx.example.com"));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->detail,
            "certificate names: a0.example, a1.example, a2.example, a3.example, a4.example, "
            "a5.example, a6.example, a7.example and 292 more; wanted: mx.example.com");
}

TEST_F(VerificationTest, LooksAtTheCommonNameOnlyWhereThereIsNoDnsName) {
  EXPECT_EQ(Judge(TrustedAuthority().Issue({.common_name = "mx.example.com"}),
                  DemandName("mx.example.com")),
            std::nullopt);
  const auto failed = Judge(
      TrustedAuthority().Issue({.common_name = "mx.example.com", .dns_names = {"other.example"}}),
      DemandName("mx.example.com"));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason, Reason::kNameMismatch);
}

TEST_F(VerificationTest, RefusesNamesMadeToBeMisread) {
  const auto failed = Judge(
      TrustedAuthority().Issue({.dns_names = {std::string("mx.example.com\0.evil.example", 28)}}),
      DemandName("mx.example.com"));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason, Reason::kNameMismatch);
  EXPECT_EQ(failed->detail,
            "certificate names: mx.example.com\\000.evil.example; wanted: mx.example.com");
}

TEST_F(VerificationTest, RefusesAnUnknownAuthority) {
  const TestAuthority stranger("Stranger");
  const auto failed =
      Judge(stranger.Issue({.dns_names = {"mx.example.com"}}), DemandName("mx.example.com"));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason, Reason::kUntrusted);
  EXPECT_EQ(failed->detail,
            "unable to get local issuer certificate: CN=mx.example.com, issued by CN=Stranger");
  EXPECT_EQ(server_heard_, "alert from the peer: unknown CA");
}

TEST_F(VerificationTest, RefusesASelfSignedOne) {
  const auto failed =
      Judge(SelfSigned({.dns_names = {"mx.example.com"}}), DemandName("mx.example.com"));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason, Reason::kUntrusted);
}

TEST_F(VerificationTest, RefusesALeafAsAnAuthority) {
  // Whoever has a trusted leaf is no authority: its certificate does not say so.
  const auto failed =
      Judge(SelfSigned({.common_name = "Test Root", .dns_names = {"mx.example.com"}}),
            DemandName("mx.example.com"));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason, Reason::kUntrusted);
}

TEST_F(VerificationTest, RefusesOtherDates) {
  const absl::Time now = clock_.WallNow();
  auto failed = Judge(TrustedAuthority().Issue(
                          {.dns_names = {"mx.example.com"}, .not_after = now - absl::Hours(1)}),
                      DemandName("mx.example.com"));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason, Reason::kExpiredCertificate);
  EXPECT_EQ(failed->detail,
            "the certificate of CN=mx.example.com is valid from 2020-09-13 12:26 UTC to "
            "2023-11-14 21:13 UTC; it is now 2023-11-14 22:13 UTC");
  EXPECT_EQ(server_heard_, "alert from the peer: certificate expired");
  failed = Judge(TrustedAuthority().Issue(
                     {.dns_names = {"mx.example.com"}, .not_before = now + absl::Hours(1)}),
                 DemandName("mx.example.com"));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason, Reason::kExpiredCertificate);
}

TEST_F(VerificationTest, ReportsTheChainBeforeDatesBeforeNames) {
  const TestAuthority stranger("Stranger");
  const absl::Time past = clock_.WallNow() - absl::Hours(1);
  EXPECT_EQ(Judge(stranger.Issue({.dns_names = {"a.example"}, .not_after = past}),
                  DemandName("mx.example.com"))
                ->reason,
            Reason::kUntrusted);
  EXPECT_EQ(Judge(TrustedAuthority().Issue({.dns_names = {"a.example"}, .not_after = past}),
                  DemandName("mx.example.com"))
                ->reason,
            Reason::kExpiredCertificate);
}

TEST_F(VerificationTest, HoldsFingerprintsAgainstCertificateAndKey) {
  // Neither chain nor name nor dates count.
  const TestCertificate certificate =
      SelfSigned({.common_name = "x", .not_after = clock_.WallNow() - absl::Hours(1)});
  const CertificateDetails details = LoadTestCredentials({certificate})->served()[0].details;
  PeerDemand demand;
  demand.check = PeerCheck::kFingerprint;
  demand.fingerprints = {std::string(64, '0'), details.fingerprint_sha256};
  EXPECT_EQ(Judge(certificate, demand), std::nullopt);
  demand.fingerprints = {details.key_fingerprint_sha256};
  EXPECT_EQ(Judge(certificate, demand), std::nullopt);

  const auto failed = Judge(EcdsaCertificate(), demand);
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason, Reason::kFingerprintMismatch);
  const CertificateDetails seen = LoadTestCredentials({EcdsaCertificate()})->served()[0].details;
  EXPECT_EQ(failed->detail,
            "certificate " + seen.fingerprint_sha256 + ", key " + seen.key_fingerprint_sha256);
  demand.fingerprints = {};
  EXPECT_TRUE(Judge(certificate, demand).has_value());
}

TEST_F(VerificationTest, WhatMtaStsAsksForHoldsBesideTheCheck) {
  const TestCertificate both =
      TrustedAuthority().Issue({.dns_names = {"mx.example.com", "example.com"}});
  PeerDemand demand;
  demand.mta_sts_host = "mx.example.com";
  EXPECT_EQ(Judge(EcdsaCertificate(), demand), std::nullopt);
  EXPECT_EQ(Judge(SelfSigned({.dns_names = {"mx.example.com"}}), demand)->reason,
            Reason::kUntrusted);
  EXPECT_EQ(Judge(TrustedAuthority().Issue({.dns_names = {"a.example"}}), demand)->reason,
            Reason::kNameMismatch);
  demand = DemandName("example.com");
  EXPECT_EQ(Judge(both, demand), std::nullopt);
  demand.mta_sts_host = "mx.example.com";
  EXPECT_EQ(Judge(both, demand), std::nullopt);
  demand.mta_sts_host = "mx2.example.com";
  EXPECT_EQ(Judge(both, demand)->reason, Reason::kNameMismatch);
}

TEST_F(VerificationTest, TellsWhatWasSeenOfACertificateThatWillNotDo) {
  PeerDemand fingerprint;
  fingerprint.check = PeerCheck::kFingerprint;
  const TestCertificate wrong_name = TrustedAuthority().Issue({.dns_names = {"a.example"}});
  const TestCertificate stranger = TestAuthority("Stranger").Issue({.dns_names = {"a.example"}});
  const TestCertificate expired = TrustedAuthority().Issue(
      {.dns_names = {"mx.example.com"}, .not_after = clock_.WallNow() - absl::Hours(1)});
  struct Case {
    const TestCertificate& shown;
    PeerDemand demand;
    Reason reason;
  };
  for (const Case& c : {Case{stranger, DemandName("mx.example.com"), Reason::kUntrusted},
                        Case{wrong_name, DemandName("mx.example.com"), Reason::kNameMismatch},
                        Case{expired, DemandName("mx.example.com"), Reason::kExpiredCertificate},
                        Case{wrong_name, fingerprint, Reason::kFingerprintMismatch}}) {
    SCOPED_TRACE(ReasonName(c.reason));
    const CertificateDetails details = LoadTestCredentials({c.shown})->served()[0].details;
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      RawPeer server = RawPeer::Server(c.shown);
      ASSERT_EQ(SSL_CTX_set_max_proto_version(server.context(), static_cast<uint16_t>(version)), 1);
      const auto client = NewClient(c.demand);
      Wire wire(*client, server);
      wire.Shake();
      ASSERT_EQ(wire.client_progress(), Progress::kFailed);
      EXPECT_EQ(client->failure().reason, c.reason);
      ASSERT_TRUE(client->failure().seen.has_value());
      const ConnectionInfo& seen = *client->failure().seen;
      EXPECT_EQ(seen.version_name, version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
      EXPECT_TRUE(Policy().Approves(seen.cipher)) << seen.cipher;
      EXPECT_FALSE(seen.resumed);
      EXPECT_EQ(seen.peer_subject, details.subject);
      EXPECT_EQ(seen.peer_issuer, details.issuer);
      EXPECT_EQ(seen.peer_fingerprint, details.fingerprint_sha256);
      EXPECT_EQ(seen.peer_not_after, details.not_after);
    }
  }
}

TEST_F(VerificationTest, TellsNothingWhereNothingWasAgreedOn) {
  RawPeer server = RawPeer::Server(EcdsaCertificate());
  SSL_CTX_set_max_proto_version(server.context(), TLS1_1_VERSION);
  const auto client = NewClient();
  Wire wire(*client, server);
  wire.Shake();
  ASSERT_EQ(wire.client_progress(), Progress::kFailed);
  EXPECT_FALSE(client->failure().seen.has_value());
}

TEST(NameMatches, FollowsRfc6125) {
  struct Case {
    const char* presented;
    const char* wanted;
    bool matches;
  };
  for (const Case& c : std::vector<Case>{
           {"mx.example.com", "mx.example.com", true},
           {"MX.Example.COM", "mx.example.com", true},
           {"mx.example.com.", "mx.example.com", true},
           {"mx.example.com", "example.com", false},
           {"example.com", "mx.example.com", false},
           {"", "mx.example.com", false},
           {"mx.example.com", "", false},
           // One label, whole, in front.
           {"*.example.com", "mx.example.com", true},
           {"*.example.com", "example.com", false},
           {"*.example.com", "a.mx.example.com", false},
           {"*.example.com", ".mx.example.com", false},
           {"*.example.com", "xn--bcher-kva.example.com", true},
           {"m*.example.com", "mx.example.com", false},
           {"mx.*.com", "mx.example.com", false},
           {"*.*.com", "mx.example.com", false},
           {"*", "mx.example.com", false},
           {"*", "com", false},
           {"*.", "mx.example.com", false},
           {"*.com", "example.com", false},
           // A wanted suffix.
           {"mx.example.com", ".example.com", true},
           {"a.mx.example.com", ".example.com", true},
           {"*.example.com", ".example.com", true},
           {"example.com", ".example.com", false},
           {"notexample.com", ".example.com", false},
           {".example.com", ".example.com", false},
           {"a\\000.example.com", ".example.com", false},
       }) {
    EXPECT_EQ(NameMatches(c.presented, c.wanted), c.matches) << c.presented << " " << c.wanted;
  }
}

}  // namespace
}  // namespace sluice::tls
