// The web page as it is served, and what it asks first; tests/page has it in a browser.
#include "engine/admin/page/page.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/page/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PageTest : public ServerFixture {
 protected:
  void SetUp() override {
    TcpOptions tcp;
    tcp.listen = {*io::SocketAddress::Parse("127.0.0.1:0")};
    Start({.tcp = tcp});
  }

  HttpAnswer AskOnTcp(const std::string& target, std::vector<std::string> headers = {}) const {
    return Ask(server_->listeners()[0], {.target = target, .headers = std::move(headers)});
  }

  HttpAnswer SessionOf(const std::string& role) const {
    const HttpAnswer made =
        Call("POST", "/v1/tokens",
             absl::StrCat(R"({"name":"for-)", role, R"(","role":")", role, R"("})"));
    return AskOnTcp("/v1/session",
                    {absl::StrCat("Authorization: Bearer ", made.json().value("token", ""))});
  }
};

TEST_F(PageTest, EveryFileIsServedToEverybodyAsItWasBuilt) {
  bool has_index = false;
  for (const StaticFile& file : PageFiles()) {
    const std::string path(file.path);
    const HttpAnswer answer = AskOnTcp(path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.body, file.content) << path;
    EXPECT_EQ(answer.headers.at("content-type"), file.content_type) << path;
    EXPECT_THAT(answer.headers.at("content-security-policy"), HasSubstr("default-src 'none'"));
    EXPECT_FALSE(file.content.empty()) << path;
    has_index = has_index || path == "/";
  }
  EXPECT_TRUE(has_index);
}

TEST_F(PageTest, NothingStandsInTheMarkupThatThePolicyForbids) {
  const std::string index = AskOnTcp("/").body;
  EXPECT_THAT(index, HasSubstr("<script type=\"module\" src=\"/page/app.js\">"));
  EXPECT_THAT(index, Not(AnyOf(HasSubstr("<style"), HasSubstr(" style="), HasSubstr(" onclick="),
                               HasSubstr("http:"), HasSubstr("https:"))));
  for (const StaticFile& file : PageFiles()) {
    EXPECT_FALSE(absl::StrContains(file.content, "innerHTML")) << file.path;
  }
}

TEST_F(PageTest, ASessionIsToldItsRole) {
  EXPECT_EQ(AskOnTcp("/v1/session").status, 401);
  const nlohmann::json reader = {{"by", "token for-read"}, {"role", "read"}};
  EXPECT_EQ(SessionOf("read").json(), reader);
  const nlohmann::json writer = {{"by", "token for-write"}, {"role", "write"}};
  EXPECT_EQ(SessionOf("write").json(), writer);
  EXPECT_EQ(Get("/v1/session").json()["role"], "write") << "on the control socket";
}

}  // namespace
}  // namespace sluice::admin
