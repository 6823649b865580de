// What holds for every request: errors, bounds, odd paths, many connections, the end.
#include "engine/admin/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ServerTest : public ServerFixture {};

TEST_F(ServerTest, AnswersAreJsonThatNobodyKeeps) {
  const HttpAnswer answer = Get("/v1/domains");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
  EXPECT_EQ(answer.headers.at("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'");
  EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(answer.headers.at("referrer-policy"), "no-referrer");
  EXPECT_EQ(answer.json()["total"], 0);
}

TEST_F(ServerTest, UnknownPathsAreNotFoundAndSayWhatThereIs) {
  for (const std::string target : {"/x", "/v1", "/v2/domains", "/v1/domains/a/b", "/v1/DOMAINS",
                                   "/v1/queue:burn", "/v1/domains%2Fx"}) {
    const HttpAnswer answer = Get(target);
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_NE(answer.error_message(), "") << target;
  }
  EXPECT_THAT(Get("/v2/domains").error_message(), HasSubstr("/v1/domains"));
}

TEST_F(ServerTest, PathTricksLeadNowhere) {
  for (const std::string target :
       {"//", "/v1/../v1/domains", "/v1/./domains", "/v1//domains", "/v1/domains/",
        "/v1/%2e%2e/v1/domains", "/v1/domains/%2e%2e", "/v1/domains/%00", "/v1/domains/a%0ab",
        "/v1/domains/%zz", "/v1/domains/%4", "/v1/domains?text=%0d%0aX:y"}) {
    const HttpAnswer answer = Get(target);
    EXPECT_EQ(answer.status, 400) << target;
    EXPECT_EQ(answer.error_code(), "invalid_argument") << target;
  }
  // An encoded slash is part of a name, not a separator.
  EXPECT_EQ(Get("/v1/domains/example.com%2f..%2f..").error_code(), "invalid_argument");
}

TEST_F(ServerTest, OtherMethodsAreToldWhichThereAre) {
  const HttpAnswer answer = Call("PUT", "/v1/domains");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.error_code(), "method_not_allowed");
  EXPECT_EQ(answer.headers.at("allow"), "GET, POST");
  EXPECT_EQ(Call("DELETE", "/v1/status").status, 405);
  EXPECT_EQ(Call("BREW", "/v1/status").status, 405);
}

TEST_F(ServerTest, UnknownParametersAreNamedWithThoseThatAreKnown) {
  const HttpAnswer answer = Get("/v1/queue?domian=example.com");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.error_message(), AllOf(HasSubstr("'domian'"), HasSubstr("domain, message")));
  EXPECT_THAT(Get("/v1/status?x=1").error_message(), HasSubstr("no parameters are"));
  EXPECT_THAT(Get("/v1/queue?domain=a&domain=b").error_message(), HasSubstr("twice"));
  EXPECT_THAT(Get("/v1/queue?limit=1001").error_message(), HasSubstr("0 to 1000"));
  EXPECT_THAT(Get("/v1/queue?limit=-1").error_message(), HasSubstr("0 to 1000"));
  EXPECT_THAT(Get(absl::StrCat("/v1/queue?domain=", std::string(2000, 'a'))).error_message(),
              HasSubstr("at most 1024 octets"));
  std::string many = "/v1/queue?";
  for (int i = 0; i < 33; ++i) absl::StrAppend(&many, "p", i, "=&");
  EXPECT_THAT(Get(many).error_message(), HasSubstr("more than 32"));
}

