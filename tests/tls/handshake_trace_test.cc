// What is kept of a handshake that failed, and what must not be.
#include "tls/handshake_trace.h"

#include <openssl/ssl.h>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "tests/tls/session_fixture.h"

namespace sluice::tls {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class HandshakeTraceTest : public SessionTest {
 protected:
  static std::vector<std::string> Lines(const std::string& text) {
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }
};

TEST_F(HandshakeTraceTest, TellsOfACertificateThatIsRefused) {
  const auto client = NewClient(DemandName("elsewhere.example"));
  const auto server = Session::NewServer(*server_context_);
  Wire wire(*client, *server);
  wire.Shake();
  ASSERT_EQ(client->failure().reason, Reason::kNameMismatch);
  EXPECT_THAT(Lines(client->Trace()),
              ElementsAre(AllOf(StartsWith("> ClientHello, "), HasSubstr(": TLS 1.3, 1.2; "),
                                HasSubstr("TLS_AES_256_GCM_SHA384"), HasSubstr("; groups P-256"),
                                HasSubstr("SNI elsewhere.example")),
                          MatchesRegex("< ServerHello, [0-9]+ bytes: TLS 1.3; TLS_AES_.*"),
                          "> ChangeCipherSpec", StartsWith("< EncryptedExtensions, "),
                          MatchesRegex("< Certificate, [0-9]+ bytes"),
                          StartsWith("< CertificateVerify, "), "> alert fatal: bad certificate"));
  EXPECT_EQ(server->Trace(), "");
}

TEST_F(HandshakeTraceTest, TellsOfAnAlert) {
  const auto client = NewClient();
  RawPeer server = RawPeer::Server(EcdsaCertificate());
  SSL_CTX_set_max_proto_version(server.context(), TLS1_1_VERSION);
  Wire wire(*client, server);
  wire.Shake();
  ASSERT_EQ(client->failure().reason, Reason::kVersion);
  EXPECT_THAT(client->Trace(), EndsWith("\n< alert fatal: protocol version\n"));
}

TEST_F(HandshakeTraceTest, KeepsNoSecrets) {
  HandshakeTrace trace;
  const std::string random(32, '\xAA');
  const std::string session_id(32, '\xBB');
  const std::string hello = std::string("\x02\x00\x00\x46\x03\x03", 6) + random + "\x20" +
                            session_id + std::string("\xC0\x2F\x00\x00\x00", 5);
  trace.Note(false, SSL3_RT_HANDSHAKE, hello);
  trace.Note(false, SSL3_RT_HANDSHAKE, "\x04ticket");
  trace.Note(true, SSL3_RT_APPLICATION_DATA, "MAIL FROM");
  trace.Note(true, SSL3_RT_HEADER, "\x16\x03\x01\x02\x03");
  EXPECT_EQ(trace.ToString(),
            "< ServerHello, 76 bytes: TLS 1.2; TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n"
            "< NewSessionTicket, 7 bytes\n");
}

// Hellos cut off at every byte, and more messages than anybody needs.
TEST_F(HandshakeTraceTest, IsBoundedWhateverComes) {
  std::string offer = std::string("\x01\x00\xFF\xFF\x03\x03", 6) + std::string(32, 'r') +
                      std::string("\x00\xFF\xF0", 3);
  while (offer.size() < 70'000) offer += "\xC0\x2F\x99\x99";
  HandshakeTrace trace;
  for (size_t size = 0; size < 200; ++size) {
    HandshakeTrace cut;
    cut.Note(true, SSL3_RT_HANDSHAKE, offer.substr(0, size));
    EXPECT_THAT(Lines(cut.ToString()), SizeIs(1));
  }
  for (int i = 0; i < 100; ++i) trace.Note(true, SSL3_RT_HANDSHAKE, offer);
  const std::vector<std::string> lines = Lines(trace.ToString());
  EXPECT_THAT(lines, SizeIs(HandshakeTrace::kMostLines + 1));
  EXPECT_EQ(lines.back(), "and 76 messages more");
  for (const std::string& line : lines) EXPECT_LE(line.size(), HandshakeTrace::kMostLine + 4);
  HandshakeTrace alerts;
  alerts.Note(false, SSL3_RT_ALERT, "\x02");
  EXPECT_THAT(alerts.ToString(), Not(HasSubstr("fatal")));
}

}  // namespace
}  // namespace sluice::tls
