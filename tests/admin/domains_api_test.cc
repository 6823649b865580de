// The enforced-TLS list over HTTP.
#include <pwd.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;

class DomainsApiTest : public ServerFixture {
 protected:
  HttpAnswer Import(const std::string& query, const std::string& type, const std::string& body) {
    return Ask(socket(), {.method = "POST",
                          .target = "/v1/domains:import" + query,
                          .body = body,
                          .headers = {"Content-Type: " + type}});
  }
};

TEST_F(DomainsApiTest, AnEntryIsAddedReadChangedAndRemoved) {
  const HttpAnswer added = Call(
      "POST", "/v1/domains",
      R"({"pattern":"*.Bücher.example.","level":"verify","match_names":["MX.example.net",".example.org"]})");
  ASSERT_EQ(added.status, 201) << added.body;
  const json document = added.json();
  EXPECT_EQ(document["entry"]["pattern"], "*.xn--bcher-kva.example");
  EXPECT_EQ(document["entry"]["match_names"], json({"mx.example.net", ".example.org"}));
  EXPECT_EQ(document["entry"]["mode"], "enforce");
  EXPECT_EQ(document["entry"]["created"]["at"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(document["generation"], 1);
  EXPECT_THAT(document["difference"].get<std::string>(), HasSubstr("level: verify"));

  const HttpAnswer shown = Get("/v1/domains/%2A.xn--bcher-kva.example");
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.json(), document["entry"]);

  const HttpAnswer changed = Call("PATCH", "/v1/domains/*.xn--bcher-kva.example",
                                  R"({"level":"secure","match_names":[]})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json()["entry"]["level"], "secure");
  EXPECT_EQ(changed.json()["entry"]["match_names"], json::array());
  EXPECT_THAT(changed.json()["difference"].get<std::string>(),
              HasSubstr("*.xn--bcher-kva.example: level: verify -> secure"));

  const HttpAnswer removed = Call("DELETE", "/v1/domains/*.xn--bcher-kva.example");
  EXPECT_EQ(removed.status, 200);
  EXPECT_THAT(removed.json()["differences"][0].get<std::string>(), HasSubstr("removed:"));
  EXPECT_EQ(Get("/v1/domains/*.xn--bcher-kva.example").status, 404);
}

TEST_F(DomainsApiTest, WhatSpeaksAgainstAnEntryIsSaidWhenItIsSaved) {
  control_.warnings = {"source_addresses: 192.0.2.7 is no address of this machine"};
  const HttpAnswer added =
      Call("POST", "/v1/domains", R"({"pattern":"example.com","source_addresses":["192.0.2.7"]})");
  ASSERT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(added.json()["entry"]["source_addresses"], json({"192.0.2.7"}));
  EXPECT_EQ(added.json()["warnings"], json(control_.warnings));
  const HttpAnswer imported = Import("", "text/csv", "pattern,source_addresses\nb.com,192.0.2.7\n");
  ASSERT_EQ(imported.status, 200) << imported.body;
  EXPECT_EQ(imported.json()["warnings"], json({"b.com: " + control_.warnings.front()}));
}

TEST_F(DomainsApiTest, TheUserAtTheSocketIsTheAuthor) {
  ASSERT_EQ(Call("POST", "/v1/domains", R"({"pattern":"example.com"})").status, 201);
  const std::string me = getpwuid(geteuid())->pw_name;
  EXPECT_EQ(Get("/v1/domains/example.com").json()["changed"]["by"], me);
  EXPECT_THAT(control_.Calls(), Contains("apply by " + me));
}

TEST_F(DomainsApiTest, AnEntryThatWasReadCanBeSentBack) {
  control_.AddEntry("example.com", {"level=verify", "note=n"}, clock_.WallNow());
  json entry = Get("/v1/domains/example.com").json();
  const HttpAnswer same = Call("PATCH", "/v1/domains/example.com", entry.dump());
  EXPECT_EQ(same.status, 200) << same.body;
  EXPECT_EQ(same.json()["difference"], "");
  EXPECT_EQ(same.json()["entry"], entry);
}

TEST_F(DomainsApiTest, WhatIsThereTwiceOrNotThereIsSaid) {
  control_.AddEntry("example.com", {}, clock_.WallNow());
  const HttpAnswer twice = Call("POST", "/v1/domains", R"({"pattern":"EXAMPLE.com"})");
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.error_code(), "already_exists");
  EXPECT_THAT(twice.error_message(), HasSubstr("domains set"));
  for (const std::string method : {"GET", "DELETE"}) {
    const HttpAnswer missing = Call(method, "/v1/domains/other.example");
    EXPECT_EQ(missing.status, 404) << method;
    EXPECT_THAT(missing.error_message(), HasSubstr("other.example is not on the list"));
  }
  EXPECT_EQ(Call("PATCH", "/v1/domains/other.example", R"({"note":"x"})").status, 404);
  EXPECT_EQ(Get("/v1/domains/not_a_name..x").status, 400);
}

TEST_F(DomainsApiTest, EveryFaultOfAnEntryIsNamedAndNothingIsApplied) {
  const HttpAnswer refused = Call(
      "POST", "/v1/domains",
      R"({"pattern":"example.com","level":"super","mode":7,"match_names":"x","colour":"red"})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.error_code(), "rejected");
  EXPECT_EQ(refused.json()["error"]["faults"].size(), 4u);
  for (const std::string word : {"level", "mode: must be a string", "match_names: must be an array",
                                 "'colour' is no field"}) {
    EXPECT_THAT(refused.error_message(), HasSubstr(word));
  }
  // Sound fields that do not go together.
  const HttpAnswer together =
      Call("POST", "/v1/domains", R"({"pattern":"example.com","level":"fingerprint"})");
  EXPECT_EQ(together.status, 422) << together.body;
  EXPECT_EQ(Call("POST", "/v1/domains", R"({"level":"verify"})").status, 400);
  EXPECT_EQ(control_.PolicyList()->size(), 0u);
}

TEST_F(DomainsApiTest, AnEntryKeepsItsPattern) {
  control_.AddEntry("example.com", {}, clock_.WallNow());
  const HttpAnswer moved =
      Call("PATCH", "/v1/domains/example.com", R"({"pattern":"other.example"})");
  EXPECT_EQ(moved.status, 422);
  EXPECT_THAT(moved.error_message(), HasSubstr("keeps its pattern"));
}

TEST_F(DomainsApiTest, ListsArePagedAndFiltered) {
  for (int i = 0; i < 25; ++i) {
    control_.AddEntry(absl::StrCat("d", i, ".example"),
                      {i % 5 == 0 ? "level=verify" : "mode=monitor"}, clock_.WallNow());
  }
  const json first = Get("/v1/domains?limit=10").json();
  EXPECT_EQ(first["entries"].size(), 10u);
  EXPECT_EQ(first["total"], 25);
  EXPECT_EQ(first["generation"], 25);
  EXPECT_EQ(Get("/v1/domains?limit=10&offset=20").json()["entries"].size(), 5u);
  EXPECT_EQ(Get("/v1/domains?level=verify").json()["total"], 5);
  EXPECT_EQ(Get("/v1/domains?mode=monitor&text=D1").json()["total"], 9);
  EXPECT_THAT(Get("/v1/domains?mode=maybe").error_message(), HasSubstr("mode: "));
}

TEST_F(DomainsApiTest, SeveralAreRemovedTogetherOrNotAtAll) {
  control_.AddEntry("a.example", {}, clock_.WallNow());
  control_.AddEntry("b.example", {}, clock_.WallNow());
  const HttpAnswer refused =
      Call("POST", "/v1/domains:remove", R"({"patterns":["a.example","c.example","x..y"]})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.json()["error"]["faults"][0]["line"], 2);
  EXPECT_EQ(refused.json()["error"]["faults"].size(), 2u);
  EXPECT_EQ(control_.PolicyList()->size(), 2u);
  const HttpAnswer removed =
      Call("POST", "/v1/domains:remove", R"({"patterns":["a.example","b.example"]})");
  EXPECT_EQ(removed.json()["differences"].size(), 2u);
  EXPECT_EQ(control_.PolicyList()->size(), 0u);
  for (const std::string body : {"{}", R"({"patterns":[]})", R"({"patterns":[1]})",
                                 R"({"patterns":"a.example"})", R"({"patterns":["a"],"x":1})"}) {
    EXPECT_EQ(Call("POST", "/v1/domains:remove", body).status, 400) << body;
  }
}

TEST_F(DomainsApiTest, ImportShowsTheDifferenceAndThenAppliesIt) {
  control_.AddEntry("a.example", {}, clock_.WallNow());
  control_.AddEntry("b.example", {"note=old"}, clock_.WallNow());
  const std::string csv = "pattern,level\r\na.example,verify\r\nc.example,\r\n";
  const json dry = Import("?replace=true&dry_run=true", "text/csv; charset=utf-8", csv).json();
  EXPECT_EQ(dry["added"], 1);
  EXPECT_EQ(dry["changed"], 1);
  EXPECT_EQ(dry["removed"], 1);
  EXPECT_EQ(dry["differences"],
            json({"a.example: level: encrypt -> verify",
                  "removed: pattern: b.example; note: \"old\"", "added: pattern: c.example"}));
  EXPECT_EQ(control_.PolicyList()->size(), 2u);
  EXPECT_EQ(control_.PolicyList()->generation(), 2u);

  EXPECT_EQ(Import("?replace=true", "text/csv", csv).json()["generation"], 3);
  EXPECT_EQ(Get("/v1/domains/b.example").status, 404);
  const json again = Import("?replace=true", "text/csv", csv).json();
  EXPECT_EQ(again["differences"], json::array());
  EXPECT_EQ(again["generation"], 3);
}

TEST_F(DomainsApiTest, ImportsWithFaultsChangeNothing) {
  const HttpAnswer refused =
      Import("", "text/csv", "pattern,level\na.example,verify\nb..example,\nc.example,loud\n");
  EXPECT_EQ(refused.status, 422);
  ASSERT_EQ(refused.json()["error"]["faults"].size(), 2u);
  EXPECT_EQ(refused.json()["error"]["faults"][0]["line"], 3);
  EXPECT_EQ(refused.json()["error"]["faults"][1]["line"], 4);
  EXPECT_THAT(refused.error_message(), HasSubstr("2 rows are at fault"));
  EXPECT_EQ(control_.PolicyList()->size(), 0u);

  EXPECT_EQ(Import("", "application/xml", "<x/>").error_code(), "unsupported_media_type");
  EXPECT_EQ(Import("?replace=maybe", "text/csv", "pattern\n").status, 400);
}

TEST_F(DomainsApiTest, ExportsAreTheListAndCanBeImported) {
  std::string csv = "pattern,level,note\r\n";
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&csv, "d", i, ".example,verify,\"n,", i, "\"\r\n");
  ASSERT_EQ(Import("", "text/csv", csv).json()["added"], 5000);
  for (const auto& [query, type] : {std::pair("", "text/csv"), std::pair("?format=csv", "text/csv"),
                                    std::pair("?format=json", "application/json")}) {
    const HttpAnswer exported = Get(absl::StrCat("/v1/domains:export", query));
    EXPECT_EQ(exported.status, 200);
    EXPECT_THAT(exported.headers.at("content-type"), HasSubstr(type));
    const json again = Import("?replace=true&dry_run=true", type, exported.body).json();
    EXPECT_EQ(again["differences"], json::array()) << query;
  }
  EXPECT_EQ(Get("/v1/domains:export?format=xml").status, 400);
}

TEST_F(DomainsApiTest, AnEmptyListIsExportedToo) {
  EXPECT_EQ(Get("/v1/domains:export?format=json").json(), json::array());
  EXPECT_THAT(Get("/v1/domains:export").body, HasSubstr("pattern,direction"));
}

TEST_F(DomainsApiTest, ExplainsBothWaysForDomainsAndAddresses) {
  control_.AddEntry("*.example.com", {"direction=outbound"}, clock_.WallNow());
  control_.AddEntry("mail.example.com", {"level=verify"}, clock_.WallNow());
  for (const std::string of :
       {"mail.example.com", "user@MAIL.example.com", "%22a@b%22@mail.example.com"}) {
    const HttpAnswer answer = Get("/v1/domains:explain?domain=" + of);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const json explained = answer.json();
    EXPECT_EQ(explained["domain"], "mail.example.com");
    EXPECT_EQ(explained["outbound"]["candidates"].size(), 2u);
    EXPECT_EQ(explained["outbound"]["candidates"][0]["decides"], true);
    EXPECT_EQ(explained["outbound"]["candidates"][0]["entry"]["level"], "verify");
    EXPECT_THAT(explained["inbound"]["candidates"][1]["why"].get<std::string>(),
                HasSubstr("direction"));
    EXPECT_EQ(explained["default_tls_level"], "may");
  }
  EXPECT_EQ(Get("/v1/domains:explain").status, 400);
  EXPECT_EQ(Get("/v1/domains:explain?domain=user@").status, 400);
}

TEST_F(DomainsApiTest, ExplainsTheMtaStsPolicyToo) {
  EXPECT_FALSE(Get("/v1/domains:explain?domain=example.com").json().contains("mta_sts"));
  control_.mta_sts.emplace();
  EXPECT_EQ(Get("/v1/domains:explain?domain=example.com").json()["mta_sts"],
            (json{{"mode", ""}, {"fault", ""}, {"detail", ""}}));
  control_.mta_sts = relay::MtaStsState{.mode = "enforce",
                                        .id = "7",
                                        .mx = {"mx.example.com", "*.example.net"},
                                        .fetched_at = absl::FromUnixSeconds(1'700'000'000),
                                        .expires_at = absl::FromUnixSeconds(1'700'086'400),
                                        .fault = "sts-policy-fetch-error",
                                        .detail = "no answer"};
  EXPECT_EQ(Get("/v1/domains:explain?domain=example.com").json()["mta_sts"],
            (json{{"mode", "enforce"},
                  {"id", "7"},
                  {"mx", {"mx.example.com", "*.example.net"}},
                  {"fetched_at", "2023-11-14T22:13:20.000Z"},
                  {"expires_at", "2023-11-15T22:13:20.000Z"},
                  {"fault", "sts-policy-fetch-error"},
                  {"detail", "no answer"}}));
}

TEST_F(DomainsApiTest, APingTellsWhatWasFoundAndHowToMendIt) {
  FillWithExamples(clock_.WallNow(), control_);
  const HttpAnswer answer = Call("POST", "/v1/domains:ping", R"({"domain":"user@example.com"})");
  ASSERT_EQ(answer.status, 200);
  const json ping = answer.json();
  EXPECT_EQ(ping["verdict"], "partial");
  ASSERT_EQ(ping["targets"].size(), 2u);
  EXPECT_EQ(ping["targets"][0]["certificate"]["days_left"], 30);
  EXPECT_EQ(ping["targets"][0]["hint"], "");
  EXPECT_EQ(ping["targets"][1]["reason"], "not_offered");
  EXPECT_FALSE(ping["targets"][1].contains("certificate"));
  EXPECT_THAT(ping["targets"][1]["hint"].get<std::string>(), HasSubstr("does not offer STARTTLS"));
  EXPECT_THAT(control_.Calls(), Contains("ping example.com"));

  control_.ping = {};
  control_.ping.dns_failure = "example.com does not exist";
  const json unknown = Call("POST", "/v1/domains:ping", R"({"domain":"example.com"})").json();
  EXPECT_EQ(unknown["verdict"], "invalid");
  EXPECT_THAT(unknown["hint"].get<std::string>(), HasSubstr("MX records"));
  EXPECT_EQ(Call("POST", "/v1/domains:ping", R"({"domain":["x"]})").status, 400);
  EXPECT_EQ(Call("POST", "/v1/domains:ping").status, 400);
}

}  // namespace
}  // namespace sluice::admin
