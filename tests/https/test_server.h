// An HTTPS server for tests, over a network made of strings: it says the same to everyone, or
// nothing.
#ifndef SLUICE_TESTS_HTTPS_TEST_SERVER_H_
#define SLUICE_TESTS_HTTPS_TEST_SERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/io/connection.h"
#include "engine/io/task.h"
#include "gtest/gtest.h"
#include "tests/smtp/client_fake_network.h"
#include "tls/context.h"
#include "tls/stream.h"

namespace sluice::https {

class TestServer {
 public:
  TestServer(smtp::FakeCore& core, tls::ServerContext& context) : core_(core), context_(context) {
    core.set_server([this](std::unique_ptr<io::Connection> connection) {
      return Serve(std::move(connection));
    });
  }

  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  std::string request_body;     // where one is expected
  bool silent = false;          // takes the request and never answers
  bool first_hangs_up = false;  // the first connection, at once

  const std::vector<std::string>& heard() const { return heard_; }
  int connections() const { return connections_; }

 private:
  io::Task<void> Serve(std::unique_ptr<io::Connection> connection) {
    const bool hangs_up = connections_++ == 0 && first_hangs_up;
    tls::Stream stream(core_, std::move(connection));
    if (!hangs_up) co_await Answer(stream);
    co_await stream.Close(core_.Now() + absl::Seconds(1));
  }

  io::Task<void> Answer(tls::Stream& stream) {
    const MonoTime deadline = core_.Now() + absl::Hours(1);
    const std::optional<tls::Failure> failed = co_await stream.AcceptTls(context_, deadline);
    if (failed.has_value()) co_return;
    const std::string end = absl::StrCat("\r\n\r\n", request_body);
    while (!absl::EndsWith(stream.input(), end)) {
      const absl::StatusOr<bool> more = co_await stream.Fill(deadline);
      if (!more.ok() || !*more) co_return;
    }
    heard_.emplace_back(stream.input());
    if (silent) {
      const absl::StatusOr<bool> more = co_await stream.Fill(deadline);
      co_return;
    }
    const absl::Status sent = co_await stream.Write(answer, deadline);
    EXPECT_TRUE(sent.ok()) << sent;
  }

  smtp::FakeCore& core_;
  tls::ServerContext& context_;
  std::vector<std::string> heard_;
  int connections_ = 0;
};

}  // namespace sluice::https

#endif  // SLUICE_TESTS_HTTPS_TEST_SERVER_H_
