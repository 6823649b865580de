// Days of counting and reporting, with a real store and a collector that speaks HTTPS. Lives begin
// at 2023-11-14 22:13:20 UTC.
#include "engine/relay/tls_reports.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/https/test_server.h"
#include "tests/queue/spool_fixture.h"
#include "tests/relay/fake_resolver.h"
#include "tests/smtp/client_fake_network.h"
#include "tests/smtp/client_tls_contexts.h"
#include "tests/tls/signing_peer.h"
#include "tests/tlsrpt/gunzip.h"

namespace sluice::relay {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kDay[] = "2023-11-14";
constexpr char kAsk[] = "_smtp._tls.example.com";
// As many as midnight, the spread and a look take.
constexpr absl::Duration kUntilSent = absl::Hours(6);

class TlsReportsTest : public ::testing::Test, private TlsReportHost {
 protected:
  TlsReportsTest() {
    settings_.submitter = {"Sender", "tls@sender.example", "sender.example"};
    settings_.from = "noreply@sender.example";
    settings_.dkim = tlsrpt::DkimSigner{"sender.example", "sel", peer_.Load()};
    resolver_.SetAddresses("mx.example.net", {"192.0.2.1"});
    AskFor("https://mx.example.net/tlsrpt");
    server_.answer = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    Restart();
  }

  void AskFor(const std::string& uris) {
    resolver_.SetTxt(kAsk, {absl::StrCat("v=TLSRPTv1; rua=", uris)});
  }
  // Another life, which knows what the store knows.
  void Restart() {
    world_.store().RunAll();
    reports_ = std::make_unique<TlsReports>(core_, resolver_, world_.spool(), settings_,
                                            contexts_.NewClient(),
                                            static_cast<TlsReportHost&>(*this), counters_);
    const queue::SideRows rows = world_.spool().ReadTlsReports().value();
    for (const auto& [key, row] : rows) {
      reports_->Remember(key, row);
    }
  }
  // One life; `meanwhile` is called when so much of it is over.
  void Live(
      absl::Duration time, std::function<void()> meanwhile = [] {}) {
    reports_->Start();
    core_.RunToEnd(Pump(core_.Now() + time, std::move(meanwhile)));
  }
  void Count(int successes, int failures, const std::string& domain = "example.com") {
    CountedSession session;
    session.policy.domain = domain;
    for (int i = 0; i < successes; ++i) reports_->Count(domain, session);
    session.failure = tlsrpt::Failure{.type = tlsrpt::ResultType::kCertificateExpired,
                                      .mx_host = "mx.example.com"};
    for (int i = 0; i < failures; ++i) reports_->Count(domain, session);
  }
  io::Task<void> CountIn(absl::Duration time) {
    co_await core_.SleepUntil(core_.Now() + time);
    Count(1, 0);
  }
  absl::StatusOr<TlsReportSent> SendNow() {
    std::optional<absl::StatusOr<TlsReportSent>> sent;
    Live(absl::Minutes(1), [&] {
      reports_->SendNow("example.com", std::nullopt,
                        [&](absl::StatusOr<TlsReportSent> told) { sent = std::move(told); });
    });
    Restart();
    return *std::move(sent);
  }
  // What the collector got, by its head and as the report that it is.
  json Posted(size_t i) const {
    const std::string& request = server_.heard().at(i);
    return json::parse(tlsrpt::Gunzip(request.substr(request.find("\r\n\r\n") + 4)));
  }
  static json Counts(const json& report) {
    const json& summary = report.at("policies").at(0).at("summary");
    return {summary["total-successful-session-count"], summary["total-failure-session-count"]};
  }
  size_t Asked() const {
    return static_cast<size_t>(
        std::count(resolver_.asked().begin(), resolver_.asked().end(), absl::StrCat("txt ", kAsk)));
  }
  std::vector<TlsReportState> Listed() const { return reports_->List(100).reports; }

  struct Mail {
    std::string from;
    std::string to;
    std::string message;
  };

  queue::SpoolWorld world_;
  smtp::FakeCore core_;
  FakeResolver resolver_;
  smtp::TestTlsContexts contexts_;
  https::TestServer server_{core_, contexts_.server()};
  tls::SigningPeer peer_;
  TlsReportSettings settings_;
  Counters counters_;
  std::vector<Mail> mail_;
  std::unique_ptr<TlsReports> reports_;

