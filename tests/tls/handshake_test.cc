// What is agreed on, with whom, and what is said when nothing is.
#include <openssl/ssl.h>

#include <future>
#include <thread>

#include "tests/tls/session_fixture.h"

namespace sluice::tls {
namespace {

class HandshakeTest : public SessionTest {};

TEST_F(HandshakeTest, AgreesOnTls13) {
  const auto client = NewClient(DemandName("mx.example.com"));
  const auto server = Session::NewServer(*server_context_);
  Wire wire(*client, *server);
  wire.Shake();
  ASSERT_TRUE(wire.done()) << client->failure().detail;
  for (const Session* const side : {client.get(), server.get()}) {
    EXPECT_EQ(side->info().version, Version::kTls13);
    EXPECT_EQ(side->info().version_name, "TLSv1.3");
    EXPECT_TRUE(side->info().cipher == "TLS_AES_128_GCM_SHA256" ||
                side->info().cipher == "TLS_AES_256_GCM_SHA384")
        << side->info().cipher;
    EXPECT_EQ(side->info().group, "P-256");
    EXPECT_FALSE(side->info().resumed);
  }
  EXPECT_EQ(wire.FromClient("EHLO a\r\n"), "EHLO a\r\n");
  EXPECT_EQ(wire.FromServer("250 b\r\n"), "250 b\r\n");
}

TEST_F(HandshakeTest, EachFlightIsOneSend) {
  const auto client = NewClient();
  const auto server = Session::NewServer(*server_context_);
  Wire wire(*client, *server);
  wire.Shake();
  ASSERT_TRUE(wire.done());
  EXPECT_EQ(wire.client_sends(), 2);  // ClientHello; Finished
  EXPECT_EQ(wire.server_sends(), 1);  // ServerHello to Finished; the ticket leaves with a reply
}

TEST_F(HandshakeTest, DescribesThePeer) {
  const auto client = NewClient();
  const auto server = Session::NewServer(*server_context_);
  Wire wire(*client, *server);
  wire.Shake();
  ASSERT_TRUE(wire.done());
  const ConnectionInfo& info = client->info();
  EXPECT_EQ(info.peer_subject, "CN=mx.example.com");
  EXPECT_EQ(info.peer_issuer, "CN=Test Root");
  EXPECT_EQ(info.peer_names, std::vector<std::string>{"DNS:mx.example.com"});
  EXPECT_EQ(info.peer_chain, std::vector<std::string>{"CN=mx.example.com"});
  EXPECT_EQ(info.peer_not_after, absl::FromUnixSeconds(2'500'000'000));
  EXPECT_EQ(info.peer_fingerprint,
            LoadTestCredentials({EcdsaCertificate()})->served()[0].details.fingerprint_sha256);
}

// Every suite of the required policy, each as the one that a client has.
class EachSuite : public SessionTest, public testing::WithParamInterface<const char*> {};

TEST_P(EachSuite, IsServed) {
  RawPeer client = RawPeer::Client();
  ASSERT_EQ(SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION), 1);
  ASSERT_EQ(SSL_CTX_set_strict_cipher_list(client.context(), GetParam()), 1);
  const auto server = Session::NewServer(*server_context_);
  Wire wire(client, *server);
  wire.Shake();
  ASSERT_TRUE(wire.done()) << client.error();
  EXPECT_EQ(server->info().version_name, "TLSv1.2");
  EXPECT_EQ(server->info().cipher, GetParam());
  EXPECT_EQ(server->info().group.empty(), absl::string_view(GetParam()).substr(0, 3) == "AES");
  EXPECT_EQ(wire.FromClient("EHLO a\r\n"), "EHLO a\r\n");
  EXPECT_EQ(wire.FromServer("250 b\r\n"), "250 b\r\n");
}

TEST_P(EachSuite, IsTaken) {
  const bool ecdsa = absl::string_view(GetParam()).find("ECDSA") != absl::string_view::npos;
  RawPeer server = RawPeer::Server(ecdsa ? EcdsaCertificate() : RsaCertificate());
  ASSERT_EQ(SSL_CTX_set_max_proto_version(server.context(), TLS1_2_VERSION), 1);
  ASSERT_EQ(SSL_CTX_set_strict_cipher_list(server.context(), GetParam()), 1);
  const auto client = NewClient(DemandName("mx.example.com"));
  Wire wire(*client, server);
  wire.Shake();
  ASSERT_TRUE(wire.done()) << client->failure().detail;
  EXPECT_EQ(client->info().cipher, GetParam());
  EXPECT_EQ(wire.FromClient("EHLO a\r\n"), "EHLO a\r\n");
  EXPECT_EQ(wire.FromServer("250 b\r\n"), "250 b\r\n");
}

INSTANTIATE_TEST_SUITE_P(Required, EachSuite,
                         testing::Values("ECDHE-ECDSA-AES256-GCM-SHA384",
                                         "ECDHE-RSA-AES256-GCM-SHA384",
                                         "ECDHE-ECDSA-AES128-GCM-SHA256",
                                         "ECDHE-RSA-AES128-GCM-SHA256", "AES256-GCM-SHA384",
                                         "AES128-GCM-SHA256", "AES256-SHA", "AES128-SHA"));

TEST_F(HandshakeTest, RefusesClientsOfTls11) {
  RawPeer client = RawPeer::Client();
  SSL_CTX_set_max_proto_version(client.context(), TLS1_1_VERSION);
  const auto server = Session::NewServer(*server_context_);
  Wire wire(client, *server);
  wire.Shake();
  ASSERT_EQ(wire.server_progress(), Progress::kFailed);
  EXPECT_EQ(server->failure().reason, Reason::kVersion);
  EXPECT_EQ(client.error(), "TLSV1_ALERT_PROTOCOL_VERSION");
}

TEST_F(HandshakeTest, RefusesServersOfTls11) {
  RawPeer server = RawPeer::Server(RsaCertificate());
  SSL_CTX_set_max_proto_version(server.context(), TLS1_1_VERSION);
  const auto client = NewClient();
  Wire wire(*client, server);
  wire.Shake();
  ASSERT_EQ(wire.client_progress(), Progress::kFailed);
  EXPECT_EQ(client->failure().reason, Reason::kVersion);
  EXPECT_EQ(server.error(), "UNSUPPORTED_PROTOCOL");
}

TEST_F(HandshakeTest, RefusesTls12WhenTls13IsDemanded) {
  RawPeer server = RawPeer::Server(EcdsaCertificate());
  SSL_CTX_set_max_proto_version(server.context(), TLS1_2_VERSION);
  PeerDemand demand;
  demand.minimum_version = Version::kTls13;
  const auto client = NewClient(demand);
  Wire wire(*client, server);
  wire.Shake();
  ASSERT_EQ(wire.client_progress(), Progress::kFailed);
  EXPECT_EQ(client->failure().reason, Reason::kVersion);
}

TEST_F(HandshakeTest, RefusesClientsWithoutAnApprovedCipher) {
  for (const char* const suite :
       {"ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA", "DES-CBC3-SHA"}) {
    RawPeer client = RawPeer::Client();
    SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
    ASSERT_EQ(SSL_CTX_set_strict_cipher_list(client.context(), suite), 1) << suite;
    const auto server = Session::NewServer(*server_context_);
    Wire wire(client, *server);
    wire.Shake();
    ASSERT_EQ(wire.server_progress(), Progress::kFailed) << suite;
    EXPECT_EQ(server->failure().reason, Reason::kCipher) << suite;
    EXPECT_EQ(client.error(), "SSLV3_ALERT_HANDSHAKE_FAILURE") << suite;
  }
}

TEST_F(HandshakeTest, RefusesServersWithoutAnApprovedCipher) {
  RawPeer server = RawPeer::Server(RsaCertificate());
  SSL_CTX_set_max_proto_version(server.context(), TLS1_2_VERSION);
  ASSERT_EQ(SSL_CTX_set_strict_cipher_list(server.context(), "ECDHE-RSA-CHACHA20-POLY1305"), 1);
  const auto client = NewClient();
  Wire wire(*client, server);
  wire.Shake();
  ASSERT_EQ(wire.client_progress(), Progress::kFailed);
  EXPECT_EQ(client->failure().reason, Reason::kAlert);
  EXPECT_EQ(client->failure().detail, "alert from the peer: handshake failure");
}

TEST_F(HandshakeTest, RefusesOtherGroups) {
  RawPeer client = RawPeer::Client();
  SSL_CTX_set_min_proto_version(client.context(), TLS1_3_VERSION);
  const int groups[] = {NID_X25519};
  ASSERT_EQ(SSL_CTX_set1_curves(client.context(), groups, 1), 1);
  const auto server = Session::NewServer(*server_context_);
  Wire wire(client, *server);
  wire.Shake();
  ASSERT_EQ(wire.server_progress(), Progress::kFailed);
  EXPECT_EQ(server->failure().reason, Reason::kCipher);
}

TEST_F(HandshakeTest, FallsBackToRsa) {
  struct Case {
    const char* why;
    uint16_t max_version;
    const char* suites;
    std::vector<uint16_t> algorithms;
    std::vector<int> groups;
    bool ecdsa;
  };
  const std::vector<Case> cases = {
      {"takes anything", TLS1_3_VERSION, "ALL", {}, {}, true},
      {"TLS 1.2, takes anything", TLS1_2_VERSION, "ALL", {}, {}, true},
      {"no ECDSA suite", TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", {}, {}, false},
      {"no ECDSA signature", TLS1_2_VERSION, "ALL", {SSL_SIGN_RSA_PKCS1_SHA256}, {}, false},
      {"TLS 1.3, no ECDSA signature",
       TLS1_3_VERSION,
       "ALL",
       {SSL_SIGN_RSA_PSS_RSAE_SHA256},
       {},
       false},
      {"TLS 1.3, ECDSA on another curve",
       TLS1_3_VERSION,
       "ALL",
       {SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA256},
       {},
       false},
      {"not the curve of the certificate", TLS1_2_VERSION, "ALL", {}, {NID_secp384r1}, false},
      {"no group of ours, so static RSA", TLS1_2_VERSION, "ALL", {}, {NID_X25519}, false},
  };
  for (const Case& c : cases) {
    RawPeer client = RawPeer::Client();
    SSL_CTX_set_max_proto_version(client.context(), c.max_version);
    ASSERT_EQ(SSL_CTX_set_cipher_list(client.context(), c.suites), 1);
    if (!c.algorithms.empty()) {
      ASSERT_EQ(SSL_CTX_set_verify_algorithm_prefs(client.context(), c.algorithms.data(),
                                                   c.algorithms.size()),
                1);
    }
    if (!c.groups.empty()) {
      ASSERT_EQ(SSL_CTX_set1_curves(client.context(), c.groups.data(), c.groups.size()), 1);
    }
    const auto server = Session::NewServer(*server_context_);
    Wire wire(client, *server);
    wire.Shake();
    ASSERT_TRUE(wire.done()) << c.why << ": " << client.error();
    const bssl::UniquePtr<X509> shown(SSL_get_peer_certificate(client.ssl()));
    const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(shown.get()));
    EXPECT_EQ(EVP_PKEY_id(key.get()) == EVP_PKEY_EC, c.ecdsa) << c.why;
  }
}

TEST_F(HandshakeTest, ServesEitherCertificateAlone) {
  for (const TestKey key : {TestKey::kP256, TestKey::kP384, TestKey::kRsa2048, TestKey::kRsa3072}) {
    const auto context =
        NewServerContext({TrustedAuthority().Issue({.dns_names = {"mx.example.com"}, .key = key})});
    const auto client = NewClient(DemandName("mx.example.com"));
    const auto server = Session::NewServer(*context);
    Wire wire(*client, *server);
    wire.Shake();
    EXPECT_TRUE(wire.done()) << static_cast<int>(key);
  }
}

TEST_F(HandshakeTest, WaitsForASignatureOfAnotherThread) {
  const auto context = NewServerContext({RsaCertificate()});
  const auto client = NewClient();
  const auto server = Session::NewServer(*context);
  ASSERT_EQ(client->Handshake(), Progress::kNeedInput);
  const std::string hello = client->output();
  server->Feed(hello);
  ASSERT_EQ(server->Handshake(), Progress::kNeedSigner);
  // Asked again before the answer is there, it still waits.
  ASSERT_EQ(server->Handshake(), Progress::kNeedSigner);

  std::promise<std::pair<std::thread::id, absl::StatusOr<std::string>>> promise;
  signer_.Work(server->TakeSignerRequest(), MonoTime::Never(),
               [&promise](absl::StatusOr<std::string> signature) {
                 promise.set_value({std::this_thread::get_id(), std::move(signature)});
               });
  auto [thread, signature] = promise.get_future().get();
  EXPECT_NE(thread, std::this_thread::get_id());
  ASSERT_TRUE(signature.ok()) << signature.status();
  server->SupplySignature(std::move(signature));
  ASSERT_EQ(server->Handshake(), Progress::kNeedInput);
  const std::string flight = std::exchange(server->output(), std::string());
  client->output().clear();
  client->Feed(flight);
  EXPECT_EQ(client->Handshake(), Progress::kDone);
}

TEST_F(HandshakeTest, FailsWhenTheSignerDoes) {
  const auto context = NewServerContext({RsaCertificate()});
  const auto client = NewClient();
  const auto server = Session::NewServer(*context);
  ASSERT_EQ(client->Handshake(), Progress::kNeedInput);
  const std::string hello = client->output();
  server->Feed(hello);
  ASSERT_EQ(server->Handshake(), Progress::kNeedSigner);
  server->SupplySignature(absl::UnavailableError("gone"));
  ASSERT_EQ(server->Handshake(), Progress::kFailed);
  EXPECT_EQ(server->failure().reason, Reason::kProtocol);
  EXPECT_EQ(server->failure().detail, "the private key could not be used: gone");
}

TEST_F(HandshakeTest, SessionsOutliveAReload) {
  const auto context = NewServerContext({RsaCertificate()});
  RawPeer first = RawPeer::Client();
  const int groups[] = {NID_X9_62_prime256v1};  // at once the group that the server takes
  ASSERT_EQ(SSL_CTX_set1_curves(first.context(), groups, 1), 1);
  const auto server = Session::NewServer(*context);
  Wire wire(first, *server);
  first.Handshake();
  const std::string hello = std::exchange(first.output(), std::string());
  server->Feed(hello);
  ASSERT_EQ(server->Handshake(), Progress::kNeedSigner);
  // Between request and signature the key is replaced.
  ASSERT_TRUE(context->Reload(LoadTestCredentials({EcdsaCertificate()})).ok());
  server->SupplySignature(UsePrivateKey(server->TakeSignerRequest()));
  wire.Shake();
  EXPECT_TRUE(wire.done()) << first.error();

  const auto client = NewClient();
  const auto after = Session::NewServer(*context);
  Wire second(*client, *after);
  second.Shake();
  ASSERT_TRUE(second.done());
  EXPECT_EQ(client->info().peer_fingerprint,
            LoadTestCredentials({EcdsaCertificate()})->served()[0].details.fingerprint_sha256);
}

TEST_F(HandshakeTest, SendsItsDemandedNameAndServesAny) {
  RawPeer server = RawPeer::Server(EcdsaCertificate());
  PeerDemand demand;
  demand.server_name = "mx.example.com";
  const auto client = NewClient(demand);
  Wire wire(*client, server);
  wire.Shake();
  ASSERT_TRUE(wire.done());
  EXPECT_STREQ(SSL_get_servername(server.ssl(), TLSEXT_NAMETYPE_host_name), "mx.example.com");

  // A server of ours takes any name.
  RawPeer other = RawPeer::Client();
  ASSERT_EQ(SSL_set_tlsext_host_name(other.ssl(), "somebody.else.example"), 1);
  const auto ours = Session::NewServer(*server_context_);
  Wire second(other, *ours);
  second.Shake();
  EXPECT_TRUE(second.done());
}

}  // namespace
}  // namespace sluice::tls
