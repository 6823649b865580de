// Queue, history, certificates and status over HTTP.
#include <pwd.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/admin/history_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"
#include "tls/failure.h"

namespace sluice::admin {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;

class RecordsApiTest : public ServerFixture {
 protected:
  void SetUp() override {
    ServerFixture::SetUp();
    FillWithExamples(clock_.WallNow(), control_);
  }
};

TEST_F(RecordsApiTest, QueueIsListedWithTotals) {
  const json queue = Get("/v1/queue").json();
  ASSERT_EQ(queue["messages"].size(), 2u);
  const json& waiting = queue["messages"][0];
  EXPECT_EQ(waiting["message_id"], WaitingId().ToString());
  EXPECT_EQ(waiting["state"], "waiting");
  EXPECT_EQ(waiting["sender"], "a@sender.example");
  EXPECT_EQ(waiting["recipients"][1]["address"], "e@d.example");
  EXPECT_EQ(waiting["recipients"][1]["state"], "pending");
  EXPECT_EQ(waiting["accepted_at"], "2023-11-14T19:43:20.000Z");
  EXPECT_EQ(waiting["received_from"]["tls_version"], "TLSv1.3");
  EXPECT_EQ(waiting["last_failure"]["reason"], "not_offered");
  EXPECT_EQ(waiting["last_failure"]["tls"], true);
  EXPECT_EQ(queue["messages"][1]["state"], "active");
  EXPECT_FALSE(queue["messages"][1].contains("last_failure"));
  EXPECT_EQ(queue["totals"]["messages"], 2);
  EXPECT_EQ(queue["totals"]["active"], 1);
  EXPECT_EQ(queue["next"], "");
}

TEST_F(RecordsApiTest, WhatSendersAskForIsShown) {
  control_.queued[1].envelope.require_tls = true;
  const json messages = Get("/v1/queue").json()["messages"];
  const json& waiting = messages[0];
  EXPECT_EQ(waiting["ret"], "HDRS");
  EXPECT_EQ(waiting["envid"], "QQ\x1b[31m1");
  EXPECT_EQ(waiting["tls_required_no"], true);
  EXPECT_EQ(waiting["recipients"][0]["notify"], "SUCCESS,DELAY");
  EXPECT_EQ(waiting["recipients"][0]["orcpt"], "rfc822;old@d.example");
  EXPECT_EQ(messages[1]["require_tls"], true);
  // What was not asked for is not there.
  EXPECT_FALSE(waiting.contains("require_tls"));
  EXPECT_FALSE(waiting["recipients"][1].contains("notify"));
  for (const char* const member : {"ret", "envid", "tls_required_no"}) {
    EXPECT_FALSE(messages[1].contains(member)) << member;
  }
}

TEST_F(RecordsApiTest, TlsReportsAreListedShownAndSent) {
  const json list = Get("/v1/tlsrpt?limit=5").json();
  EXPECT_EQ(list["total"], 2);
  EXPECT_EQ(list["reports"][0],
            (json{{"domain", "d.example"},
                  {"day", "2026-04-01"},
                  {"begin", "2023-11-14T02:13:20.000Z"},
                  {"successes", 3},
                  {"failures", 1},
                  {"next_try", "2023-11-14T22:51:50.000Z"},
                  {"attempts", 1},
                  {"last_error", "https://d.example/: status 500"}}));
  EXPECT_EQ(Get("/v1/tlsrpt/d.example?day=2026-04-01").json()["organization-name"], "Example");
  const json sent = Call("POST", "/v1/tlsrpt:send", R"({"domain": "d.example"})").json();
  EXPECT_EQ(sent["to"], "mailto:tls@d.example");
  EXPECT_EQ(sent["report_id"], "12ab@gw.example.net");
  EXPECT_EQ(sent["message_id"], WaitingId().ToString());
  EXPECT_THAT(control_.Calls(), ::testing::IsSupersetOf({"tlsrpt show d.example 2026-04-01",
                                                         "tlsrpt send d.example "}));
  control_.tls_report.clear();
  EXPECT_EQ(Get("/v1/tlsrpt/d.example").status, 404);
}

// The machine's clock was set forward by a day: what the queue has written down is shown, and asked
// for, as the clock that people see will have it.
TEST_F(RecordsApiTest, TimesAreShownByTheMachinesClock) {
  const json before = Get("/v1/queue").json()["messages"][0];
  control_.wall_ahead = absl::Hours(24);
  const json queue = Get("/v1/queue").json();
  const json& waiting = queue["messages"][0];
  EXPECT_EQ(before["accepted_at"], "2023-11-14T19:43:20.000Z");
  EXPECT_EQ(waiting["accepted_at"], "2023-11-15T19:43:20.000Z");
  const auto time_of = [](const json& text) {
    absl::Time time;
    std::string error;
    EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text.get<std::string>(), &time, &error));
    return time;
  };
  for (const char* const member : {"next_try_at", "deadline_at"}) {
    EXPECT_EQ(time_of(waiting[member]) - time_of(before[member]), absl::Hours(24)) << member;
  }
  EXPECT_EQ(queue["totals"]["oldest_accepted_at"], "2023-11-15T19:43:20.000Z");
  EXPECT_EQ(Get("/v1/status").json()["wall_clock_ahead_seconds"], 24 * 3600);

  const json entry = Get("/v1/history?since=2023-11-15T00:00:00Z").json()["entries"][0];
  EXPECT_EQ(control_.last_history_query.since, absl::FromUnixSeconds(1699920000));
  EXPECT_EQ(control_.last_history_query.until, absl::InfiniteFuture());
  const json unmoved = [this] {
    control_.wall_ahead = absl::ZeroDuration();
    return Get("/v1/history").json()["entries"][0];
  }();
  EXPECT_NE(entry["at"], unmoved["at"]);
  EXPECT_EQ(entry["cursor"], unmoved["cursor"]) << "a place in the history is no time";
}

