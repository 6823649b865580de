// Against a server with a certificate for mx.example.net, over a network made of strings.
#include "engine/tlsrpt/collector.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/https/test_server.h"
#include "tests/relay/fake_resolver.h"
#include "tests/smtp/client_fake_network.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::tlsrpt {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class CollectorTest : public ::testing::Test {
 protected:
  CollectorTest() {
    for (const char* const host : {"mx.example.net", "other.example.net"}) {
      resolver_.SetAddresses(host, {"192.0.2.1"});
    }
    server_.answer = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
  }
  absl::Status Post(const std::string& host) {
    absl::Status status;
    core_.RunToEnd(PostInto(host, status));
    return status;
  }

  smtp::FakeCore core_;
  smtp::TestTlsContexts contexts_;
  relay::FakeResolver resolver_;
  https::TestServer server_{core_, contexts_.server()};
  Collector collector_{core_, resolver_, contexts_.client()};

 private:
  io::Task<void> PostInto(std::string host, absl::Status& status) {
    WebEndpoint endpoint;
    endpoint.host = std::move(host);
    endpoint.target = "/v1/tlsrpt?a=b";
    status = co_await collector_.Post(std::move(endpoint), "report");
  }
};

TEST_F(CollectorTest, PostsTheReport) {
  const absl::Status status = Post("mx.example.net");
  EXPECT_TRUE(status.ok()) << status;
  ASSERT_THAT(server_.heard(), SizeIs(1));
  EXPECT_THAT(server_.heard()[0], StartsWith("POST /v1/tlsrpt?a=b HTTP/1.1\r\n"));
  EXPECT_THAT(server_.heard()[0], HasSubstr("\r\nContent-Type: application/tlsrpt+gzip\r\n"));
  EXPECT_THAT(server_.heard()[0], EndsWith("\r\n\r\nreport"));
}

TEST_F(CollectorTest, AnyOtherAnswerIsNone) {
  server_.answer = "HTTP/1.1 302 Found\r\nLocation: https://other.example.net/\r\n\r\n";
  const absl::Status status = Post("mx.example.net");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("status 302"));
}

TEST_F(CollectorTest, AServerWithAnothersCertificateHearsNothing) {
  EXPECT_TRUE(absl::IsUnauthenticated(Post("other.example.net")));
  EXPECT_THAT(server_.heard(), SizeIs(0));
}

TEST_F(CollectorTest, OnceItIsAbortedNothingIsSent) {
  collector_.Abort();
  EXPECT_TRUE(absl::IsUnavailable(Post("mx.example.net")));
  EXPECT_EQ(server_.connections(), 0);
}

}  // namespace
}  // namespace sluice::tlsrpt
