#include "queue/log_disk.h"

#include <rocksdb/env.h>

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/queue/lossy_disk.h"

namespace sluice::queue {
namespace {

class LogDiskTest : public ::testing::Test {
 protected:
  rocksdb::Status Begin(const std::string& name, std::unique_ptr<rocksdb::WritableFile>& file) {
    return env_->NewWritableFile("/" + name, &file, rocksdb::EnvOptions());
  }

  LossyDisk disk_{1};
  std::unique_ptr<rocksdb::Env> env_ =
      rocksdb::NewCompositeEnv(SyncLogsInOrder(disk_.env()->GetFileSystem()));
  std::unique_ptr<rocksdb::WritableFile> first_;
  std::unique_ptr<rocksdb::WritableFile> second_;
};

TEST_F(LogDiskTest, ALogIsSyncedBeforeTheNextIsBegun) {
  ASSERT_TRUE(Begin("000001.log", first_).ok());
  ASSERT_TRUE(first_->Append("unsynced").ok());
  ASSERT_EQ(disk_.syncs(), 0u);
  ASSERT_TRUE(Begin("000002.log", second_).ok());
  EXPECT_EQ(disk_.syncs(), 1u);
}

TEST_F(LogDiskTest, ALogThatCannotBeSyncedHasNoneBehindIt) {
  ASSERT_TRUE(Begin("000001.log", first_).ok());
  ASSERT_TRUE(first_->Append("unsynced").ok());
  disk_.SetFault(LossyDisk::Fault::kSyncFails);
  EXPECT_FALSE(Begin("000002.log", second_).ok());
  EXPECT_TRUE(env_->FileExists("/000002.log").IsNotFound());
}

TEST_F(LogDiskTest, ALogWithOneBehindItNeverFails) {
  ASSERT_TRUE(Begin("000001.log", first_).ok());
  ASSERT_TRUE(first_->Append("unsynced").ok());
  ASSERT_TRUE(Begin("000002.log", second_).ok());
  ASSERT_TRUE(second_->Append("unsynced").ok());
  disk_.SetFault(LossyDisk::Fault::kSyncFails);
  EXPECT_TRUE(first_->Sync().ok());
  EXPECT_FALSE(second_->Sync().ok());
  EXPECT_FALSE(second_->Sync().ok()) << "what was not synced is not taken for synced";
}

TEST_F(LogDiskTest, ALogThatIsClosedHoldsUpNoOther) {
  ASSERT_TRUE(Begin("000001.log", first_).ok());
  ASSERT_TRUE(first_->Append("unsynced").ok());
  first_.reset();
  disk_.SetFault(LossyDisk::Fault::kSyncFails);
  EXPECT_TRUE(Begin("000002.log", second_).ok());
}

TEST_F(LogDiskTest, OtherFilesAreLeftAlone) {
  ASSERT_TRUE(Begin("000001.sst", first_).ok());
  ASSERT_TRUE(first_->Append("unsynced").ok());
  ASSERT_TRUE(Begin("000002.log", second_).ok());
  EXPECT_EQ(disk_.syncs(), 0u);
  disk_.SetFault(LossyDisk::Fault::kSyncFails);
  EXPECT_FALSE(first_->Sync().ok());
}

}  // namespace
}  // namespace sluice::queue