TEST_F(RecordsApiTest, QueueIsPagedWithACursor) {
  const json first = Get("/v1/queue?limit=1").json();
  EXPECT_EQ(first["messages"][0]["message_id"], WaitingId().ToString());
  ASSERT_EQ(first["next"], "1");
  const json second = Get("/v1/queue?limit=1&cursor=1").json();
  EXPECT_EQ(second["messages"][0]["message_id"], ActiveId().ToString());
  EXPECT_EQ(second["next"], "");
  EXPECT_EQ(Get("/v1/queue?cursor=nonsense").status, 400);
}

TEST_F(RecordsApiTest, QueueFiltersAreHandedOn) {
  ASSERT_EQ(Get("/v1/queue?domain=B%C3%BCcher.Example.&sender=a%2Bb@x&recipient=c@d&state=waiting&"
                "message=" +
                WaitingId().ToString())
                .status,
            200);
  const queue::QueueQuery& query = control_.last_queue_query;
  EXPECT_EQ(query.destination, "xn--bcher-kva.example");
  EXPECT_EQ(query.sender, "a+b@x");
  EXPECT_EQ(query.recipient, "c@d");
  EXPECT_EQ(query.message_id, WaitingId());
  EXPECT_EQ(query.state, queue::ItemState::kWaiting);
  EXPECT_THAT(Get("/v1/queue?state=asleep").error_message(),
              HasSubstr("waiting, active, held or parked"));
  EXPECT_THAT(Get("/v1/queue?message=U").error_message(), HasSubstr("message: "));
}

TEST_F(RecordsApiTest, OneMessageIsShown) {
  const std::string id = WaitingId().ToString();
  const json shown = Get("/v1/queue/" + absl::AsciiStrToLower(id)).json();
  EXPECT_EQ(shown["message_id"], id);
  EXPECT_EQ(shown["parts"].size(), 1u);
  const std::string gone = DeliveredId().ToString();
  // What is no UTF-8 does not spoil the answer.
  EXPECT_THAT(shown["header"].get<std::string>(), HasSubstr("gr\xEF\xBF\xBD"));
  const HttpAnswer missing = Get("/v1/queue/" + gone);
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.error_message(), HasSubstr("sluicectl history --message=" + gone));
  EXPECT_EQ(Get("/v1/queue/nonsense").status, 400);
}

TEST_F(RecordsApiTest, MessagesAreRetried) {
  const std::string id = WaitingId().ToString();
  EXPECT_EQ(Call("POST", "/v1/queue:retry", R"({"message":")" + id + R"("})").json()["woken"], 2);
  EXPECT_EQ(Call("POST", "/v1/queue:retry", R"({"domain":"D.example"})").status, 200);
  EXPECT_EQ(Call("POST", "/v1/queue:retry", R"({"all":true})").status, 200);
  EXPECT_EQ(control_.Calls(),
            (std::vector<std::string>{"apply by alice", "apply by alice", "retry " + id,
                                      "retry d.example", "retry "}));
  for (const std::string body :
       {"", "{}", R"({"all":false})", R"({"domain":""})", R"({"all":true,"domain":"x"})",
        R"({"message":"x"})", R"({"all":true,"x":1})"}) {
    EXPECT_EQ(Call("POST", "/v1/queue:retry", body).status, 400) << body;
  }
}

