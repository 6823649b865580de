// Which sessions are resumed, and which must not be.
#include <openssl/ssl.h>

#include "absl/strings/escaping.h"
#include "tests/tls/session_fixture.h"

namespace sluice::tls {
namespace {

class ResumptionTest : public SessionTest {
 protected:
  // A session with the server, a line each way (with which TLS 1.3 sends its tickets), and an end.
  // Empty when it failed.
  std::optional<ConnectionInfo> Visit(const PeerDemand& demand, ServerContext& server_context,
                                      absl::string_view peer = "192.0.2.1:25") {
    const auto client = Session::NewClient(*client_context_, demand, peer);
    const auto server = Session::NewServer(server_context);
    Wire wire(*client, *server);
    wire.Shake();
    if (!wire.done()) {
      failure_ = client->failure();
      return std::nullopt;
    }
    EXPECT_EQ(wire.FromServer("220 a\r\n"), "220 a\r\n");
    EXPECT_EQ(wire.FromClient("QUIT\r\n"), "QUIT\r\n");
    EXPECT_EQ(client->info().resumed, server->info().resumed);
    return client->info();
  }
  std::optional<ConnectionInfo> Visit(const PeerDemand& demand) {
    return Visit(demand, *server_context_);
  }

  Failure failure_;
};

TEST_F(ResumptionTest, ResumesAgainAndAgain) {
  const PeerDemand demand = DemandName("mx.example.com");
  EXPECT_FALSE(Visit(demand)->resumed);
  for (int i = 0; i < 3; ++i) {
    const std::optional<ConnectionInfo> info = Visit(demand);
    ASSERT_TRUE(info.has_value());
    EXPECT_TRUE(info->resumed);
    EXPECT_EQ(info->peer_subject, "CN=mx.example.com");  // known all the same
  }
}

TEST_F(ResumptionTest, DaneIsADemandOfItsOwn) {
  PeerDemand demand;
  const std::optional<ConnectionInfo> first = Visit(demand);
  ASSERT_TRUE(first.has_value() && Visit(demand)->resumed);
  const std::string hash = absl::HexStringToBytes(first->peer_fingerprint);
  demand.dane = DaneDemand{{{3, 0, 1, hash}}, {"mx.example.com"}};
  EXPECT_FALSE(Visit(demand)->resumed) << "what was made without it does not serve it";
  EXPECT_TRUE(Visit(demand)->resumed);
  demand.dane->names = {"mx.example.net"};
  EXPECT_FALSE(Visit(demand)->resumed);
  demand.dane->records = {{3, 0, 1, std::string(32, 'x')}};
  EXPECT_FALSE(Visit(demand).has_value());
  EXPECT_EQ(failure_.reason, Reason::kDaneMismatch);
}

TEST_F(ResumptionTest, ResumesTls12) {
  RawPeer first = RawPeer::Client();
  SSL_CTX_set_max_proto_version(first.context(), TLS1_2_VERSION);
  ASSERT_EQ(SSL_CTX_set_strict_cipher_list(first.context(), "AES128-SHA"), 1);
  const auto server = Session::NewServer(*server_context_);
  Wire wire(first, *server);
  wire.Shake();
  ASSERT_TRUE(wire.done());
  const bssl::UniquePtr<SSL_SESSION> session(SSL_get1_session(first.ssl()));

  RawPeer second = RawPeer::Client();
  SSL_CTX_set_max_proto_version(second.context(), TLS1_2_VERSION);
  ASSERT_EQ(SSL_set_session(second.ssl(), session.get()), 1);
  ASSERT_EQ(SSL_set_strict_cipher_list(second.ssl(), "AES128-SHA"), 1);
  const auto again = Session::NewServer(*server_context_);
  Wire wire_again(second, *again);
  wire_again.Shake();
  ASSERT_TRUE(wire_again.done()) << second.error();
  EXPECT_TRUE(again->info().resumed);
}

// A client's side of TLS 1.2: a server of its own kind, its ticket keys handed from one to the
// next.
class ClientTls12ResumptionTest : public SessionTest {
 protected:
  // One more connection to the server; whether it resumed the last.
  bool Connect() {
    RawPeer server = RawPeer::Server(EcdsaCertificate());
    EXPECT_EQ(SSL_CTX_set_max_proto_version(server.context(), TLS1_2_VERSION), 1);
    EXPECT_EQ(SSL_CTX_set_tlsext_ticket_keys(server.context(), keys_, sizeof(keys_)), 1);
    const auto client = NewClient(DemandName("mx.example.com"));
    Wire wire(*client, server);
    wire.Shake();
    EXPECT_TRUE(wire.done());
    return client->info().resumed;
  }

