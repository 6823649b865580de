// A real server on a Unix socket (and TCP) in a directory of its own, in front of a fake gateway.
#ifndef SLUICE_TESTS_ADMIN_SERVER_FIXTURE_H_
#define SLUICE_TESTS_ADMIN_SERVER_FIXTURE_H_

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/admin/server.h"
#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "gtest/gtest.h"
#include "tests/admin/fake_control.h"
#include "tests/admin/http_client.h"

namespace sluice::admin {

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_("/tmp/sluice-admin-XXXXXX") {
    SLUICE_CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string Path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class ServerFixture : public ::testing::Test {
 protected:
  // What a test provokes is not worth a line.
  static void SetUpTestSuite() { log::Configure(log::Level::kWarning, log::Format::kText); }
  void SetUp() override { Start({}); }

  void Start(ServerOptions options) {
    server_.reset();
    options.socket.path = socket();
    options.tokens_file = directory_.Path("tokens");
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options, control_, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string socket() const { return directory_.Path("control.sock"); }

  HttpAnswer Call(const std::string& method, const std::string& target,
                  const std::string& body = "") const {
    return Ask(socket(), {.method = method, .target = target, .body = body});
  }
  HttpAnswer Get(const std::string& target) const { return Call("GET", target); }

  const TemporaryDirectory directory_;
  ManualClock clock_;
  FakeControl control_;
  std::unique_ptr<Server> server_;
};

}  // namespace sluice::admin

#endif  // SLUICE_TESTS_ADMIN_SERVER_FIXTURE_H_