TEST_F(RecordsApiTest, MessagesAreDeleted) {
  const std::string id = WaitingId().ToString();
  EXPECT_EQ(
      Call("DELETE", "/v1/queue/" + id + "?domain=D.example&reason=asked+for").json()["deleted"],
      1);
  EXPECT_THAT(control_.Calls(),
              Contains(absl::StrCat("remove ", id, " d.example by ", getpwuid(geteuid())->pw_name,
                                    " because asked for")));
  const HttpAnswer active = Call("DELETE", "/v1/queue/" + ActiveId().ToString());
  EXPECT_EQ(active.status, 409);
  EXPECT_EQ(active.error_code(), "failed_precondition");
  EXPECT_EQ(Call("DELETE", "/v1/queue/" + DeliveredId().ToString()).status, 404);
  EXPECT_EQ(Call("DELETE", "/v1/queue/" + id + "?reason=" + std::string(257, 'x')).status, 400);
}

TEST_F(RecordsApiTest, OrdersSayWhatTheyAreAbout) {
  const std::string id = WaitingId().ToString();
  EXPECT_EQ(Call("POST", "/v1/queue:hold", R"({"domain":"D.example","reason":"why"})").json(),
            json({{"held", 2}}));
  EXPECT_EQ(Call("POST", "/v1/queue:release", R"({"message":")" + id + R"("})").json(),
            json({{"released", 1}}));
  EXPECT_EQ(Call("POST", "/v1/queue:bounce", R"({"all":true})").json(), json({{"bounced", 2}}));
  EXPECT_EQ(Call("POST", "/v1/queue:delete",
                 R"({"message":")" + id + R"(","domain":"d.example"})")
                .json(),
            json({{"deleted", 1}}));
  for (const char* const order : {"hold", "release", "bounce", "delete"}) {
    const std::string path = absl::StrCat("/v1/queue:", order);
    EXPECT_EQ(Call("POST", path, "{}").status, 400) << path;
    EXPECT_EQ(Call("POST", path, R"({"all":true,"domain":"d.example"})").status, 400) << path;
    EXPECT_EQ(Call("POST", path, R"({"message":")" + ActiveId().ToString() + R"("})").status, 409);
    EXPECT_EQ(Call("POST", path, R"({"message":")" + DeliveredId().ToString() + R"("})").status,
              404);
  }
  EXPECT_EQ(Call("POST", "/v1/queue:release", R"({"all":true,"reason":"x"})").status, 400);
}

TEST_F(RecordsApiTest, WhatIsHeldHasNoNextTry) {
  control_.queued[0].envelope.held = "by alice: they move";
  const json message = Get("/v1/queue").json()["messages"][0];
  EXPECT_EQ(message["state"], "held");
  EXPECT_EQ(message["held"], "by alice: they move");
  EXPECT_FALSE(message.contains("next_try_at"));
}

TEST_F(RecordsApiTest, WhatIsParkedHasANextProbe) {
  control_.queued[0].envelope.parked = true;
  control_.queued[0].next_probe = control_.queued[0].envelope.accepted_at + absl::Hours(1);
  const json message = Get("/v1/queue").json()["messages"][0];
  EXPECT_EQ(message["state"], "parked");
  EXPECT_TRUE(message.contains("next_probe_at"));
  EXPECT_FALSE(message.contains("next_try_at"));
}

TEST_F(RecordsApiTest, TheQueueIsSummarized) {
  control_.summary.all.items = 3;
  control_.summary.all.by_reason = {{"", 1}, {"connect", 2}};
  const json summary = Get("/v1/queue:summary").json();
  EXPECT_EQ(summary["all"]["messages"], 3);
  EXPECT_EQ(summary["all"]["by_reason"], json({{"not_tried", 1}, {"connect", 2}}));
  EXPECT_EQ(summary["all"]["by_age"].size(), summary["ages_minutes"].size() + 1);
  EXPECT_EQ(summary["ages_minutes"].back(), 1280);
}

TEST_F(RecordsApiTest, TheSummarySaysWhatDestinationsWaitFor) {
  control_.summary.destinations.resize(2);
  control_.summary.destinations[0].paused_until = clock_.WallNow();
  control_.summary.destinations[1].rate_limited = true;
  const json destinations = Get("/v1/queue:summary").json()["destinations"];
  EXPECT_EQ(destinations[0]["paused_until"], "2023-11-14T22:13:20.000Z");
  EXPECT_FALSE(destinations[0].contains("rate_limited"));
  EXPECT_EQ(destinations[1]["rate_limited"], true);
  EXPECT_FALSE(destinations[1].contains("paused_until"));
}

