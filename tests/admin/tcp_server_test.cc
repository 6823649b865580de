// The API on TCP: who may do what there, and what one client can and cannot do to the others.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/admin/failure_table.h"
#include "engine/admin/server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kWrongToken[] =
    "POST /v1/domains HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n"
    "Content-Length: 2\r\n\r\n{}";

class TcpServerTest : public ServerFixture {
 protected:
  void SetUp() override { StartOnTcp({}); }

  void StartOnTcp(TcpOptions tcp) {
    tcp.listen = {*io::SocketAddress::Parse("127.0.0.1:0")};
    tcp.hostname = "gateway.test";
    Start({.tcp = tcp});
    ASSERT_EQ(server_->listeners().size(), 1u);
    where_ = server_->listeners()[0];
    ASSERT_THAT(where_, StartsWith("127.0.0.1:"));
  }

  std::string MakeToken(const std::string& name, const std::string& role) const {
    const HttpAnswer made = Call(
        "POST", "/v1/tokens", absl::StrCat(R"({"name":")", name, R"(","role":")", role, R"("})"));
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json().value("token", "");
  }

  HttpAnswer AskOnTcp(const std::string& token, const std::string& method,
                      const std::string& target, const std::string& body = "") const {
    return Ask(where_, {.method = method,
                        .target = target,
                        .body = body,
                        .headers = {absl::StrCat("Authorization: Bearer ", token)}});
  }

  // A connection on which `text` was sent; nothing is read.
  int Saying(absl::string_view text) const {
    const int fd = ConnectTo(where_);
    EXPECT_GE(fd, 0);
    EXPECT_EQ(send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    return fd;
  }

  // An octet a minute, by the server's clock; the library's own timeout never comes to it.
  bool IsCutOffWhileDripping(int fd) {
    for (int minute = 0; minute < 600; ++minute) {
      send(fd, "a", 1, MSG_NOSIGNAL);
      clock_.Advance(absl::Minutes(1));
      pollfd peer = {fd, POLLIN, 0};
      char octet;
      if (poll(&peer, 1, 50) == 1) return recv(fd, &octet, 1, 0) <= 0;
    }
    return false;
  }

  std::string where_;
};

TEST_F(TcpServerTest, RolesAndTheAuditTrail) {
  const std::string reader = MakeToken("watcher", "read");
  const std::string writer = MakeToken("robot", "write");
  EXPECT_EQ(Ask(where_, {.target = "/v1/status"}).status, 401);
  EXPECT_EQ(Ask(where_, {.target = "/v1/no-such-thing"}).status, 401);
  EXPECT_EQ(Ask(where_, {.target = "/v1/openapi.json"}).status, 200);
  EXPECT_EQ(AskOnTcp(reader, "GET", "/v1/status").status, 200);
  EXPECT_EQ(AskOnTcp(reader, "GET", "/v1/no-such-thing").status, 404);
  const HttpAnswer refused =
      AskOnTcp(reader, "POST", "/v1/domains", R"({"pattern":"example.com"})");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.error_code(), "forbidden");
  EXPECT_THAT(refused.error_message(), AllOf(HasSubstr("watcher"), HasSubstr("write")));
  EXPECT_EQ(AskOnTcp(writer, "POST", "/v1/domains", R"({"pattern":"example.com"})").status, 201);
  EXPECT_EQ(Get("/v1/domains/example.com").json()["created"]["by"], "token robot");

  EXPECT_EQ(AskOnTcp(writer, "GET", "/v1/tokens").status, 403);
  EXPECT_EQ(AskOnTcp(writer, "POST", "/v1/tokens", R"({"name":"x","role":"write"})").status, 403);
  const nlohmann::json tokens = Get("/v1/tokens").json()["tokens"];
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[1]["name"], "robot");
  EXPECT_FALSE(tokens[1].contains("sha256") || tokens[1].contains("token"));
  EXPECT_EQ(Call("DELETE", "/v1/tokens/robot").status, 200);
  EXPECT_EQ(AskOnTcp(writer, "GET", "/v1/status").status, 401);
  EXPECT_EQ(Call("DELETE", "/v1/tokens/robot").status, 404);
}

TEST_F(TcpServerTest, TokensAreAskedForInFull) {
  for (const std::string body :
       {R"({"name":"x"})", R"({"name":"x","role":"admin"})", R"({"role":"read"})",
        R"({"name":"x","role":"read","expires_at":"soon"})", R"({"name":"x y","role":"read"})",
        R"({"name":"x","role":"read","expires_at":"2001-01-01T00:00:00Z"})"}) {
    EXPECT_EQ(Call("POST", "/v1/tokens", body).status, 400) << body;
  }
  EXPECT_TRUE(Get("/v1/tokens").json()["tokens"].empty());
}

