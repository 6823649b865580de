// A disk that fills up, breaks, or holds what cannot be right.
#include <rocksdb/db.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FaultTest : public ::testing::TestWithParam<LossyDisk::Fault> {
 protected:
  SpoolWorld world_;
};
INSTANTIATE_TEST_SUITE_P(Faults, FaultTest,
                         ::testing::Values(LossyDisk::Fault::kFull, LossyDisk::Fault::kBroken,
                                           LossyDisk::Fault::kSyncFails));

TEST_P(FaultTest, GoesOnByItselfWhenTheDiskDoes) {
  const NewMessage before = world_.Compose({"before.example"});
  ASSERT_TRUE(world_.Accept(before).ok());
  world_.disk().SetFault(GetParam(), 100);
  const absl::Status refused = world_.Accept(world_.Compose({"refused.example"}));
  EXPECT_EQ(refused.code(), GetParam() == LossyDisk::Fault::kFull
                                ? absl::StatusCode::kResourceExhausted
                                : absl::StatusCode::kUnavailable)
      << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the queue in /var/lib/sluice"));

  // It stays refused, what is in flight stays in flight, and nothing is handed out to be sent.
  for (int second = 0; second < 5; ++second) {
    world_.clock().Advance(absl::Seconds(1));
    EXPECT_FALSE(world_.Accept(world_.Compose({"refused.example"})).ok());
    EXPECT_FALSE(world_.Deliver(before.envelopes[0]).ok());
    EXPECT_FALSE(world_.TakeDue().ok());
  }

  world_.disk().SetFault(LossyDisk::Fault::kNone);
  world_.clock().Advance(absl::Seconds(1));
  const NewMessage after = world_.Compose({"after.example"});
  absl::Status accepted = world_.Accept(after);
  for (int second = 0; second < 3 && !accepted.ok(); ++second) {
    world_.clock().Advance(absl::Seconds(1));
    accepted = world_.Accept(after);
  }
  ASSERT_TRUE(accepted.ok()) << accepted;
  EXPECT_EQ(world_.Deliver(before.envelopes[0]).value(), Afterwards::kGone);

  world_.Crash();
  ASSERT_TRUE(world_.Open().ok());
  QueuePage page = world_.spool().List({.destination = "after.example"}).value();
  EXPECT_THAT(page.items, SizeIs(1));
}

TEST_P(FaultTest, AReaderHoldsUpReopeningAndNothingElse) {
  ASSERT_TRUE(world_.Accept(world_.Compose({"a.example"})).ok());
  world_.disk().SetFault(GetParam(), 0);
  EXPECT_FALSE(world_.Accept(world_.Compose({"b.example"})).ok());
  world_.disk().SetFault(LossyDisk::Fault::kNone);
  for (int second = 0; second < 3; ++second) {
    world_.clock().Advance(absl::Seconds(1));
    world_.Accept(world_.Compose({"c.example"})).IgnoreError();
  }
  EXPECT_TRUE(world_.spool().List({}).ok());
  EXPECT_TRUE(world_.Accept(world_.Compose({"d.example"})).ok());
}

TEST_P(FaultTest, AFailedFinishCanBeRepeated) {
  const NewMessage message = world_.Compose({"a.example", "b.example"}, std::string(5000, 'x'));
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.disk().SetFault(GetParam(), 10);
  EXPECT_FALSE(world_.Defer(message.envelopes[0], world_.Now() + absl::Minutes(5)).ok() &&
               world_.Accept(world_.Compose({"c.example"})).ok());
  EXPECT_FALSE(world_.Deliver(message.envelopes[1]).ok());
  world_.disk().SetFault(LossyDisk::Fault::kNone);
  absl::StatusOr<Afterwards> finished = absl::UnknownError("");
  for (int second = 0; second < 5 && !finished.ok(); ++second) {
    world_.clock().Advance(absl::Seconds(1));
    finished = world_.Deliver(message.envelopes[1]);
    // A first call that was written after all.
    if (absl::IsFailedPrecondition(finished.status())) finished = Afterwards::kGone;
  }
  ASSERT_TRUE(finished.ok()) << finished.status();
  EXPECT_THAT(*world_.spool().Find(message.id), SizeIs(1));
  EXPECT_EQ(world_.spool().Count(9)->items, world_.spool().List({})->items.size());
}

// Writes a row with RocksDB alone, while the spool is closed.
void PutRow(SpoolWorld& world, const char* table, const std::string& key,
            const std::string& value) {
  world.Close();
  rocksdb::DBOptions options;
  options.env = world.disk().env();
  std::vector<std::string> names;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, world.options.data_dir, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> tables;
  for (const std::string& name : names) tables.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, world.options.data_dir, tables, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    if (handle->GetName() == table) {
      ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), handle, key, value).ok());
    }
    ASSERT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
  }
}