TEST_F(RecordsApiTest, HistoryHasTheHeadingsOfBothLanguages) {
  const json english = Get("/v1/history").json();
  ASSERT_EQ(english["entries"].size(), 2u);
  EXPECT_EQ(english["entries"][0]["heading"], "Delivered");
  EXPECT_EQ(english["entries"][1]["heading"], "Processing: Check TLS");
  EXPECT_EQ(english["entries"][1]["reason_text"], "STARTTLS is not offered");
  EXPECT_EQ(english["labels"]["sender"], "From");
  const json german = Get("/v1/history?lang=de").json();
  EXPECT_EQ(german["entries"][1]["heading"], "Verarbeitung läuft: TLS prüfen");
  EXPECT_EQ(german["labels"]["sender"], "Von");
  EXPECT_THAT(Get("/v1/history?lang=fr").error_message(), HasSubstr("en or de"));
}

TEST_F(RecordsApiTest, HistoryEntriesHaveWhatTheyHaveAndNoMore) {
  const json entries = Get("/v1/history?order=oldest").json()["entries"];
  const json& failure = entries[0];
  EXPECT_EQ(failure["outcome"], "check_tls");
  EXPECT_EQ(failure["direction"], "outbound");
  EXPECT_EQ(failure["entry_generation"], 2);
  EXPECT_EQ(failure["attempt"], 4);
  EXPECT_EQ(failure["stage"], "starttls");
  EXPECT_FALSE(failure.contains("cipher"));
  EXPECT_EQ(entries[1]["sender"], "");
  EXPECT_FALSE(entries[1].contains("deadline_at"));
}

TEST_F(RecordsApiTest, HistoryFiltersAreHandedOn) {
  ASSERT_EQ(Get("/v1/history?domain=D.example&sender=s&recipient=r&outcome=check_tls&"
                "since=2023-11-01T00:00:00%2B01:00&until=2023-11-02T00:00:00.5Z&limit=7&"
                "order=oldest&cursor=c1&message=" +
                WaitingId().ToString())
                .status,
            200);
  const queue::HistoryQuery& query = control_.last_history_query;
  EXPECT_EQ(query.domain, "d.example");
  EXPECT_EQ(query.message_id, WaitingId());
  EXPECT_EQ(query.sender, "s");
  EXPECT_EQ(query.recipient, "r");
  EXPECT_EQ(query.outcomes,
            (std::vector<queue::Outcome>{queue::Outcome::kDeferred, queue::Outcome::kRefused}));
  EXPECT_EQ(query.tls, true);
  EXPECT_EQ(absl::FormatTime(query.since, absl::UTCTimeZone()), "2023-10-31T23:00:00+00:00");
  EXPECT_EQ(absl::FormatTime(query.until, absl::UTCTimeZone()), "2023-11-02T00:00:00.5+00:00");
  EXPECT_EQ(query.limit, 7u);
  EXPECT_FALSE(query.newest_first);
  EXPECT_EQ(query.cursor, "c1");
  for (const std::string bad :
       {"since=yesterday", "since=infinite-past", "until=2023", "outcome=lost", "order=up"}) {
    EXPECT_EQ(Get("/v1/history?" + bad).status, 400) << bad;
  }
}

TEST_F(RecordsApiTest, HistoryCanBeFollowed) {
  std::string cursor = Get("/v1/history?order=oldest").json()["next"];
  json page = Get("/v1/history?order=oldest&cursor=" + cursor).json();
  EXPECT_EQ(page["entries"], json::array());
  EXPECT_EQ(page["next"], cursor);
  queue::HistoryEntry next;
  next.sequence = 3;
  next.time = clock_.WallNow();
  control_.history.push_back(next);
  page = Get("/v1/history?order=oldest&cursor=" + cursor).json();
  EXPECT_EQ(page["entries"].size(), 1u);
  EXPECT_EQ(page["next"], queue::CursorOf(next));
}

TEST_F(RecordsApiTest, BytesOfStrangersStayJson) {
  control_.history[0].detail = "550 \xff\xfe \"quoted\" \x07";
  const json entry = Get("/v1/history?order=oldest").json()["entries"][0];
  EXPECT_EQ(entry["detail"], "550 \uFFFD\uFFFD \"quoted\" \x07");
}

