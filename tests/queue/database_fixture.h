// What tests of what stands on a database begin with: an empty one, on a disk in memory.
#ifndef SLUICE_TESTS_QUEUE_DATABASE_FIXTURE_H_
#define SLUICE_TESTS_QUEUE_DATABASE_FIXTURE_H_

#include <memory>

#include "engine/base/clock.h"
#include "gtest/gtest.h"
#include "queue/batch.h"
#include "queue/database.h"
#include "tests/queue/lossy_disk.h"

namespace sluice::queue {

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest()
      : database_(Database::Open({.directory = "/queue",
                                  .env = disk_.env(),
                                  .clock = &clock_,
                                  .memory_bytes = 16 << 20})
                      .value()) {}

  std::shared_ptr<const Tables> Read() { return database_->Read().value(); }

  LossyDisk disk_{1};
  ManualClock clock_;
  std::unique_ptr<Database> database_;
};

}  // namespace sluice::queue

#endif  // SLUICE_TESTS_QUEUE_DATABASE_FIXTURE_H_
