#include "engine/admin/process_figures.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::admin {
namespace {

using testing::HasSubstr;

constexpr char kSelfStat[] =
    "4711 (a ) b (c) R 1 4711 4711 0 -1 4194304 100 0 0 0 250 150 0 0 20 0 9 0 12345 987654321 321 "
    "18446744073709551615 1 1 0 0 0 0 0\n";
constexpr char kStat[] = "cpu  1 2 3 4\nbtime 1700000000\nprocesses 9\n";

TEST(ProcessFigures, ReadsWhatProc5Says) {
  const auto figures = ParseProcessStat(kSelfStat, kStat, 100, 4096);
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_EQ(figures->cpu_seconds, 4.0);
  EXPECT_EQ(figures->start_time_seconds, 1700000123.45);
  EXPECT_EQ(figures->virtual_bytes, 987654321u);
  EXPECT_EQ(figures->resident_bytes, 321u * 4096);
}

TEST(ProcessFigures, SaysWhatItCannotRead) {
  const auto message = [](absl::string_view self_stat, absl::string_view stat) {
    return std::string(ParseProcessStat(self_stat, stat, 100, 4096).status().message());
  };
  EXPECT_THAT(message("", kStat), HasSubstr("/proc/self/stat"));
  EXPECT_THAT(message("1 (a) R 1 2 3", kStat), HasSubstr("field 14"));
  EXPECT_THAT(message(kSelfStat, "cpu 1 2\n"), HasSubstr("btime"));
}

TEST(ProcessFigures, OfThisProcess) {
  const auto before = ReadProcessFigures();
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_GT(before->resident_bytes, 0u);
  EXPECT_GE(before->virtual_bytes, before->resident_bytes);
  EXPECT_GE(before->max_fds, before->open_fds);
  EXPECT_GT(before->start_time_seconds, 0.0);
  EXPECT_LE(before->start_time_seconds, absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()) + 1);
  const int fd = open("/dev/null", O_RDONLY);
  ASSERT_GE(fd, 0);
  const auto after = ReadProcessFigures();
  close(fd);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->open_fds, before->open_fds + 1);
  EXPECT_EQ(after->start_time_seconds, before->start_time_seconds);
}

}  // namespace
}  // namespace sluice::admin
