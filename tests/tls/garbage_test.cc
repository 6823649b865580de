// Bytes that come in pieces, or are no TLS, or stop; and what flows after the handshake.
#include <openssl/ssl.h>

#include <random>

#include "tests/tls/session_fixture.h"

namespace sluice::tls {
namespace {

class GarbageTest : public SessionTest {
 protected:
  // A client and a server of ours that have shaken hands.
  void Connect() {
    client_ = NewClient();
    server_ = Session::NewServer(*server_context_);
    wire_ = std::make_unique<Wire<Session, Session>>(*client_, *server_);
    wire_->Shake();
    ASSERT_TRUE(wire_->done());
  }

  std::unique_ptr<Session> client_;
  std::unique_ptr<Session> server_;
  std::unique_ptr<Wire<Session, Session>> wire_;
};

TEST_F(GarbageTest, ArrivesInPiecesOfAnySize) {
  for (const absl::string_view ciphers : {kRequiredCiphers, "kRSA+AESGCM"}) {
    for (const size_t segment : {1u, 2u, 3u, 5u, 7u, 64u, 1000u}) {
      const auto context = NewClientContext(ciphers);
      const auto client = Session::NewClient(*context, {}, "192.0.2.1:25");
      const auto server = Session::NewServer(*server_context_);
      Wire wire(*client, *server, segment);
      wire.Shake();
      ASSERT_TRUE(wire.done()) << segment;
      const std::string text(20'000, 'x');
      EXPECT_EQ(wire.FromClient(text), text) << segment;
      EXPECT_EQ(wire.FromServer(text), text) << segment;
    }
  }
}

TEST_F(GarbageTest, NamesAPeerThatSpeaksPlaintext) {
  const auto client = NewClient();
  ASSERT_EQ(client->Handshake(), Progress::kNeedInput);
  client->Feed("454 4.7.0 TLS not available due to local problem\r\n");
  ASSERT_EQ(client->Handshake(), Progress::kFailed);
  EXPECT_EQ(client->failure().reason, Reason::kProtocol);
  EXPECT_EQ(client->failure().detail,
            "the peer does not speak TLS; it said: 454 4.7.0 TLS not available due to local "
            "problem\\r\\n");

  const auto server = Session::NewServer(*server_context_);
  server->Feed("EHLO");  // too short for a record's header
  ASSERT_EQ(server->Handshake(), Progress::kNeedInput);
  server->FeedEnd();
  ASSERT_EQ(server->Handshake(), Progress::kFailed);
  EXPECT_EQ(server->failure().detail, "the peer does not speak TLS; it said: EHLO");
}

TEST_F(GarbageTest, ShowsLittleOfIt) {
  const auto client = NewClient();
  ASSERT_EQ(client->Handshake(), Progress::kNeedInput);
  const std::string long_line(5000, '!');
  client->Feed(long_line);
  ASSERT_EQ(client->Handshake(), Progress::kFailed);
  EXPECT_LT(client->failure().detail.size(), 200u);
}

TEST_F(GarbageTest, SurvivesRandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 300, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (round % 2 == 0 && bytes.size() > 3) bytes.replace(0, 3, "\x16\x03\x01");
    const auto server = Session::NewServer(*server_context_);
    server->Feed(bytes);
    const Progress progress = server->Handshake();
    EXPECT_NE(progress, Progress::kDone);
    server->FeedEnd();
    EXPECT_EQ(server->Handshake(), Progress::kFailed);
    EXPECT_FALSE(server->failure().detail.empty());
  }
}

TEST_F(GarbageTest, SurvivesDamageAnywhereInAHandshake) {
  // Every byte of the server's flight, turned over one at a time.
  size_t size = 1;
  for (size_t at = 0; at < size; at += 3) {
    const auto client = NewClient(DemandName("mx.example.com"));
    const auto server = Session::NewServer(*server_context_);
    ASSERT_EQ(client->Handshake(), Progress::kNeedInput);
    const std::string hello = std::exchange(client->output(), std::string());
    server->Feed(hello);
    ASSERT_EQ(server->Handshake(), Progress::kNeedInput);
    std::string flight = server->output();
    size = flight.size();
    if (at >= size) break;  // the signature in it may be a byte or two shorter than the last one's
    flight[at] = static_cast<char>(flight[at] ^ 0x41);
    client->Feed(flight);
    Progress progress = client->Handshake();
    if (progress == Progress::kNeedInput) {  // a length that now promises more
      client->FeedEnd();
      progress = client->Handshake();
    }
    ASSERT_EQ(progress, Progress::kFailed) << at;
  }
  EXPECT_GT(size, 500u);
}

TEST_F(GarbageTest, NoticesAPeerThatLeavesInTheHandshake) {
  const auto client = NewClient();
  ASSERT_EQ(client->Handshake(), Progress::kNeedInput);
  client->FeedEnd();
  ASSERT_EQ(client->Handshake(), Progress::kFailed);
  EXPECT_EQ(client->failure().reason, Reason::kClosed);
}

TEST_F(GarbageTest, EndsWithCloseNotify) {
  Connect();
  client_->CloseNotify();
  const std::string goodbye = client_->output();
  ASSERT_FALSE(goodbye.empty());
  server_->Feed(goodbye);
  std::string text;
  EXPECT_EQ(server_->Decrypt(text, 100), Session::ReadResult::kEnd);
  EXPECT_EQ(text, "");
}

TEST_F(GarbageTest, EndsWithoutCloseNotifyToo) {
  Connect();
  ASSERT_TRUE(client_->Encrypt("QUIT\r\n").ok());
  ASSERT_TRUE(client_->Encrypt("not to be cut in two").ok());
  const std::string sent = client_->output();
  const std::string cut = sent.substr(0, sent.size() - 5);
  server_->Feed(cut);
  std::string text;
  EXPECT_EQ(server_->Decrypt(text, 100), Session::ReadResult::kNeedInput);
  EXPECT_EQ(text, "QUIT\r\n");  // and nothing of what is not whole
  server_->FeedEnd();
  EXPECT_EQ(server_->Decrypt(text, 100), Session::ReadResult::kEnd);
  EXPECT_EQ(text, "QUIT\r\n");
}

TEST_F(GarbageTest, BreaksOnDamagedRecords) {
  Connect();
  ASSERT_TRUE(client_->Encrypt("RCPT TO:<a@example.com>\r\n").ok());
  std::string sent = client_->output();
  sent.back() = static_cast<char>(sent.back() ^ 1);
  server_->Feed(sent);
  std::string text;
  EXPECT_EQ(server_->Decrypt(text, 100), Session::ReadResult::kBroken);
  EXPECT_EQ(text, "");
}

TEST_F(GarbageTest, StopsAtTheLimitAndGoesOn) {
  Connect();
  const std::string text(50'000, 'y');
  ASSERT_TRUE(client_->Encrypt(text).ok());
  const std::string sent = client_->output();
  server_->Feed(sent);
  std::string got;
  EXPECT_EQ(server_->Decrypt(got, 30'001), Session::ReadResult::kFull);
  EXPECT_EQ(got.size(), 30'001u);
  EXPECT_EQ(server_->Decrypt(got, 100'000), Session::ReadResult::kNeedInput);
  EXPECT_EQ(got, text);
  EXPECT_FALSE(server_->has_unread_input());
}

TEST_F(GarbageTest, CarriesMegabytes) {
  Connect();
  std::string text(3'000'000, ' ');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 + (i >> 10));
  EXPECT_TRUE(wire_->FromClient(text) == text);
  EXPECT_TRUE(wire_->FromServer(text) == text);
}

TEST_F(GarbageTest, AnswersKeyUpdatesButNotAFloodOfThem) {
  for (const int updates : {3, 100}) {
    RawPeer client = RawPeer::Client();
    const auto server = Session::NewServer(*server_context_);
    Wire wire(client, *server);
    wire.Shake();
    ASSERT_TRUE(wire.done());
    for (int i = 0; i < updates; ++i) {
      ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
      (void)SSL_write(client.ssl(), "", 0);  // lets it go
    }
    EXPECT_EQ(wire.FromClient("NOOP\r\n"), updates < 32 ? "NOOP\r\n" : "") << updates;
    if (updates < 32) {
      EXPECT_EQ(wire.FromServer("250 ok\r\n"), "250 ok\r\n");
    }
  }
}

TEST_F(GarbageTest, RefusesRecordsInClear) {
  RawPeer server = RawPeer::Server(EcdsaCertificate());
  SSL_CTX_set_max_proto_version(server.context(), TLS1_2_VERSION);
  const auto client = NewClient();
  Wire wire(*client, server);
  wire.Shake();
  ASSERT_TRUE(wire.done());
  // A HelloRequest (RFC 5246 §7.4.1.1), as anybody on the way could write one in between.
  const std::string hello_request("\x16\x03\x03\x00\x04\x00\x00\x00\x00", 9);
  client->Feed(hello_request);
  std::string text;
  EXPECT_EQ(client->Decrypt(text, 100), Session::ReadResult::kBroken);
}

}  // namespace
}  // namespace sluice::tls