TEST_F(ServerTest, BodiesThatAreNoObjectsAreRefused) {
  const std::string deep = absl::StrCat(R"({"a":)", std::string(100'000, '['));
  for (const std::string& body :
       {std::string("{"), std::string("[]"), std::string("null"), std::string("\"x\""),
        std::string("{\"pattern\": \"\xff\"}"), deep, std::string("\0\0", 2)}) {
    const HttpAnswer answer = Call("POST", "/v1/domains", body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 40);
    EXPECT_EQ(answer.error_code(), "invalid_argument");
    EXPECT_THAT(answer.error_message(), HasSubstr("the body"));
  }
}

TEST_F(ServerTest, LargeBodiesAreRefusedBeforeTheyAreRead) {
  const HttpAnswer answer = Call("POST", "/v1/domains", std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.error_code(), "too_large");
  EXPECT_THAT(answer.error_message(), HasSubstr("at most 1048576"));

  // Only the head is ever sent.
  const int fd = ConnectTo(socket());
  const std::string head =
      "POST /v1/domains:import HTTP/1.1\r\nHost: x\r\nContent-Length: 67108865\r\n\r\n";
  ASSERT_EQ(write(fd, head.data(), head.size()), static_cast<ssize_t>(head.size()));
  EXPECT_THAT(ReadUntil(fd, "too_large"), StartsWith("HTTP/1.1 413"));
  close(fd);
}

TEST_F(ServerTest, BodiesWithoutALengthAreRefused) {
  const HttpAnswer answer =
      Ask(socket(), {.method = "POST",
                     .target = "/v1/domains",
                     .body = "{}",
                     .headers = {"Transfer-Encoding: chunked", "Content-Length:"}});
  EXPECT_EQ(answer.status, 411);
  EXPECT_EQ(answer.error_code(), "length_required");
}

TEST_F(ServerTest, WhatIsNoHttpIsAnsweredAndClosed) {
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02\r\n\r\n"), std::string("GET\r\n\r\n"),
        absl::StrCat("GET / HTTP/1.1\r\nX: ", std::string(100'000, 'y'), "\r\n\r\n"),
        absl::StrCat("GET /", std::string(100'000, 'y'), " HTTP/1.1\r\n\r\n")}) {
    const int fd = ConnectTo(socket());
    // The server may close before it has read all of it.
    send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    const std::string answer = ReadUntil(fd, "never");
    EXPECT_TRUE(answer.empty() || answer.rfind("HTTP/1.", 0) == 0) << answer;
    EXPECT_THAT(answer, ::testing::Not(HasSubstr(" 200 ")));
    close(fd);
  }
  EXPECT_EQ(Get("/v1/status").status, 200);
}

TEST_F(ServerTest, IdleConnectionsUpToTheBoundHinderNobody) {
  Start({.max_connections = 200});
  std::vector<int> idle;
  for (int i = 0; i < 150; ++i) {
    idle.push_back(ConnectTo(socket()));
    ASSERT_GE(idle.back(), 0);
    if (i % 2 == 0) ASSERT_EQ(write(idle.back(), "GET /v1/st", 10), 10);
  }
  EXPECT_EQ(Get("/v1/status").status, 200);
  for (const int fd : idle) close(fd);
  EXPECT_EQ(Get("/v1/status").status, 200);
}

TEST_F(ServerTest, IdleConnectionsBeyondTheBoundAreClosedInTime) {
  Start({.max_connections = 8, .idle_timeout = absl::Seconds(1)});
  std::vector<int> idle;
  for (int i = 0; i < 12; ++i) idle.push_back(ConnectTo(socket()));
  EXPECT_EQ(Get("/v1/status").status, 200);
  for (const int fd : idle) close(fd);
}

TEST_F(ServerTest, ManyRequestsAtOnce) {
  std::vector<std::thread> clients;
  std::atomic<int> added{0};
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([this, client, &added] {
      for (int i = 0; i < 25; ++i) {
        const std::string name = absl::StrCat("d", client, "-", i, ".example");
        const bool ok =
            Call("POST", "/v1/domains", absl::StrCat(R"({"pattern":")", name, R"("})")).status ==
                201 &&
            Get(absl::StrCat("/v1/domains/", name)).json()["pattern"] == name;
        added += static_cast<int>(ok);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(added.load(), 200);
  EXPECT_EQ(control_.PolicyList()->size(), 200u);
}

TEST_F(ServerTest, ChangesAtOnceToOneEntryDoNotUndoEachOther) {
  control_.AddEntry("example.com", {}, absl::UnixEpoch());
  std::vector<std::thread> clients;
  const std::vector<std::string> changes = {R"({"level":"verify"})", R"({"minimum_version":"1.3"})",
                                            R"({"note":"n"})", R"({"inbound_action":"reject"})"};
  for (const std::string& change : changes) {
    clients.emplace_back([this, &change] {
      EXPECT_EQ(Call("PATCH", "/v1/domains/example.com", change).status, 200);
    });
  }
  for (std::thread& client : clients) client.join();
  const nlohmann::json entry = Get("/v1/domains/example.com").json();
  EXPECT_EQ(entry["level"], "verify");
  EXPECT_EQ(entry["minimum_version"], "1.3");
  EXPECT_EQ(entry["note"], "n");
  EXPECT_EQ(entry["inbound_action"], "reject");
}

// Holds pings until it is opened.
class Gate {
 public:
  void Wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void AwaitWaiting(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return waiting_ >= count; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

TEST_F(ServerTest, SlowRequestsLeaveRoomForQuickOnesAndAreBounded) {
  Start({.workers = 4});
  Gate gate;
  control_.while_pinging = [&gate] { gate.Wait(); };
  std::vector<std::thread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([this] {
      EXPECT_EQ(Call("POST", "/v1/domains:ping", R"({"domain":"example.com"})").status, 200);
    });
  }
  gate.AwaitWaiting(2);
  EXPECT_EQ(Get("/v1/status").status, 200);
  const HttpAnswer one_more = Call("POST", "/v1/domains:ping", R"({"domain":"example.com"})");
  EXPECT_EQ(one_more.status, 503);
  EXPECT_EQ(one_more.error_code(), "busy");
  gate.Open();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(Call("POST", "/v1/domains:ping", R"({"domain":"example.com"})").status, 200);
}

TEST_F(ServerTest, StopLetsWhatIsUnderWayFinish) {
  Gate gate;
  control_.while_pinging = [&gate] { gate.Wait(); };
  std::thread client([this] {
    EXPECT_EQ(Call("POST", "/v1/domains:ping", R"({"domain":"example.com"})").status, 200);
  });
  gate.AwaitWaiting(1);
  std::thread stopper([this] { server_->Stop(); });
  gate.Open();
  stopper.join();
  client.join();
  EXPECT_EQ(ConnectTo(socket()), -1);
  struct stat info = {};
  EXPECT_NE(stat(socket().c_str(), &info), 0);
  server_->Stop();
}

TEST_F(ServerTest, ClientsThatGoAwayHarmNothing) {
  Gate gate;
  control_.while_pinging = [&gate] { gate.Wait(); };
  const int fd = ConnectTo(socket());
  const std::string body = R"({"domain":"example.com"})";
  const std::string request = absl::StrCat("POST /v1/domains:ping HTTP/1.1\r\nHost: x\r\n",
                                           "Content-Length: ", body.size(), "\r\n\r\n", body);
  ASSERT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  gate.AwaitWaiting(1);
  close(fd);
  gate.Open();
  EXPECT_EQ(Get("/v1/status").status, 200);
}

}  // namespace
}  // namespace sluice::admin
