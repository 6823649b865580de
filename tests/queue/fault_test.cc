// A disk that fills up, breaks, or holds what cannot be right.
#include <rocksdb/db.h>

#include <optional>
#include <string>
#include <vector>

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

TEST_P(FaultTest, IsSeenInTheFigures) {
  ASSERT_TRUE(world_.Accept(world_.Compose({"a.example"})).ok());
  const CommitFigures before = world_.spool().Commits();
  EXPECT_EQ(before.synced.total(), 1u);
  EXPECT_EQ(before.failed, 0u);
  world_.disk().SetFault(GetParam(), 0);
  EXPECT_FALSE(world_.Accept(world_.Compose({"b.example"})).ok());
  EXPECT_FALSE(world_.Accept(world_.Compose({"c.example"})).ok());  // not tried any more
  const CommitFigures after = world_.spool().Commits();
  EXPECT_EQ(after.synced.total(), 1u);
  EXPECT_EQ(after.failed, 2u);
  EXPECT_EQ(after.requests, before.requests + 2);
  EXPECT_EQ(after.waiting_bytes, 0u);
  world_.disk().SetFault(LossyDisk::Fault::kNone);
}

TEST_P(FaultTest, ReadingGoesOnWhileTheDiskFails) {
  const NewMessage message = world_.Compose({"a.example"}, std::string(5000, 'x'));
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.disk().SetFault(GetParam(), 100);
  for (int second = 0; second < 10; ++second) {
    EXPECT_FALSE(world_.Accept(world_.Compose({"b.example"})).ok());
    const absl::StatusOr<QueuePage> page = world_.spool().List({});
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_THAT(page->items, SizeIs(1));
    EXPECT_EQ(world_.spool().Count(9)->items, 1u);
    const absl::StatusOr<io::Body> body = world_.LoadBody(message.envelopes[0]);
    ASSERT_TRUE(body.ok()) << body.status();
    EXPECT_EQ(body->size(), 5000u);
    world_.clock().Advance(absl::Seconds(1));
  }
}

// RocksDB is built with assertions in Debian: whoever touches a log that has failed once is ended.
TEST_P(FaultTest, ClosesWhileTheDiskFails) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  world_.disk().SetFault(GetParam(), 100, ".log");
  EXPECT_FALSE(world_.Accept(world_.Compose({"b.example"})).ok());
  std::optional<absl::Status> closed;
  world_.spool().Close([&](absl::Status status) { closed = std::move(status); });
  world_.store().RunAll();
  ASSERT_TRUE(closed.has_value());
  EXPECT_FALSE(closed->ok());
  world_.Close();
  world_.disk().SetFault(LossyDisk::Fault::kNone);
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_FALSE(world_.spool().Find(message.id)->empty());
}

TEST_P(FaultTest, ALogThatFailsAsItsDatabaseIsClosedFailsTheClose) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  ASSERT_TRUE(world_.Defer(message.envelopes[0], world_.Now() + absl::Hours(1)).ok());  // no sync
  world_.disk().SetFault(GetParam(), 0, ".log");
  std::optional<absl::Status> closed;
  world_.spool().Close([&](absl::Status status) { closed = std::move(status); });
  world_.store().RunAll();
  ASSERT_TRUE(closed.has_value());
  EXPECT_FALSE(closed->ok());  // the queue's time was to be kept
  // Once more: answered at once, and nothing is touched.
  closed.reset();
  world_.spool().Close([&](absl::Status status) { closed = std::move(status); });
  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(closed->code(), absl::StatusCode::kCancelled);
  world_.disk().SetFault(LossyDisk::Fault::kNone);
}

// What RocksDB does in the background: the log is whole, and yet nothing may be written on.
TEST_P(FaultTest, GoesOnAfterWhatFailedInTheBackground) {
  world_.disk().SetFault(GetParam(), 0, ".blob");
  absl::Status accepted;
  std::vector<NewMessage> stored;
  for (int i = 0; i < 200 && accepted.ok(); ++i) {
    stored.push_back(world_.Compose({"a.example"}, std::string(200'000, 'x')));
    accepted = world_.Accept(stored.back());
    world_.clock().Advance(absl::Milliseconds(10));
  }
  ASSERT_FALSE(accepted.ok()) << "nothing was flushed";
  stored.pop_back();
  EXPECT_THAT(world_.spool().List({.limit = 1000})->items, SizeIs(stored.size()));
  world_.disk().SetFault(LossyDisk::Fault::kNone);
  for (int second = 0; second < 5 && !accepted.ok(); ++second) {
    world_.clock().Advance(absl::Seconds(1));
    accepted = world_.Accept(world_.Compose({"b.example"}));
  }
  ASSERT_TRUE(accepted.ok()) << accepted;
  for (const NewMessage& message : stored) {
    EXPECT_EQ(world_.Deliver(message.envelopes[0]).value(), Afterwards::kGone);
  }
  EXPECT_EQ(world_.spool().Count(9)->items, 1u);
}

// A write that was reported as failed, and was on the disk all the same: after opening again it is
// counted, listed and handed out like any other.
TEST(ReopenedTest, WhatIsKeptInMemoryIsReadAnew) {
  SpoolWorld world;
  const NewMessage held = world.Compose({"held.example"});
  ASSERT_TRUE(world.Accept(held).ok());
  const NewMessage waiting = world.Compose({"waiting.example"});
  ASSERT_TRUE(world.Accept(waiting).ok());
  ASSERT_TRUE(world.Defer(waiting.envelopes[0], world.Now() + absl::Minutes(5)).ok());
  world.disk().SetFault(LossyDisk::Fault::kSyncFails, 0, ".log");
  const NewMessage failed = world.Compose({"failed.example"});
  ASSERT_FALSE(world.Accept(failed).ok());
  world.disk().SetFault(LossyDisk::Fault::kNone);
  world.clock().Advance(absl::Seconds(2));
  ASSERT_TRUE(world.TakeDue().ok());
  EXPECT_EQ(world.spool().Count(9)->items, 3u);
  EXPECT_EQ(world.spool().Count(9)->in_flight, 1u);
  EXPECT_THAT(world.TakeDue()->items, IsEmpty());
  world.clock().Advance(absl::Minutes(6));
  EXPECT_THAT(world.TakeDue()->items, SizeIs(2));
  EXPECT_EQ(world.Deliver(held.envelopes[0]).value(), Afterwards::kGone);
  EXPECT_EQ(world.Deliver(waiting.envelopes[0]).value(), Afterwards::kGone);
  EXPECT_EQ(world.Deliver(failed.envelopes[0]).value(), Afterwards::kGone);
  EXPECT_EQ(world.spool().Count(9)->items, 0u);
  EXPECT_TRUE(world.Empty());
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

TEST(StrangeContentTest, ANewerFormatIsRefusedAndSaysWhatToDo) {
  SpoolWorld world;
  world.PutRow("default", "format", "2");
  const absl::Status status = world.Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has format 2"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--data_dir"));
  world.PutRow("default", "format", "1");
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
  tables.emplace_back("yet_unknown", rocksdb::ColumnFamilyOptions());
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
  EXPECT_THAT(std::string(status.message()), HasSubstr("yet_unknown"));
}

TEST(StrangeContentTest, ADueRowWithoutAnItemIsErased) {
  SpoolWorld world;
  // 1970, message 1/1, "a": due for a long time.
  world.PutRow("due", std::string(15, '\0') + "\1" + std::string(3, '\0') + "\1a" + "", "");
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
  world.PutRow("due", leftover + "a.example", "");
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
  world.PutRow("envelope", item + "a.example", "\xff\xff");
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