TEST_F(RecordsApiTest, CertificatesAreShownAndReloaded) {
  const json shown = Get("/v1/certificates").json();
  const json& certificate = shown["certificates"][0];
  EXPECT_EQ(certificate["common_name"], "gw.example.net");
  EXPECT_EQ(certificate["days_left"], 61);
  EXPECT_EQ(certificate["chain"][0]["subject"], "CN=Example CA,C=DE");
  EXPECT_EQ(certificate["purpose"], "server");
  EXPECT_EQ(shown["certificates"][1]["purpose"], "client");
  EXPECT_EQ(shown["certificates"][1]["name"], "partner-a");
  EXPECT_EQ(Call("POST", "/v1/certificates:reload").json(), shown);
  control_.reload = absl::FailedPreconditionError("var/tls/rsa.pem: holds no certificate");
  const HttpAnswer failed = Call("POST", "/v1/certificates:reload");
  EXPECT_EQ(failed.status, 409);
  EXPECT_EQ(failed.error_message(), "var/tls/rsa.pem: holds no certificate");
}

TEST_F(RecordsApiTest, DaysOfAnExpiredCertificateAreNegative) {
  control_.certificates[0].chain[0].not_after = clock_.WallNow() - absl::Hours(1);
  EXPECT_EQ(Get("/v1/certificates").json()["certificates"][0]["days_left"], -1);
}

TEST_F(RecordsApiTest, StatusSumsUpTheCores) {
  const json status = Get("/v1/status").json();
  EXPECT_EQ(status["uptime_seconds"], 76 * 3600 + 30 * 60);
  EXPECT_EQ(status["cores"].size(), 2u);
  EXPECT_EQ(status["total"]["delivered"], 160);
  EXPECT_EQ(status["total"]["failures"]["not_offered"], 5);
  EXPECT_EQ(status["cores"][1]["failures"]["not_offered"], 1);
  EXPECT_EQ(status["queue"]["oldest_accepted_at"], "2023-11-14T19:43:20.000Z");
}

TEST_F(RecordsApiTest, ErrorsOfTheGatewayKeepTheirKind) {
  const std::pair<absl::Status, long> kinds[] = {
      {absl::InvalidArgumentError("a"), 400},   {absl::NotFoundError("b"), 404},
      {absl::UnavailableError("c"), 503},       {absl::DeadlineExceededError("d"), 504},
      {absl::ResourceExhaustedError("e"), 503}, {absl::InternalError("f"), 500},
  };
  for (const auto& [status, http_status] : kinds) {
    control_.reload = status;
    const HttpAnswer answer = Call("POST", "/v1/certificates:reload");
    EXPECT_EQ(answer.status, http_status);
    EXPECT_EQ(answer.error_message(), status.message());
  }
}

TEST(HistoryTextTest, EveryEntryIsOfOneKindThatItsFilterFinds) {
  for (int i = 0; i <= static_cast<int>(queue::Outcome::kRefused); ++i) {
    for (const bool tls : {false, true}) {
      queue::HistoryEntry entry;
      entry.outcome = static_cast<queue::Outcome>(i);
      entry.tls = tls;
      const HistoryKind kind = KindOf(entry);
      EXPECT_NE(Heading(kind, Language::kEnglish), Heading(kind, Language::kGerman));
      EXPECT_EQ(*ParseKind(KindName(kind)), kind);
      queue::HistoryQuery query;
      Select(kind, query);
      EXPECT_THAT(query.outcomes, Contains(entry.outcome));
      EXPECT_EQ(query.tls.value_or(tls), tls);
    }
  }
}

TEST(HistoryTextTest, FailuresOfTlsAreHeadedSoBothWays) {
  for (const queue::Outcome outcome : {queue::Outcome::kDeferred, queue::Outcome::kRefused}) {
    queue::HistoryEntry entry;
    entry.outcome = outcome;
    entry.tls = true;
    EXPECT_EQ(Heading(KindOf(entry), Language::kEnglish), "Processing: Check TLS");
    EXPECT_EQ(Heading(KindOf(entry), Language::kGerman), "Verarbeitung läuft: TLS prüfen");
    entry.tls = false;
    EXPECT_NE(Heading(KindOf(entry), Language::kEnglish), "Processing: Check TLS");
  }
}

TEST(HistoryTextTest, EveryReasonOfTlsHasASentence) {
  for (int i = 0; i <= static_cast<int>(tls::Reason::kProtocol); ++i) {
    const absl::string_view word = tls::ReasonName(static_cast<tls::Reason>(i));
    EXPECT_NE(ReasonText(word, Language::kEnglish), word);
    EXPECT_NE(ReasonText(word, Language::kGerman), word);
  }
  EXPECT_EQ(ReasonText("something_new", Language::kGerman), "something_new");
}

}  // namespace
}  // namespace sluice::admin
