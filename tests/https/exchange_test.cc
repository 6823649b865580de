// Against a server with a certificate for mx.example.net, over a network made of strings.
#include "engine/https/exchange.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/https/test_server.h"
#include "tests/relay/fake_resolver.h"
#include "tests/smtp/client_fake_network.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::https {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ExchangeTest : public ::testing::Test {
 protected:
  ExchangeTest() {
    resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
    resolver_.SetAddresses("other.example.net", {"192.0.2.1"});
    request_.host = "mx.example.net";
    request_.target = "/.well-known/x";
    request_.most_response_bytes = 1000;
  }

  absl::StatusOr<Response> Run() {
    std::optional<absl::StatusOr<Response>> response;
    core_.RunToEnd(RunInto(response));
    return *std::move(response);
  }

  smtp::FakeCore core_;
  smtp::TestTlsContexts contexts_;
  relay::FakeResolver resolver_;
  Request request_;
  TestServer server_{core_, contexts_.server()};
  absl::Duration abort_after_ = absl::InfiniteDuration();

 private:
  io::Task<void> RunInto(std::optional<absl::StatusOr<Response>>& response) {
    Exchange exchange(core_, resolver_, contexts_.client());
    if (abort_after_ != absl::InfiniteDuration()) core_.Spawn(AbortLater(exchange));
    response = co_await exchange.Run(request_, core_.Now() + absl::Minutes(1));
  }

  io::Task<void> AbortLater(Exchange& exchange) {
    co_await core_.SleepUntil(core_.Now() + abort_after_);
    exchange.Abort();
  }
};

TEST_F(ExchangeTest, GetsWhatTheServerHas) {
  const auto response = Run();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "hello");
  EXPECT_THAT(server_.heard(),
              ElementsAre("GET /.well-known/x HTTP/1.1\r\nHost: mx.example.net\r\n"
                          "User-Agent: Sluice\r\nAccept: */*\r\nConnection: close\r\n\r\n"));
}

TEST_F(ExchangeTest, PostsABody) {
  request_.port = 8443;
  request_.content_type = "application/tlsrpt+gzip";
  request_.body = std::string("\0gzip", 5);
  request_.most_response_bytes = 0;
  server_.answer = "HTTP/1.1 201 Created\r\n\r\n";
  const auto response = Run();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 201);
  ASSERT_THAT(server_.heard(), SizeIs(1));
  EXPECT_THAT(server_.heard()[0],
              HasSubstr("POST /.well-known/x HTTP/1.1\r\nHost: mx.example.net:8443\r\n"));
  EXPECT_THAT(server_.heard()[0],
              HasSubstr("Content-Type: application/tlsrpt+gzip\r\nContent-Length: 5\r\n\r\n"));
}

TEST_F(ExchangeTest, TheCertificateHasToNameTheHost) {
  request_.host = "other.example.net";
  const absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("other.example.net: "));
  EXPECT_THAT(status.message(), HasSubstr("name_mismatch"));
  EXPECT_THAT(server_.heard(), SizeIs(0));  // nothing was said to it
}

TEST_F(ExchangeTest, AnotherAddressIsTried) {
  server_.first_hangs_up = true;
  const auto response = Run();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(server_.connections(), 2);
}

TEST_F(ExchangeTest, AHostThatIsNotFoundIsUnavailable) {
  request_.host = "nowhere.example.net";
  const absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("nowhere.example.net does not exist"));
}

TEST_F(ExchangeTest, WhatIsNoResponseIsRefused) {
  server_.answer = "220 mx.example.net ESMTP\r\n";
  EXPECT_TRUE(absl::IsInvalidArgument(Run().status()));
}

TEST_F(ExchangeTest, AResponseThatBreaksOffIsUnavailable) {
  server_.answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello";
  const absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("broke off"));
}

TEST_F(ExchangeTest, TheDeadlineHolds) {
  server_.silent = true;
  EXPECT_TRUE(absl::IsUnavailable(Run().status()));
  EXPECT_GE(core_.elapsed(), absl::Minutes(1));
  EXPECT_LT(core_.elapsed(), absl::Minutes(2));
  EXPECT_EQ(server_.connections(), 1);  // no time was left for the other address
}

TEST_F(ExchangeTest, AnAddressThatDoesNotAnswerLeavesTimeToTheOthers) {
  core_.set_unreachable();
  EXPECT_TRUE(absl::IsUnavailable(Run().status()));
  EXPECT_EQ(core_.elapsed(), absl::Seconds(30));  // two addresses
}

TEST_F(ExchangeTest, AbortEndsWhatIsUnderWay) {
  server_.silent = true;
  abort_after_ = absl::Seconds(5);
  EXPECT_TRUE(absl::IsUnavailable(Run().status()));
  EXPECT_LT(core_.elapsed(), absl::Seconds(30));
  EXPECT_EQ(server_.connections(), 1);
}

}  // namespace
}  // namespace sluice::https
