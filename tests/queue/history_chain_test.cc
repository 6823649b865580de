// The chain of hashes through the history: it holds over restarts, failures and trimming, and breaks
// where somebody has been at it.
#include "queue/history_chain.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "queue/key_codec.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::SizeIs;

TEST(Sha256Test, AsInItsStandard) {
  // FIPS 180-4, example of one block.
  EXPECT_EQ(absl::BytesToHexString(Sha256({"a", "", "bc"})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(HistoryChainTest, ARowIsOpenedAsItWasSealed) {
  const std::string chain = NextChain(ChainStart(), "key", "entry");
  const std::string row = SealRow("entry", chain);
  EXPECT_EQ(OpenRow(row).entry, "entry");
  EXPECT_EQ(OpenRow(row).chain, chain);
  EXPECT_EQ(ChainBehind(row), chain);
  EXPECT_TRUE(Holds(ChainStart(), "key", row));
  EXPECT_FALSE(Holds(ChainStart(), "kez", row));
  EXPECT_FALSE(Holds(chain, "key", row));
  EXPECT_FALSE(Holds(ChainStart(), "key", SealRow("entrz", chain)));
  for (const absl::string_view without : {"", "entry", "a row that has no seal but is quite long, so"}) {
    EXPECT_EQ(OpenRow(without).entry, without);
    EXPECT_EQ(OpenRow(without).chain, "");
    EXPECT_EQ(ChainBehind(without), ChainStart());
    EXPECT_FALSE(Holds(ChainStart(), "key", without));
  }
}

class StoredChainTest : public ::testing::Test {
 protected:
  void Append(int number) {
    HistoryEntry entry;
    entry.detail = absl::StrCat(number);
    world_.spool().AppendHistory(std::move(entry), [](const absl::Status&) {});
    world_.store().RunAll();
    world_.clock().Advance(absl::Minutes(1));
  }
  HistoryRows Rows() { return world_.spool().ReadHistoryRows({.limit = 100'000}).value(); }
  // How many rows do not hang on the one in front of them.
  int Breaks() {
    const HistoryRows rows = Rows();
    std::string chain = rows.previous;
    int breaks = 0;
    for (const HistoryRows::Row& row : rows.rows) {
      breaks += static_cast<int>(!Holds(chain, row.key, row.value));
      chain = ChainBehind(row.value);
    }
    return breaks;
  }

  SpoolWorld world_;
};

TEST_F(StoredChainTest, HoldsOverRestartsAndTrimming) {
  for (int i = 0; i < 5; ++i) Append(i);
  world_.Close();
  ASSERT_TRUE(world_.Open().ok());
  for (int i = 5; i < 10; ++i) Append(i);
  EXPECT_THAT(Rows().rows, SizeIs(10));
  EXPECT_EQ(Rows().previous, ChainStart());
  EXPECT_EQ(Breaks(), 0);

  world_.spool().TrimHistory(world_.Now() - absl::Minutes(3) - absl::Seconds(30), UINT64_MAX,
                             [](const absl::Status& s) { EXPECT_TRUE(s.ok()) << s; });
  world_.store().RunAll();
  EXPECT_THAT(Rows().rows, SizeIs(3));
  EXPECT_NE(Rows().previous, ChainStart());
  EXPECT_EQ(Breaks(), 0);

  // All of it, and a restart.
  world_.spool().TrimHistory(world_.Now(), UINT64_MAX, [](const absl::Status&) {});
  world_.store().RunAll();
  EXPECT_THAT(Rows().rows, SizeIs(0));
  const std::string behind = Rows().previous;
  world_.Close();
  ASSERT_TRUE(world_.Open().ok());
  Append(10);
  EXPECT_EQ(Rows().previous, behind);
  EXPECT_EQ(Breaks(), 0);
}

TEST_F(StoredChainTest, HoldsWhereABatchIsNotWritten) {
  Append(0);
  // Its entry was added, and its message is not in flight the second time: nothing is written.
  const NewMessage message = world_.Compose({"a.example", "b.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  ASSERT_TRUE(world_.Defer(message.envelopes[0], world_.Now() + absl::Hours(1)).ok());
  const Selection both = {.message_id = message.id, .destination = ""};
  EXPECT_FALSE(world_.Remove(both, {.by = "root", .why = ""}).ok());
  Append(1);
  EXPECT_EQ(Breaks(), 0);
  EXPECT_EQ(world_.spool().QueryHistory({})->entries.at(0).sequence, 2u);
}

TEST_F(StoredChainTest, BreaksWhereSomebodyHasBeenAtIt) {
  for (int i = 0; i < 5; ++i) Append(i);
  const HistoryRows rows = Rows();
  std::string changed = rows.rows[2].value;
  changed[0] ^= 1;
  world_.PutRow("history", rows.rows[2].key, changed);
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(Breaks(), 1);
  world_.PutRow("history", rows.rows[2].key, std::nullopt);  // taken out
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(Breaks(), 1);
  world_.PutRow("history", rows.rows[2].key, rows.rows[2].value);
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(Breaks(), 0);
  world_.PutRow("history", rows.rows[0].key, std::nullopt);  // at the front
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_EQ(Breaks(), 1);
}

}  // namespace
}  // namespace sluice::queue
