// What an export shows when somebody has been at it.
#include "engine/admin/history_export.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "queue/history_chain.h"
#include "queue/history_codec.h"
#include "queue/key_codec.h"

namespace sluice::admin {
namespace {

using ::testing::HasSubstr;

// Some entries, chained as the store does it.
std::vector<queue::HistoryRows::Row> SomeRows(std::string chain) {
  std::vector<queue::HistoryRows::Row> rows;
  for (int64_t i = 1; i <= 4; ++i) {
    queue::HistoryEntry entry;
    entry.detail = absl::StrCat("reply ", i, "\xff");  // no UTF-8
    entry.domain = "a.example";
    const std::string bytes = queue::EncodeHistoryEntry(entry);
    const std::string key =
        queue::HistoryKey({.nanos = i * 1'000'000'000, .sequence = static_cast<uint64_t>(i)});
    chain = queue::NextChain(chain, key, bytes);
    rows.push_back({.key = key, .value = queue::SealRow(bytes, chain)});
  }
  return rows;
}

std::vector<std::string> ExportOf(const std::string& previous) {
  HistoryExportWriter writer(previous);
  std::string text;
  for (const auto& row : SomeRows(previous)) writer.Append(row, text);
  writer.AppendEnd(text);
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

absl::Status Verify(const std::vector<std::string>& lines) {
  ExportVerifier verifier;
  for (const std::string& line : lines) {
    const absl::Status status = verifier.AddLine(line);
    if (!status.ok()) return status;
  }
  return verifier.End();
}

TEST(HistoryExportTest, IsIntactAsItWasWritten) {
  EXPECT_TRUE(Verify(ExportOf(queue::ChainStart())).ok()) << Verify(ExportOf(queue::ChainStart()));
  EXPECT_TRUE(Verify(ExportOf(std::string(32, 'x'))).ok());
  std::string nothing;
  HistoryExportWriter(queue::ChainStart()).AppendEnd(nothing);
  EXPECT_TRUE(Verify(absl::StrSplit(nothing, '\n', absl::SkipEmpty())).ok());
}

TEST(HistoryExportTest, EveryChangeShows) {
  const std::vector<std::string> whole = ExportOf(queue::ChainStart());
  ASSERT_EQ(whole.size(), 6u);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::vector<std::string> without = whole;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(Verify(without).ok()) << i;
    std::vector<std::string> twice = whole;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), whole[i]);
    EXPECT_FALSE(Verify(twice).ok()) << i;
  }
  std::vector<std::string> moved = whole;
  std::swap(moved[2], moved[3]);
  EXPECT_THAT(std::string(Verify(moved).message()), HasSubstr("the chain breaks at entry 3"));

  // What people read was changed, and what is chained was not.
  std::vector<std::string> told = whole;
  told[2] = absl::StrReplaceAll(told[2], {{"a.example", "b.example"}});
  EXPECT_THAT(std::string(Verify(told).message()), HasSubstr("not what its row says"));

  std::vector<std::string> row = whole;
  const size_t at = row[2].find("\"row\":\"") + 20;
  row[2][at] = row[2][at] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(Verify(row).ok());
  EXPECT_FALSE(Verify({"{}"}).ok());
  EXPECT_FALSE(Verify({"no JSON"}).ok());
  EXPECT_FALSE(Verify({}).ok());
}

TEST(HistoryExportTest, RowsOfAVersionWithoutHashesAreCounted) {
  queue::HistoryEntry entry;
  const std::string bytes = queue::EncodeHistoryEntry(entry);
  ChainVerifier verifier(queue::ChainStart());
  verifier.Add(queue::HistoryKey({.nanos = 1, .sequence = 1}), bytes);
  for (const auto& row : SomeRows(queue::ChainStart())) verifier.Add(row.key, row.value);
  EXPECT_TRUE(verifier.intact());
  EXPECT_EQ(verifier.entries(), 5u);
  EXPECT_EQ(verifier.unsealed(), 1u);
  // But not behind one with a hash: there it was taken off.
  verifier.Add(queue::HistoryKey({.nanos = 9'000'000'000, .sequence = 9}), bytes);
  EXPECT_FALSE(verifier.intact());
}

}  // namespace
}  // namespace sluice::admin
