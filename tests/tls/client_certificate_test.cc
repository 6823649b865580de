// What a client shows of itself to a server that asks, and what it does not.
#include <openssl/digest.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "gmock/gmock.h"
#include "tests/tls/session_fixture.h"
#include "tls/client_certificates.h"

namespace sluice::tls {
namespace {

using testing::HasSubstr;

class ClientCertificateTest : public SessionTest {
 protected:
  ClientCertificateTest()
      : directory_(absl::StrCat(testing::TempDir(), "sluice-client-certificate-test-", getpid())) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~ClientCertificateTest() override { std::filesystem::remove_all(directory_); }

  ClientCertificateFiles Write(const std::string& name, TestKey key = TestKey::kP256) {
    const TestCertificate certificate = TrustedAuthority().Issue({.common_name = name, .key = key});
    return {name, WriteTestCredentials(directory_, name, certificate)};
  }
  void Use(const std::vector<ClientCertificateFiles>& files) {
    const auto loaded = ClientCertificates::Load(files, signer_, MonoTime::Never());
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    certificates_ = *loaded;
    client_context_->UseCertificates(certificates_);
  }
  std::string FingerprintOf(absl::string_view name) const {
    return certificates_->Find(name)->served().front().details.fingerprint_sha256;
  }

  // A server that asks for a certificate, and takes none for an answer only where it is `lenient`.
  static RawPeer Asking(Version version, bool lenient = false) {
    RawPeer server = RawPeer::Server(EcdsaCertificate());
    SSL_CTX_set_max_proto_version(server.context(), static_cast<uint16_t>(version));
    SSL_CTX_set_custom_verify(server.context(),
                              SSL_VERIFY_PEER | (lenient ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
                              [](SSL*, uint8_t*) { return ssl_verify_ok; });
    static constexpr uint8_t kName[] = "test";
    SSL_CTX_set_session_id_context(server.context(), kName, sizeof(kName));
    return server;
  }
  // What the server has seen; empty: no certificate.
  static std::string Seen(RawPeer& server) {
    const bssl::UniquePtr<X509> shown(SSL_get_peer_certificate(server.ssl()));
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (shown == nullptr || X509_digest(shown.get(), EVP_sha256(), hash, &size) != 1) return "";
    return absl::BytesToHexString({reinterpret_cast<const char*>(hash), size});
  }
  static PeerDemand Showing(const std::string& name) {
    PeerDemand demand;
    demand.client_certificate = name;
    return demand;
  }

  const std::string directory_;
  std::shared_ptr<const ClientCertificates> certificates_;
};

TEST_F(ClientCertificateTest, IsShownToAServerThatAsksWhoeverHasTheKey) {
  Use({Write("p256"), Write("p384", TestKey::kP384), Write("rsa", TestKey::kRsa2048)});
  for (const Version version : {Version::kTls12, Version::kTls13}) {
    for (const char* const name : {"p256", "p384", "rsa"}) {
      SCOPED_TRACE(absl::StrCat(name, " ", static_cast<int>(version)));
      RawPeer server = Asking(version);
      const auto client = NewClient(Showing(name));
      Wire wire(*client, server);
      wire.Shake();
      ASSERT_TRUE(wire.done()) << server.error();
      EXPECT_EQ(Seen(server), FingerprintOf(name));
      EXPECT_TRUE(client->info().certificate_asked);
      EXPECT_TRUE(client->info().certificate_shown);
      EXPECT_EQ(wire.FromServer("220 a\r\n"), "220 a\r\n");
    }
  }
}

TEST_F(ClientCertificateTest, IsShownToNobodyThatDoesNotAskOrIsNotMeant) {
  Use({Write("partner")});
  RawPeer indifferent = RawPeer::Server(EcdsaCertificate());
  const auto shows = NewClient(Showing("partner"));
  Wire unasked(*shows, indifferent);
  unasked.Shake();
  ASSERT_TRUE(unasked.done());
  EXPECT_FALSE(shows->info().certificate_asked);
  EXPECT_FALSE(shows->info().certificate_shown);
  for (const Version version : {Version::kTls12, Version::kTls13}) {
    RawPeer lenient = Asking(version, /*lenient=*/true);
    const auto client = NewClient();
    Wire wire(*client, lenient);
    wire.Shake();
    ASSERT_TRUE(wire.done()) << lenient.error();
    EXPECT_EQ(Seen(lenient), "");
    EXPECT_TRUE(client->info().certificate_asked);
    EXPECT_FALSE(client->info().certificate_shown);
  }
}

TEST_F(ClientCertificateTest, AServerThatInsistsRefusesWhoShowsNoneAndIsUnderstood) {
  const char kWhy[] = "; it had asked for a client certificate, and got none";
  RawPeer old = Asking(Version::kTls12);
  const auto client = NewClient();
  Wire wire(*client, old);
  wire.Shake();
  ASSERT_EQ(wire.client_progress(), Progress::kFailed);
  EXPECT_EQ(client->failure().reason, Reason::kAlert);
  EXPECT_THAT(client->failure().detail, HasSubstr(kWhy));
  EXPECT_THAT(client->Trace(), HasSubstr("< CertificateRequest"));

  // With TLS 1.3 the client is done before the server has seen what it shows (RFC 8446 §2).
  RawPeer modern = Asking(Version::kTls13);
  const auto early = NewClient();
  Wire later(*early, modern);
  later.Shake();
  ASSERT_EQ(later.client_progress(), Progress::kDone);
  ASSERT_EQ(later.server_progress(), Progress::kFailed);
  early->Feed(later.to_client());
  std::string text;
  EXPECT_EQ(early->Decrypt(text, 1000), Session::ReadResult::kBroken);
  EXPECT_EQ(early->alert(), absl::StrCat("alert from the peer: certificate required", kWhy));
}

TEST_F(ClientCertificateTest, ASessionIsResumedUnderTheCertificateThatItWasMadeWith) {
  Use({Write("a"), Write("b")});
  for (const Version version : {Version::kTls12, Version::kTls13}) {
    RawPeer first = Asking(version, /*lenient=*/true);
    const auto visit = [&](const PeerDemand& demand) {
      // A connection of its own under the context, and so the ticket keys, of `first`.
      RawPeer server = Asking(version, /*lenient=*/true);
      uint8_t keys[48];
      SLUICE_CHECK(SSL_CTX_get_tlsext_ticket_keys(first.context(), keys, sizeof(keys)) == 1);
      SLUICE_CHECK(SSL_CTX_set_tlsext_ticket_keys(server.context(), keys, sizeof(keys)) == 1);
      const auto client = NewClient(demand);
      Wire wire(*client, server);
      wire.Shake();
      EXPECT_TRUE(wire.done()) << server.error();
      EXPECT_EQ(wire.FromServer("220 a\r\n"), "220 a\r\n");
      EXPECT_EQ(Seen(server),
                demand.client_certificate.empty() ? "" : FingerprintOf(demand.client_certificate));
      return client->info().resumed;
    };
    EXPECT_FALSE(visit(Showing("a")));
    EXPECT_TRUE(visit(Showing("a")));
    EXPECT_FALSE(visit(Showing("b")));
    EXPECT_FALSE(visit(PeerDemand()));
    EXPECT_TRUE(visit(Showing("b")));
    // Another certificate under the name that it had.
    Use({Write("a"), Write("b")});
    EXPECT_FALSE(visit(Showing("a")));
    EXPECT_TRUE(visit(Showing("a")));
  }
}

TEST_F(ClientCertificateTest, AHandshakeKeepsTheCertificateThatItBeganWith) {
  Use({Write("a")});
  const std::string before = FingerprintOf("a");
  RawPeer server = Asking(Version::kTls13);
  const auto client = NewClient(Showing("a"));
  Use({Write("a")});
  Wire wire(*client, server);
  wire.Shake();
  ASSERT_TRUE(wire.done());
  EXPECT_EQ(Seen(server), before);
}

TEST_F(ClientCertificateTest, WhatIsWrongIsSaidWithFlagAndName) {
  const auto fault = [this](const std::vector<ClientCertificateFiles>& files) {
    return std::string(
        ClientCertificates::Load(files, signer_, MonoTime::Never()).status().message());
  };
  const ClientCertificateFiles good = Write("a");
  EXPECT_EQ(fault({good, good}), "--client_certificate: two certificates are called a");
  EXPECT_THAT(
      fault({{"b", {directory_ + "/none.pem", good.files.private_key}}}),
      testing::StartsWith(absl::StrCat("--client_certificate: b: ", directory_, "/none.pem: ")));
  const ClientCertificateFiles other = Write("c");
  EXPECT_THAT(fault({{"a", {good.files.certificate, other.files.private_key}}}),
              HasSubstr("is not the key of the first certificate in"));
  EXPECT_THAT(fault(std::vector<ClientCertificateFiles>(25, good)), HasSubstr("at most 24"));
}

}  // namespace
}  // namespace sluice::tls
