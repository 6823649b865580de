#include "queue/batch.h"

#include <rocksdb/write_batch.h>

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/queue/database_fixture.h"

namespace sluice::queue {
namespace {

using BatchTest = DatabaseTest;

TEST_F(BatchTest, ItsMemoryServesTheNextAndNothingOfIt) {
  Batch first(Read());
  first.Put(Table::kBody, "first", std::string(100'000, 'x'));
  std::unique_ptr<rocksdb::WriteBatch> memory = first.TakeMemory();
  ASSERT_NE(memory, nullptr);
  const size_t capacity = memory->Data().capacity();
  EXPECT_GT(capacity, 100'000u);

  Batch second(Read(), std::move(memory));
  EXPECT_TRUE(second.empty());
  second.Put(Table::kBody, "second", "y");
  EXPECT_EQ(second.writes().Data().capacity(), capacity);
  ASSERT_TRUE(database_->Write(second.writes(), true).ok());
  EXPECT_EQ(Read()->Get(Table::kBody, "second").value(), "y");
  EXPECT_EQ(Read()->Get(Table::kBody, "first").value(), std::nullopt);
}

TEST_F(BatchTest, TheMemoryOfAVeryLargeOneIsGivenBack) {
  Batch batch(Read());
  batch.Put(Table::kBody, "large", std::string(5'000'000, 'x'));
  EXPECT_EQ(batch.TakeMemory(), nullptr);
}

}  // namespace
}  // namespace sluice::queue