  const uint8_t keys_[48] = {1, 2, 3};
};

TEST_F(ClientTls12ResumptionTest, ResumesMoreThanOnce) {
  EXPECT_FALSE(Connect());
  EXPECT_TRUE(Connect());
  EXPECT_TRUE(Connect());
}

TEST_F(ClientTls12ResumptionTest, DoesWithoutAfterAFailure) {
  EXPECT_FALSE(Connect());
  const auto client = NewClient(DemandName("mx.example.com"));
  ASSERT_EQ(client->Handshake(), Progress::kNeedInput);
  client->FeedEnd();  // the server has fallen over
  ASSERT_EQ(client->Handshake(), Progress::kFailed);
  EXPECT_EQ(client->failure().reason, Reason::kClosed);
  EXPECT_FALSE(Connect());
  EXPECT_TRUE(Connect());
}

TEST_F(ResumptionTest, NeverCrossesDemands) {
  PeerDemand weak;
  weak.server_name = "mx.example.com";
  ASSERT_TRUE(Visit(weak).has_value());
  ASSERT_TRUE(Visit(weak)->resumed);
  EXPECT_FALSE(Visit(DemandName("mx.example.com"))->resumed);

  PeerDemand other_name = weak;
  other_name.server_name = "mx2.example.com";
  EXPECT_FALSE(Visit(other_name)->resumed);
  PeerDemand other_version = weak;
  other_version.minimum_version = Version::kTls13;
  EXPECT_FALSE(Visit(other_version)->resumed);
  EXPECT_FALSE(Visit(weak, *server_context_, "192.0.2.2:25")->resumed);
  EXPECT_TRUE(Visit(weak)->resumed);
}

TEST_F(ResumptionTest, NotWhereAFullHandshakeIsDemanded) {
  PeerDemand demand = DemandName("mx.example.com");
  ASSERT_FALSE(Visit(demand)->resumed);
  demand.full_handshake = true;
  EXPECT_FALSE(Visit(demand)->resumed);
  EXPECT_FALSE(Visit(demand)->resumed);
  demand.full_handshake = false;
  EXPECT_TRUE(Visit(demand)->resumed);
}

TEST_F(ResumptionTest, JudgesTheCertificateAnew) {
  const auto context = NewServerContext({TrustedAuthority().Issue(
      {.dns_names = {"mx.example.com"}, .not_after = clock_.WallNow() + absl::Hours(24)})});
  const PeerDemand demand = DemandName("mx.example.com");
  ASSERT_TRUE(Visit(demand, *context).has_value());
  ASSERT_TRUE(Visit(demand, *context)->resumed);
  clock_.Advance(absl::Hours(25));
  // The tickets have gone with the day, but the client's session is still there to be offered.
  EXPECT_FALSE(Visit(demand, *context).has_value());
  EXPECT_EQ(failure_.reason, Reason::kExpiredCertificate);
}

TEST_F(ResumptionTest, TicketsSurviveReloadAndOneRotation) {
  const PeerDemand demand = DemandName("mx.example.com");
  ASSERT_TRUE(Visit(demand).has_value());
  ASSERT_TRUE(
      server_context_->Reload(LoadTestCredentials({EcdsaCertificate(), RsaCertificate()})).ok());
  EXPECT_TRUE(Visit(demand)->resumed);
  clock_.Advance(tickets_.lifetime() / 2 + absl::Seconds(1));  // another key seals now
  EXPECT_TRUE(Visit(demand)->resumed);
  clock_.Advance(tickets_.lifetime() * 2);
  EXPECT_FALSE(Visit(demand)->resumed);
  EXPECT_TRUE(Visit(demand)->resumed);
}

TEST_F(ResumptionTest, AnyCoreResumesWhatAnotherBegan) {
  const auto other_core = NewServerContext({EcdsaCertificate(), RsaCertificate()});
  const PeerDemand demand = DemandName("mx.example.com");
  ASSERT_TRUE(Visit(demand).has_value());
  EXPECT_TRUE(Visit(demand, *other_core)->resumed);
}

TEST_F(ResumptionTest, NeverCrossesCipherPolicies) {
  const auto stricter =
      NewServerContext({EcdsaCertificate(), RsaCertificate()}, "kECDHE+AESGCM+FIPS");
  const PeerDemand demand = DemandName("mx.example.com");
  ASSERT_TRUE(Visit(demand).has_value());
  EXPECT_FALSE(Visit(demand, *stricter)->resumed);
}

TEST_F(ResumptionTest, ForgetsTheLeastRecentlyUsed) {
  PeerDemand demand;
  const auto name = [](size_t i) { return "192.0.2.1:" + std::to_string(i); };
  for (size_t i = 0; i <= ClientContext::kCachedSessions; ++i) {
    ASSERT_TRUE(Visit(demand, *server_context_, name(i)).has_value());
  }
  EXPECT_FALSE(Visit(demand, *server_context_, name(0))->resumed);
  EXPECT_TRUE(Visit(demand, *server_context_, name(ClientContext::kCachedSessions))->resumed);
}

}  // namespace
}  // namespace sluice::tls