TEST_F(TcpServerTest, WithoutACertificateOnlyLoopbackIsServed) {
  for (const char* const address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0"}) {
    const absl::Status status =
        CheckOptions({.tcp = {.listen = {*io::SocketAddress::Parse(address)}},
                      .tokens_file = directory_.Path("tokens")});
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << address;
    EXPECT_THAT(status.message(), HasSubstr("--admin_tls_certificate"));
  }
  EXPECT_FALSE(
      CheckOptions({.tcp = {.certificate_file = "x.pem"}, .tokens_file = directory_.Path("tokens")})
          .ok());
  EXPECT_THAT(CheckOptions({.tcp = {.certificate_file = "no.pem", .key_file = "no.key"},
                            .tokens_file = directory_.Path("tokens")})
                  .message(),
              AllOf(HasSubstr("no.pem"), HasSubstr("cannot be read")));
}

TEST_F(TcpServerTest, WhoDripsIsCutOff) {
  const std::string token = MakeToken("watcher", "read");
  const std::string head = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n";
  const std::string body =
      absl::StrCat(head, "Authorization: Bearer ", token, "\r\nContent-Length: 1000\r\n\r\n");
  for (const std::string& said : {head + "X: ", body}) {
    const int fd = Saying(said);
    EXPECT_TRUE(IsCutOffWhileDripping(fd)) << said;
    close(fd);
  }
  EXPECT_EQ(AskOnTcp(token, "GET", "/v1/status").status, 200);
}

TEST_F(TcpServerTest, OneClientCannotHaveAllConnections) {
  StartOnTcp({.max_connections_per_client = 4});
  std::vector<int> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(Saying("GET /v1/status HT"));
  const int fifth = ConnectTo(where_);
  EXPECT_EQ(ReadUntil(fifth, "never"), "");  // closed without a word
  close(fifth);
  EXPECT_EQ(Get("/v1/status").status, 200);
  for (const int fd : idle) close(fd);
  // As soon as the server has noticed.
  long status = 0;
  for (int i = 0; i < 600 && status != 200; ++i) {
    const int fd = ConnectTo(where_);
    const std::string request = "GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (ReadUntil(fd, "\r\n").rfind("HTTP/1.1 200", 0) == 0) status = 200;
    close(fd);
    if (status != 200) absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(status, 200);
}

TEST_F(TcpServerTest, WrongTokensAreAnsweredAtOnceAndThenLate) {
  for (int i = 0; i < FailureTable::kBurst; ++i) {
    const int fd = Saying(kWrongToken);
    EXPECT_THAT(ReadUntil(fd, "unauthorized"), StartsWith("HTTP/1.1 401")) << i;
    close(fd);
  }
  const int late = Saying(kWrongToken);
  pollfd answer = {late, POLLIN, 0};
  // No answer comes while the clock stands still.
  EXPECT_EQ(poll(&answer, 1, 300), 0);
  const std::string token = MakeToken("watcher", "read");
  EXPECT_EQ(AskOnTcp(token, "GET", "/v1/status").status, 200);
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(ReadUntil(late, "unauthorized"), StartsWith("HTTP/1.1 401"));
  close(late);
}

TEST_F(TcpServerTest, StopDoesNotWaitForWhoIsAnsweredLate) {
  for (int i = 0; i < FailureTable::kBurst; ++i) {
    const int fd = Saying(kWrongToken);
    ReadUntil(fd, "unauthorized");
    close(fd);
  }
  std::vector<int> late;
  for (int i = 0; i < 5; ++i) late.push_back(Saying(kWrongToken));
  EXPECT_EQ(Get("/v1/status").status, 200);
  server_->Stop();
  for (const int fd : late) {
    ReadUntil(fd, "never");  // it ends
    close(fd);
  }
  EXPECT_EQ(ConnectTo(where_), -1);
}

TEST_F(TcpServerTest, FieldsThatDecideStandOnce) {
  const std::string token =
      absl::StrCat("Authorization: Bearer ", MakeToken("robot", "write"), "\r\n");
  const std::string host = "Host: localhost\r\n";
  const std::string entry = "{\"pattern\":\"a.test\"}";
  const std::string length = absl::StrCat("Content-Length: ", entry.size(), "\r\n");
  for (const std::string& fields : {host + host + token + length, host + token + token + length,
                                    host + token + length + "Content-Length: 3000000\r\n",
                                    host + token + "Content-Length: 3000000\r\n" + length}) {
    const int fd = Saying(absl::StrCat("POST /v1/domains HTTP/1.1\r\n", fields, "\r\n", entry));
    EXPECT_THAT(ReadUntil(fd, "\r\n"), StartsWith("HTTP/1.1 400")) << fields;
    close(fd);
  }
  EXPECT_EQ(Get("/v1/domains").json()["total"], 0);
}

}  // namespace
}  // namespace sluice::admin
