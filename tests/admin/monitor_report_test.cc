// What enforcement would have done, added up.
#include "engine/admin/monitor_report.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::admin {
namespace {

using ::testing::SizeIs;

queue::HistoryEntry Monitored(const std::string& domain, const std::string& reason, int second) {
  queue::HistoryEntry entry;
  entry.time = absl::FromUnixSeconds(second);
  entry.monitored = true;
  entry.domain = domain;
  entry.reason = reason;
  entry.stage = "starttls";
  entry.entry = "*." + domain;
  entry.detail = "detail of " + reason;
  return entry;
}

TEST(MonitorReportTest, CountsByDomainDirectionAndReason) {
  MonitorReport report;
  report.Add(Monitored("a.example", "not_offered", 3));
  report.Add(Monitored("a.example", "untrusted", 2));
  report.Add(Monitored("a.example", "not_offered", 1));
  report.Add(Monitored("b.example", "", 5));
  queue::HistoryEntry inbound = Monitored("a.example", "no_tls", 4);
  inbound.direction = queue::Direction::kInbound;
  report.Add(inbound);
  queue::HistoryEntry other = Monitored("a.example", "not_offered", 9);
  other.monitored = false;
  report.Add(other);

  EXPECT_EQ(report.total(), 5u);
  EXPECT_EQ(report.domains(), 3u);
  const std::vector<MonitorReport::Line> lines = report.Lines(2);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].domain, "a.example");
  EXPECT_EQ(lines[0].direction, queue::Direction::kOutbound);
  EXPECT_EQ(lines[0].count, 3u);
  EXPECT_EQ(lines[0].by_reason,
            (std::map<std::string, uint64_t>{{"not_offered", 2}, {"untrusted", 1}}));
  EXPECT_EQ(lines[0].last_at, absl::FromUnixSeconds(3));
  EXPECT_EQ(lines[0].last_detail, "detail of not_offered");
  EXPECT_EQ(report.Lines(10).back().by_reason.count("starttls"), 1u);  // without a reason: where
}

}  // namespace
}  // namespace sluice::admin