TEST(StrangeContentTest, ANewerFormatIsRefusedAndSaysWhatToDo) {
  SpoolWorld world;
  PutRow(world, "default", "format", "2");
  const absl::Status status = world.Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has format 2"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--data_dir"));
  PutRow(world, "default", "format", "1");
  EXPECT_TRUE(world.Open().ok());
}

TEST(StrangeContentTest, TablesOfANewerVersionAreRefused) {
  SpoolWorld world;
  world.Close();
  rocksdb::Options options;
  options.env = world.disk().env();
  std::vector<std::string> names;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, world.options.data_dir, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> tables;
  for (const std::string& name : names) tables.emplace_back(name, rocksdb::ColumnFamilyOptions());
  tables.emplace_back("parked", rocksdb::ColumnFamilyOptions());
  options.create_missing_column_families = true;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, world.options.data_dir, tables, &handles, &opened).ok());
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    ASSERT_TRUE(opened->DestroyColumnFamilyHandle(handle).ok());
  }
  delete opened;
  const absl::Status status = world.Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("parked"));
}

TEST(StrangeContentTest, ADueRowWithoutAnItemIsErased) {
  SpoolWorld world;
  // 1970, message 1/1, "a": due for a long time.
  PutRow(world, "due", std::string(15, '\0') + "\1" + std::string(3, '\0') + "\1a" + "", "");
  ASSERT_TRUE(world.Open().ok());
  const NewMessage message = world.Compose({"a.example"});
  ASSERT_TRUE(world.Accept(message).ok());
  ASSERT_TRUE(world.Defer(message.envelopes[0], world.Now() + absl::Hours(1)).ok());
  EXPECT_THAT(world.TakeDue()->items, IsEmpty());
  world.store().RunAll();
  EXPECT_EQ(world.CountRows()["due"], 1u);
}

TEST(StrangeContentTest, ADueRowOfAnotherTimeIsErasedAndTheRightOneFound) {
  SpoolWorld world;
  const NewMessage message = world.Compose({"a.example"});
  ASSERT_TRUE(world.Accept(message).ok());
  std::string leftover(7, '\0');
  leftover += "\1";
  for (int shift = 56; shift >= 0; shift -= 8) {
    leftover.push_back(static_cast<char>(message.id.nanos() >> shift & 0xff));
  }
  for (int shift = 24; shift >= 0; shift -= 8) {
    leftover.push_back(static_cast<char>(message.id.tail() >> shift & 0xff));
  }
  PutRow(world, "due", leftover + "a.example", "");
  ASSERT_TRUE(world.Open().ok());
  world.clock().Advance(absl::Seconds(61));
  // The leftover comes first; the right row is found in the same scan or the next one.
  size_t taken = world.TakeDue()->items.size();
  world.store().RunAll();
  taken += world.TakeDue()->items.size();
  EXPECT_EQ(taken, 1u);
  world.store().RunAll();
  EXPECT_EQ(world.CountRows()["due"], 1u);
}

TEST(StrangeContentTest, ADamagedEnvelopeHidesNoOther) {
  SpoolWorld world;
  const NewMessage damaged = world.Compose({"a.example"});
  const NewMessage whole = world.Compose({"b.example"});
  ASSERT_TRUE(world.Accept(damaged).ok());
  ASSERT_TRUE(world.Accept(whole).ok());
  std::string item;
  for (int shift = 56; shift >= 0; shift -= 8) {
    item.push_back(static_cast<char>(damaged.id.nanos() >> shift & 0xff));
  }
  for (int shift = 24; shift >= 0; shift -= 8) {
    item.push_back(static_cast<char>(damaged.id.tail() >> shift & 0xff));
  }
  PutRow(world, "envelope", item + "a.example", "\xff\xff");
  ASSERT_TRUE(world.Open().ok());
  world.clock().Advance(absl::Seconds(60));
  const TakenWork work = world.TakeDue().value();
  ASSERT_THAT(work.items, SizeIs(1));
  EXPECT_EQ(work.items[0].id, whole.id);
  EXPECT_THAT(world.spool().List({})->items, SizeIs(1));
}

TEST(StrangeContentTest, DamagedFilesAreReportedNotServed) {
  SpoolWorld world;
  ASSERT_TRUE(world.Accept(world.Compose({"a.example"}, std::string(100'000, 'x'))).ok());
  world.Close();
  ASSERT_TRUE(world.Open().ok());  // replays the log into files
  world.Close();
  ASSERT_GT(world.disk().Damage(".blob"), 0);
  ASSERT_TRUE(world.Open().ok());
  world.clock().Advance(absl::Seconds(60));
  const TakenWork work = world.TakeDue().value();
  ASSERT_THAT(work.items, SizeIs(1));
  EXPECT_EQ(world.LoadBody(work.items[0]).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace sluice::queue