 private:
  const std::string& hostname() const override { return hostname_; }
  io::Task<absl::StatusOr<std::string>> QueueReport(std::string from, std::string to,
                                                    std::string message) override {
    mail_.push_back({std::move(from), std::move(to), std::move(message)});
    co_return "queue-id";
  }
  io::Task<void> Pump(MonoTime until, std::function<void()> meanwhile) {
    meanwhile();
    while (core_.Now() < until) {
      co_await core_.SleepUntil(core_.Now() + absl::Seconds(10));
      world_.store().RunAll();
    }
    reports_->Stop();
    while (core_.live_tasks() > 1) {
      co_await core_.SleepUntil(core_.Now() + absl::Milliseconds(10));
      world_.store().RunAll();
    }
  }

  const std::string hostname_ = "gw.sender.example";
};

TEST_F(TlsReportsTest, WhatIsCountedOutlivesARestart) {
  Count(3, 2);
  Count(1, 0, "b.example");
  Live(absl::Minutes(1));
  Restart();
  const TlsReportList list = reports_->List(1);
  EXPECT_EQ(list.total, 2u);
  ASSERT_THAT(list.reports, SizeIs(1));  // the one with most failures
  EXPECT_EQ(list.reports[0].domain, "example.com");
  EXPECT_EQ(list.reports[0].day, kDay);
  EXPECT_EQ(list.reports[0].successes, 3u);
  EXPECT_EQ(list.reports[0].failures, 2u);
  EXPECT_EQ(list.reports[0].begin, absl::FromUnixSeconds(1'699'920'000));
}

TEST_F(TlsReportsTest, WhatIsCountedAtTheVeryEndIsWrittenDown) {
  Live(absl::ZeroDuration(), [&] { Count(1, 0); });
  Restart();
  EXPECT_THAT(Listed(), SizeIs(1));
}

TEST_F(TlsReportsTest, TheDaysReportGoesToTheCollectorOnce) {
  Count(3, 2);
  Live(absl::Hours(48));
  ASSERT_THAT(server_.heard(), SizeIs(1));
  EXPECT_TRUE(absl::StartsWith(server_.heard()[0], "POST /tlsrpt HTTP/1.1\r\n"));
  const json report = Posted(0);
  EXPECT_EQ(report["organization-name"], "Sender");
  EXPECT_EQ(report["date-range"]["start-datetime"], "2023-11-14T00:00:00Z");
  EXPECT_EQ(report["date-range"]["end-datetime"], "2023-11-14T23:59:59Z");
  EXPECT_EQ(Counts(report), json({3, 2}));
  EXPECT_EQ(report["policies"][0]["failure-details"][0]["failed-session-count"], 2);
  EXPECT_EQ(counters_.tls_reports_sent.value(), 1u);
  EXPECT_THAT(Listed(), IsEmpty());
  EXPECT_THAT(world_.spool().ReadTlsReports().value(), IsEmpty());
}

TEST_F(TlsReportsTest, NothingIsSentBeforeTheDayIsOver) {
  Count(1, 0);
  Live(absl::Minutes(106));
  EXPECT_EQ(Asked(), 0u);
}

TEST_F(TlsReportsTest, ReportsAreSpreadOverTheHoursAfterMidnight) {
  for (int i = 0; i < 50; ++i) Count(1, 0, absl::StrCat("d", i, ".example"));
  Live(absl::Minutes(1));
  std::vector<absl::Time> times;
  for (const TlsReportState& state : Listed()) times.push_back(state.next_try);
  const auto [first, last] = std::minmax_element(times.begin(), times.end());
  const absl::Time midnight = absl::FromUnixSeconds(1'700'006'400);
  EXPECT_GE(*first, midnight);
  EXPECT_LT(*last, midnight + TlsReports::kSpread);
  EXPECT_GT(*last - *first, absl::Hours(1));
}

TEST_F(TlsReportsTest, ADomainThatAsksForNoneIsForgotten) {
  for (const char* const record : {"", "v=TLSRPTv1; broken"}) {
    resolver_.SetTxt(kAsk, {record});
    Count(1, 1);
    Live(kUntilSent + absl::Hours(24));
    EXPECT_THAT(Listed(), IsEmpty());
    EXPECT_THAT(world_.spool().ReadTlsReports().value(), IsEmpty());
    Restart();
  }
  EXPECT_EQ(Asked(), 2u);
  EXPECT_EQ(counters_.tls_reports_failed.value(), 0u);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(TlsReportsTest, TheFirstPlaceThatTakesItGetsItAlone) {
  AskFor("https://nowhere.example/,mailto:rua@example.com,https://mx.example.net/");
  Count(1, 0);
  Live(kUntilSent);
  EXPECT_EQ(server_.connections(), 0);
  ASSERT_THAT(mail_, SizeIs(1));
  EXPECT_EQ(mail_[0].from, "noreply@sender.example");
  EXPECT_EQ(mail_[0].to, "rua@example.com");
  EXPECT_THAT(mail_[0].message, HasSubstr("\r\nTLS-Report-Domain: example.com\r\n"));
  EXPECT_EQ(counters_.tls_reports_sent.value(), 1u);
}

TEST_F(TlsReportsTest, WithoutASignatureNoneGoesByMail) {
  settings_.dkim.reset();
  AskFor("mailto:rua@example.com,https://mx.example.net/");
  Count(1, 0);
  Live(kUntilSent);
  EXPECT_THAT(mail_, IsEmpty());
  EXPECT_THAT(server_.heard(), SizeIs(1));
}

TEST_F(TlsReportsTest, IsTriedAgainEverLessOftenAndThenGivenUp) {
  server_.answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
  Count(1, 0);
  Live(absl::Hours(34));
  EXPECT_GE(server_.heard().size(), 6u);
  EXPECT_LE(server_.heard().size(), 9u);
  EXPECT_EQ(Posted(0), Posted(5));  // the same report, under the same id
  EXPECT_EQ(counters_.tls_reports_failed.value(), 1u);
  EXPECT_EQ(counters_.tls_reports_sent.value(), 0u);
  EXPECT_THAT(Listed(), IsEmpty());
}

TEST_F(TlsReportsTest, WhenDnsFailsItIsTriedAgain) {
  resolver_.FailTxt(kAsk, absl::UnavailableError("SERVFAIL"));
  Count(2, 0);
  Live(kUntilSent + absl::Hours(1));
  ASSERT_THAT(Listed(), SizeIs(1));
  EXPECT_GE(Listed()[0].attempts, 2);
  EXPECT_THAT(Listed()[0].last_error, HasSubstr("SERVFAIL"));
  AskFor("https://mx.example.net/");
  Restart();
  Live(kUntilSent);
  ASSERT_THAT(server_.heard(), SizeIs(1));
  EXPECT_EQ(Counts(Posted(0)), json({2, 0}));
}

TEST_F(TlsReportsTest, AReportByHandLeavesTheRestOfTheDayToTheNext) {
  Count(3, 2);
  const absl::StatusOr<TlsReportSent> sent = SendNow();
  ASSERT_TRUE(sent.ok()) << sent.status();
  EXPECT_EQ(sent->to, "https://mx.example.net/tlsrpt");
  EXPECT_EQ(sent->message_id, "");
  EXPECT_EQ(Posted(0)["report-id"], sent->report_id);
  EXPECT_TRUE(absl::IsNotFound(SendNow().status()));  // nothing has come since
  Count(1, 0);
  Live(kUntilSent);
  ASSERT_THAT(server_.heard(), SizeIs(2));
  EXPECT_EQ(Counts(Posted(0)), json({3, 2}));
  EXPECT_EQ(Counts(Posted(1)), json({1, 0}));
  EXPECT_NE(Posted(0)["report-id"], Posted(1)["report-id"]);
  EXPECT_EQ(Posted(0)["date-range"]["end-datetime"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(Posted(1)["date-range"]["start-datetime"], "2023-11-14T22:13:21Z");
  EXPECT_THAT(Listed(), IsEmpty());
}

TEST_F(TlsReportsTest, WhatIsCountedWhileItIsSentIsTheNexts) {
  Count(3, 2);
  resolver_.Delay("mx.example.net", absl::Seconds(5));
  Live(absl::Minutes(1), [&] {
    reports_->SendNow("example.com", std::nullopt, [](const absl::StatusOr<TlsReportSent>&) {});
    core_.Spawn(CountIn(absl::Seconds(1)));
  });
  EXPECT_EQ(Counts(Posted(0)), json({3, 2}));
  ASSERT_THAT(Listed(), SizeIs(1));
  EXPECT_EQ(Listed()[0].successes, 1u);
  EXPECT_GT(Listed()[0].begin, absl::FromUnixSeconds(1'699'999'999));
}

TEST_F(TlsReportsTest, WhatCouldNotBeSentByHandIsKeptWithTheRest) {
  for (const bool asks : {true, false}) {
    SCOPED_TRACE(asks);
    resolver_.SetTxt(kAsk, {asks ? "v=TLSRPTv1; rua=https://nowhere.example/" : "no"});
    Count(1, 1);
    const absl::StatusOr<TlsReportSent> sent = SendNow();
    EXPECT_EQ(absl::IsUnavailable(sent.status()), asks) << sent.status();
    EXPECT_EQ(absl::IsNotFound(sent.status()), !asks) << sent.status();
  }
  ASSERT_THAT(Listed(), SizeIs(1));
  EXPECT_EQ(Listed()[0].successes, 2u);
  EXPECT_EQ(Listed()[0].failures, 2u);
}

TEST_F(TlsReportsTest, WhereAllWasSentByHandNothingIsLeftForTheNight) {
  Count(1, 0);
  ASSERT_TRUE(SendNow().ok());
  Live(kUntilSent);
  EXPECT_THAT(server_.heard(), SizeIs(1));
  EXPECT_THAT(world_.spool().ReadTlsReports().value(), IsEmpty());
}

TEST_F(TlsReportsTest, ByHandThereIsNothingWhereNothingIsCounted) {
  const absl::Status status = SendNow().status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_TRUE(absl::IsNotFound(reports_->Show("example.com", std::nullopt).status()));
}

TEST_F(TlsReportsTest, ShowsWhatWouldBeSent) {
  Count(3, 2);
  const json shown = json::parse(reports_->Show("example.com", std::nullopt).value());
  EXPECT_EQ(Counts(shown), json({3, 2}));
  EXPECT_TRUE(reports_->Show("example.com", absl::CivilDay(2023, 11, 14)).ok());
  EXPECT_TRUE(
      absl::IsNotFound(reports_->Show("example.com", absl::CivilDay(2023, 11, 13)).status()));
}

TEST_F(TlsReportsTest, DomainsBeyondTheBoundAreCountedAsSuch) {
  for (size_t i = 0; i < TlsReports::kMostTallies + 5; ++i) {
    Count(1, 0, absl::StrCat("d", i, ".example"));
  }
  EXPECT_EQ(reports_->List(0).total, TlsReports::kMostTallies);
  EXPECT_EQ(counters_.tls_sessions_unreported.value(), 5u);
}

TEST_F(TlsReportsTest, ThereIsABoundToWhatStrangersMakeItKeep) {
  CountedSession session;
  session.policy.type = tlsrpt::PolicyType::kSts;
  session.policy.strings.assign(64, std::string(256, 'x'));
  for (int i = 0; i < 5000; ++i) reports_->Count(absl::StrCat("d", i, ".example"), session);
  const auto policy = [this](const char* domain) {
    const json report = json::parse(reports_->Show(domain, std::nullopt).value());
    return report["policies"][0]["policy"];
  };
  EXPECT_THAT(policy("d0.example")["policy-string"], SizeIs(64));
  EXPECT_EQ(policy("d4999.example"),
            (json{{"policy-type", "sts"}, {"policy-domain", "d4999.example"}}));
  EXPECT_EQ(counters_.tls_sessions_unreported.value(), 0u);
}

TEST_F(TlsReportsTest, ARowThatIsDamagedIsDropped) {
  std::vector<queue::SideWrite> writes;
  writes.push_back({"2023-11-14 example.com", "nonsense"});
  writes.push_back({"nonsense", ""});
  world_.spool().WriteTlsReports(
      std::move(writes), [](const absl::Status& written) { EXPECT_TRUE(written.ok()) << written; });
  Restart();
  world_.store().RunAll();
  EXPECT_THAT(Listed(), IsEmpty());
  EXPECT_THAT(world_.spool().ReadTlsReports().value(), IsEmpty());
}

}  // namespace
}  // namespace sluice::relay
