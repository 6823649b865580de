// The text format, and what a scrape answers. That promtool has nothing to say against it is tested
// with a running daemon (tests/e2e/metrics_test.py).
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/admin/metrics_text.h"
#include "gmock/gmock.h"
#include "queue/commit_times.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MetricsText, OneFamilyAfterAnother) {
  MetricsText text;
  text.Family("a_total", MetricKind::kCounter, "Of a.");
  text.Sample({}, uint64_t{18446744073709551615u});
  text.Family("b_seconds", MetricKind::kGauge, "Of b.");
  text.Sample({{"core", "0"}, {"way", "in"}}, 1700000000.125);
  text.Sample({{"core", "1"}, {"way", "in"}}, 0.1);
  EXPECT_EQ(std::move(text).Take(),
            "# HELP a_total Of a.\n# TYPE a_total counter\na_total 18446744073709551615\n"
            "# HELP b_seconds Of b.\n# TYPE b_seconds gauge\n"
            "b_seconds{core=\"0\",way=\"in\"} 1700000000.125\n"
            "b_seconds{core=\"1\",way=\"in\"} 0.1\n");
}

TEST(MetricsText, EscapesWhatWouldEndAValueOrALine) {
  MetricsText text;
  text.Family("a", MetricKind::kGauge, "back\\slash,\nline, \"quote\"");
  text.Sample({{"subject", "CN=\"a\\b\"\nforged 1"}}, uint64_t{1});
  EXPECT_EQ(std::move(text).Take(),
            "# HELP a back\\\\slash,\\nline, \"quote\"\n# TYPE a gauge\n"
            "a{subject=\"CN=\\\"a\\\\b\\\"\\nforged 1\"} 1\n");
}

TEST(MetricsText, BucketsOfAHistogramAreCumulated) {
  StepHistogram histogram;
  for (const int took_ms : {1, 1, 1000, 3'600'000}) histogram.Observe(absl::Milliseconds(took_ms));
  MetricsText text;
  text.Family("a_seconds", MetricKind::kHistogram, "Of a.");
  text.Histogram({{"core", "0"}}, histogram.Read());
  const std::string written = std::move(text).Take();
  EXPECT_THAT(written, HasSubstr("a_seconds_bucket{core=\"0\",le=\"0.0009765625\"} 0\n"
                                 "a_seconds_bucket{core=\"0\",le=\"0.001953125\"} 2\n"));
  EXPECT_THAT(written, HasSubstr("a_seconds_bucket{core=\"0\",le=\"0.5\"} 2\n"
                                 "a_seconds_bucket{core=\"0\",le=\"1\"} 3\n"));
  EXPECT_THAT(written, HasSubstr("a_seconds_bucket{core=\"0\",le=\"512\"} 3\n"
                                 "a_seconds_bucket{core=\"0\",le=\"+Inf\"} 4\n"
                                 "a_seconds_sum{core=\"0\"} 3601.002\n"
                                 "a_seconds_count{core=\"0\"} 4\n"));
}

class MetricsTest : public ServerFixture {
 protected:
  void SetUp() override {
    FillWithExamples(clock_.WallNow(), control_);
    ServerFixture::SetUp();
  }
};

TEST_F(MetricsTest, AScrape) {
  queue::CommitTimes commits;
  commits.CountWritten(/*synced=*/true, /*requests=*/7, absl::Milliseconds(5));
  commits.CountWritten(/*synced=*/true, /*requests=*/1, absl::Seconds(2));
  commits.CountFailed(/*requests=*/1);
  control_.status.commits = commits.Read();
  const HttpAnswer answer = Get("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* const line : {
           "sluice_build_info{version=\"0.1.0\"} 1",
           "sluice_queue_messages{state=\"active\"} 1",
           "sluice_queue_messages{state=\"waiting\"} 1",
           "sluice_queue_oldest_message_age_seconds 9000",
           "sluice_store_commit_seconds_bucket{synced=\"true\",le=\"0.0078125\"} 1",
           "sluice_store_commit_seconds_count{synced=\"true\"} 2",
           "sluice_store_commit_seconds_count{synced=\"false\"} 0",
           "sluice_store_commits_failed_total 1",
           "sluice_store_requests_total 9",
           "sluice_store_waiting_bytes 0",
           "sluice_policy_entries 2",
           "sluice_recipients_delivered_total{core=\"1\"} 80",
           "sluice_failures_total{core=\"0\",direction=\"outbound\",kind=\"tls\","
           "reason=\"not_offered\"} 4",
           "sluice_failures_total{core=\"0\",direction=\"outbound\",kind=\"connection\","
           "reason=\"connect\"} 1",
           "sluice_failures_total{core=\"1\",direction=\"outbound\",kind=\"connection\","
           "reason=\"dns\"} 0",
           "sluice_queue_latency_seconds_bucket{core=\"0\",le=\"4\"} 3",
           "sluice_queue_latency_seconds_sum{core=\"0\"} 7005",
           "sluice_queue_latency_seconds_count{core=\"0\"} 4",
       }) {
    EXPECT_THAT(answer.body, HasSubstr(absl::StrCat("\n", line, "\n")));
  }
  EXPECT_THAT(answer.body,
              HasSubstr("\nsluice_certificate_expiry_timestamp_seconds{kind=\"ecdsa\""));
  EXPECT_THAT(answer.body, HasSubstr("client_certificate=\"partner-a\"} "));
  EXPECT_THAT(answer.body, Not(HasSubstr("stage=\"verify\"")));
}

TEST_F(MetricsTest, NoSeriesTwice) {
  std::set<std::string> seen;
  const std::string body = Get("/metrics").body;
  for (const absl::string_view line : absl::StrSplit(body, '\n', absl::SkipEmpty())) {
    const std::string series(line[0] == '#' ? line : line.substr(0, line.rfind(' ')));
    EXPECT_TRUE(seen.insert(series).second) << series;
  }
  EXPECT_GT(seen.size(), 500u);
}

TEST_F(MetricsTest, TheAgeOfTheOldestMessage) {
  control_.wall_ahead = absl::Hours(1);  // the clock was set; the message is as old as before
  control_.status.queue.oldest_accepted_at = clock_.WallNow() - absl::Hours(2);
  EXPECT_THAT(Get("/metrics").body, HasSubstr("\nsluice_queue_oldest_message_age_seconds 3600\n"));
  control_.status.queue.oldest_accepted_at.reset();  // the disk does not say
  EXPECT_THAT(Get("/metrics").body, Not(HasSubstr("\nsluice_queue_oldest_message_age_seconds ")));
  control_.status.queue = {};
  EXPECT_THAT(Get("/metrics").body, HasSubstr("\nsluice_queue_oldest_message_age_seconds 0\n"));
}

TEST_F(MetricsTest, TakesNoParameters) { EXPECT_EQ(Get("/metrics?name=x").status, 400); }

}  // namespace
}  // namespace sluice::admin
