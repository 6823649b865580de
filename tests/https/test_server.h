// An HTTPS server for tests, over a network made of strings: it says the same to everyone, or
// nothing.
#ifndef SLUICE_TESTS_HTTPS_TEST_SERVER_H_
#define SLUICE_TESTS_HTTPS_TEST_SERVER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
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

  // A head, and as much of a body as it announces.
  static bool IsWhole(absl::string_view request) {
    const size_t end = request.find("\r\n\r\n");
    if (end == absl::string_view::npos) return false;
    constexpr absl::string_view kLength = "\r\nContent-Length: ";
    size_t length = 0;
    const size_t at = request.substr(0, end).find(kLength);
    if (at != absl::string_view::npos) {
      const absl::string_view rest = request.substr(at + kLength.size());
      EXPECT_TRUE(absl::SimpleAtoi(rest.substr(0, rest.find('\r')), &length));
    }
    return request.size() - end - 4 >= length;
  }

  io::Task<void> Answer(tls::Stream& stream) {
    const MonoTime deadline = core_.Now() + absl::Hours(1);
    const std::optional<tls::Failure> failed = co_await stream.AcceptTls(context_, deadline);
    if (failed.has_value()) co_return;
    while (!IsWhole(stream.input())) {
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
