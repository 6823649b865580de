#include "engine/admin/static_files.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::admin {
namespace {

using ::testing::Contains;
using ::testing::Pair;

class StaticFilesTest : public ::testing::Test {
 protected:
  StaticFilesTest() {
    const StaticFiles files("default-src 'self'");
    files.Add({.path = "/", .content_type = "text/html", .content = "<p>index</p>"}, router_);
    files.Add({.path = "/page/a.js", .content_type = "text/javascript", .content = "a()"}, router_);
  }

  Response Get(const std::string& path, const std::string& if_none_match = "") const {
    const absl::StatusOr<Target> target = ParseTarget(path);
    EXPECT_TRUE(target.ok()) << target.status();
    const Router::Found found = router_.Find("GET", *target);
    if (found.route == nullptr) return found.refusal;
    EXPECT_EQ(found.route->access, Access::kPublic);
    Request request;
    request.query = target->query;
    request.if_none_match = if_none_match;
    absl::StatusOr<Response> response = found.route->handle(request);
    return response.ok() ? *std::move(response) : Response{.status = 400};
  }

  static std::string Etag(const Response& response) {
    for (const auto& [name, value] : response.headers) {
      if (name == "ETag") return value;
    }
    return "";
  }

  Router router_;
};

TEST_F(StaticFilesTest, AreServedAsTheyStandUnderTheirPolicy) {
  const Response index = Get("/");
  EXPECT_EQ(index.status, 200);
  EXPECT_EQ(index.body, "<p>index</p>");
  EXPECT_EQ(index.content_type, "text/html");
  EXPECT_THAT(index.headers, Contains(Pair("Content-Security-Policy", "default-src 'self'")));
  EXPECT_EQ(Get("/page/a.js").body, "a()");
  EXPECT_EQ(Get("/page/b.js").status, 404);
  EXPECT_EQ(Get("/?x=1").status, 400);
}

TEST_F(StaticFilesTest, WhatAClientHasIsNotSentAgain) {
  const std::string etag = Etag(Get("/"));
  ASSERT_EQ(etag.size(), 34u);
  EXPECT_NE(etag, Etag(Get("/page/a.js")));
  for (const std::string& had : {etag, "W/" + etag, "\"other\", " + etag}) {
    const Response answer = Get("/", had);
    EXPECT_EQ(answer.status, 304) << had;
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(Etag(answer), etag);
  }
  EXPECT_EQ(Get("/", "\"other\"").status, 200);
}

}  // namespace
}  // namespace sluice::admin
