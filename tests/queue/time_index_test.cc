#include "queue/time_index.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "queue/key_codec.h"
#include "tests/queue/database_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kLookAhead = absl::Seconds(30);

class TimeIndexTest : public DatabaseTest {
 protected:
  static std::string Item(int number) { return ItemKey(MessageId::Of(number, 0), "a.example"); }

  void Put(absl::Duration after, int number) {
    Batch batch(Read());
    batch.Put(Table::kDue, TimeKey(start_ + after, Item(number)), "");
    ASSERT_TRUE(database_->Write(batch.writes(), false).ok());
  }
  void Erase(absl::Duration after, int number) {
    Batch batch(Read());
    batch.EraseOnce(Table::kDue, TimeKey(start_ + after, Item(number)));
    ASSERT_TRUE(database_->Write(batch.writes(), false).ok());
  }

  // Numbers of the items that are found.
  std::vector<int64_t> Scan(absl::Duration after, size_t limit = 100) {
    const TimeIndex::Front front =
        index_.Scan(Read(), start_ + after, limit, in_flight_).value();
    next_ = front.next - start_;
    std::vector<int64_t> numbers;
    for (const TimeIndex::Found& found : front.items) {
      numbers.push_back(ParseItemKey(found.item)->id.nanos());
    }
    return numbers;
  }
  void TakeUp(int number) { EXPECT_TRUE(in_flight_.Add(Item(number), {})); }

  const absl::Time start_ = absl::FromUnixSeconds(1'700'000'000);
  InFlight in_flight_;
  TimeIndex index_{Table::kDue, kLookAhead};
  absl::Duration next_;
};

TEST_F(TimeIndexTest, FindsWhatIsDueInItsOrderAndSaysWhatIsNext) {
  Put(absl::Seconds(3), 3);
  Put(absl::Seconds(1), 1);
  Put(absl::Seconds(20), 20);
  EXPECT_THAT(Scan(absl::ZeroDuration()), IsEmpty());
  EXPECT_EQ(next_, absl::Seconds(1));
  EXPECT_THAT(Scan(absl::Seconds(3)), ElementsAre(1, 3));
  EXPECT_EQ(next_, absl::Seconds(20));
}

TEST_F(TimeIndexTest, LimitLeavesTheRestForTheNextScan) {
  for (int i = 1; i <= 5; ++i) Put(absl::Seconds(i), i);
  EXPECT_THAT(Scan(absl::Seconds(10), 2), ElementsAre(1, 2));
  EXPECT_EQ(next_, absl::Seconds(3));
  TakeUp(1);
  TakeUp(2);
  EXPECT_THAT(Scan(absl::Seconds(10), 2), ElementsAre(3, 4));
}

TEST_F(TimeIndexTest, InFlightIsPassedOver) {
  Put(absl::Seconds(1), 1);
  Put(absl::Seconds(2), 2);
  TakeUp(1);
  EXPECT_THAT(Scan(absl::Seconds(5)), ElementsAre(2));
}

TEST_F(TimeIndexTest, NothingNearMeansLookAgainAfterAWhile) {
  Put(absl::Hours(3), 1);
  EXPECT_THAT(Scan(absl::ZeroDuration()), IsEmpty());
  EXPECT_EQ(next_, kLookAhead);
}

TEST_F(TimeIndexTest, WhatIsPutBehindTheCursorIsFoundOnceItIsLowered) {
  EXPECT_THAT(Scan(absl::Seconds(10)), IsEmpty());  // the cursor is at 40 s now
  Put(absl::Seconds(12), 1);
  EXPECT_THAT(Scan(absl::Seconds(13)), IsEmpty());  // that is the rule
  index_.Lower(start_ + absl::Seconds(12), Item(1));
  EXPECT_THAT(Scan(absl::Seconds(13)), ElementsAre(1));
}

TEST_F(TimeIndexTest, LowerNeverRaises) {
  Put(absl::Seconds(1), 1);
  index_.Lower(start_ + absl::Hours(1), Item(2));
  EXPECT_THAT(Scan(absl::Seconds(2)), ElementsAre(1));
}

TEST_F(TimeIndexTest, ErasedRowsAreNotFound) {
  for (int i = 0; i < 100; ++i) Put(absl::Seconds(1), i);
  for (int i = 0; i < 99; ++i) Erase(absl::Seconds(1), i);
  EXPECT_THAT(Scan(absl::Seconds(1)), ElementsAre(99));
}

TEST_F(TimeIndexTest, AClockThatIsSetBackFindsNothingNewAndLosesNothing) {
  Put(absl::Seconds(5), 1);
  EXPECT_THAT(Scan(absl::ZeroDuration()), IsEmpty());
  EXPECT_THAT(Scan(-absl::Hours(1)), IsEmpty());
  EXPECT_EQ(next_, -absl::Hours(1) + kLookAhead);
  EXPECT_THAT(Scan(absl::Seconds(5)), ElementsAre(1));
}

TEST_F(TimeIndexTest, AClockThatWasFarAheadHidesNothing) {
  Put(absl::Hours(1), 1);
  Put(absl::Hours(48), 2);
  Put(absl::Hours(96), 4);
  EXPECT_THAT(Scan(absl::Hours(72)), ElementsAre(1, 2));
  TakeUp(1);
  TakeUp(2);
  EXPECT_THAT(Scan(absl::Hours(72)), IsEmpty());
  // It is set right; what was taken up is given back, and something new comes.
  EXPECT_THAT(Scan(absl::ZeroDuration()), IsEmpty());
  EXPECT_EQ(next_, kLookAhead);
  in_flight_.Remove(Item(1));
  index_.Lower(start_ + absl::Hours(1), Item(1));
  Put(absl::Minutes(10), 3);
  index_.Lower(start_ + absl::Minutes(10), Item(3));
  EXPECT_THAT(Scan(absl::Minutes(9)), IsEmpty());
  EXPECT_THAT(Scan(absl::Minutes(10)), ElementsAre(3));
  TakeUp(3);
  EXPECT_THAT(Scan(absl::Hours(1)), ElementsAre(1));
  TakeUp(1);
  EXPECT_THAT(Scan(absl::Hours(96)), ElementsAre(4));
}

TEST_F(TimeIndexTest, TheEndsOfTimeAreTimesToo) {
  Put(absl::Hours(1), 1);
  EXPECT_THAT(Scan(-absl::InfiniteDuration()), IsEmpty());
  EXPECT_THAT(Scan(absl::InfiniteDuration()), ElementsAre(1));
  EXPECT_THAT(Scan(absl::ZeroDuration()), IsEmpty());
  TakeUp(1);
  EXPECT_THAT(Scan(absl::InfiniteDuration()), IsEmpty());
  in_flight_.Remove(Item(1));
  index_.Lower(start_ + absl::Hours(1), Item(1));
  EXPECT_THAT(Scan(absl::Hours(1)), ElementsAre(1));
}

}  // namespace
}  // namespace sluice::queue
