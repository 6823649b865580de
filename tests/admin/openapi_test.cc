// Holds openapi.json to what the daemon serves: routes, variables, parameters.
#include "engine/admin/openapi.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using nlohmann::json;
using ::testing::StartsWith;

// "GET /v1/queue/{id}"
using Operations = std::set<std::string>;

class OpenApiTest : public ServerFixture {
 protected:
  static std::string NameOf(absl::string_view method, absl::string_view path) {
    return absl::StrCat(absl::AsciiStrToUpper(method), " ", path);
  }

  template <typename Visit>
  void ForEachOperation(Visit visit) const {
    for (const auto& [path, methods] : document_["paths"].items()) {
      for (const auto& [method, operation] : methods.items()) visit(method, path, operation);
    }
  }

  const json document_ = json::parse(OpenApiText());
};

TEST_F(OpenApiTest, IsServedAsItIs) {
  const HttpAnswer answer = Get("/v1/openapi.json");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.json(), document_);
  EXPECT_THAT(document_["openapi"].get<std::string>(), StartsWith("3.1."));
}

TEST_F(OpenApiTest, DescribesEveryRouteAndNothingElse) {
  Operations served;
  for (const Route* const route : server_->router().routes()) {
    // The files of a page are no part of the API.
    if (AccessOf(*route) == Access::kPublic && !absl::StartsWith(route->path, "/v1/")) continue;
    served.insert(NameOf(route->method, route->path));
  }
  Operations described;
  ForEachOperation([&](const std::string& method, const std::string& path, const json&) {
    described.insert(NameOf(method, path));
  });
  EXPECT_EQ(described, served) << "openapi.json and the router have to agree";
}

TEST_F(OpenApiTest, OnlyPublicRoutesGoWithoutAToken) {
  for (const Route* const route : server_->router().routes()) {
    const std::string path(route->path);
    if (!document_["paths"].contains(path)) continue;
    const json& operation =
        document_["paths"][path][absl::AsciiStrToLower(std::string(route->method))];
    EXPECT_EQ(operation.contains("security"), AccessOf(*route) == Access::kPublic) << path;
  }
}

TEST_F(OpenApiTest, EveryOperationSaysWhatItIs) {
  std::set<std::string> ids;
  ForEachOperation([&](const std::string& method, const std::string& path, const json& operation) {
    const std::string name = NameOf(method, path);
    EXPECT_TRUE(ids.insert(operation.value("operationId", "")).second) << name;
    EXPECT_NE(operation.value("summary", ""), "") << name;
    EXPECT_TRUE(operation["responses"].contains("default")) << name;
    EXPECT_GE(operation["responses"].size(), 2u) << name;
    std::set<std::string> variables;
    for (const json& parameter : operation.value("parameters", json::array())) {
      EXPECT_NE(parameter.value("description", ""), "") << name;
      if (parameter["in"] != "path") continue;
      EXPECT_EQ(parameter["required"], true) << name;
      variables.insert(absl::StrCat("{", parameter["name"].get<std::string>(), "}"));
    }
    std::set<std::string> wanted;
    for (const absl::string_view segment : absl::StrSplit(path, '/')) {
      if (absl::StartsWith(segment, "{")) wanted.insert(std::string(segment));
    }
    EXPECT_EQ(variables, wanted) << name;
  });
}

TEST_F(OpenApiTest, EveryReferenceLeadsSomewhere) {
  const std::function<void(const json&)> follow = [&](const json& part) {
    if (part.is_object() && part.contains("$ref")) {
      const std::string to = part["$ref"].get<std::string>();
      ASSERT_THAT(to, StartsWith("#/"));
      EXPECT_TRUE(document_.contains(json::json_pointer(to.substr(1)))) << to;
    }
    if (!part.is_structured()) return;
    for (const json& inner : part) follow(inner);
  };
  follow(document_);
}

// The daemon names those it knows when it is asked with one that it does not.
TEST_F(OpenApiTest, ParametersAreThoseThatTheDaemonKnows) {
  ForEachOperation([&](const std::string& method, const std::string& path, const json& operation) {
    const std::string name = NameOf(method, path);
    const std::string asked = absl::StrReplaceAll(
        path, {{"{id}", "01J9ZZZZZZZZZZZZZZZ"}, {"{pattern}", "a.test"}, {"{name}", "a"}, {"{domain}", "a.test"}});
    const HttpAnswer answer =
        Ask(socket(), {.method = absl::AsciiStrToUpper(method), .target = asked + "?odd=1"});
    ASSERT_EQ(answer.status, 400) << name << answer.body;
    const std::vector<std::string> parts =
        absl::StrSplit(answer.error_message(), "'odd' is not known here; ");
    ASSERT_EQ(parts.size(), 2u) << name << answer.body;
    std::set<std::string> known;
    if (absl::string_view list = parts[1]; absl::ConsumePrefix(&list, "known are ")) {
      known = absl::StrSplit(list, ", ");
    }
    std::set<std::string> described;
    for (const json& parameter : operation.value("parameters", json::array())) {
      if (parameter["in"] == "query") described.insert(parameter["name"].get<std::string>());
    }
    // Some take the members of a body by name as well.
    const json::json_pointer members("/requestBody/content/application~1json/schema/properties");
    if (!known.empty() && described.empty() && operation.contains(members)) {
      for (const auto& [member, schema] : operation[members].items()) described.insert(member);
    }
    EXPECT_EQ(described, known) << name;
  });
}

}  // namespace
}  // namespace sluice::admin
