// A spool on a simulated disk: one seed, one order of all that is done to files.
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  LossyDisk::Operations operations;
  std::vector<std::string> lines;
  size_t messages = 0;  // in the end

  size_t Count(absl::string_view what, absl::string_view in_name) const {
    size_t count = 0;
    for (const std::string& line : lines) {
      if (absl::StartsWith(line, what) && absl::StrContains(line, in_name)) ++count;
    }
    return count;
  }
};

// Mail comes in, goes out and is put off; the disk fails in each of its ways, loses power, and is
// opened again.
Outcome RunScript(uint64_t seed) {
  SpoolWorld world(seed, SpoolWorld::Machine::kSimulated);
  world.disk().KeepOperations(true);
  Random& random = world.random();
  std::vector<Envelope> held;
  for (int step = 0; step < 300; ++step) {
    NewMessage message = world.Compose({"a.example"}, std::string(random.Below(400'000), 'x'));
    const Envelope envelope = message.envelopes[0];
    if (world.Accept(std::move(message)).ok()) held.push_back(envelope);
    while (held.size() > 20) {
      const size_t at = random.Below(held.size());
      const absl::StatusOr<Afterwards> done =
          random.Below(3) == 0 ? world.Defer(held[at], world.Now() + absl::Minutes(5))
                               : world.Deliver(held[at]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
      if (!done.ok()) break;
    }
    world.TakeDue(random.Below(10)).IgnoreError();
    if (random.Below(5) == 0) world.RunBackgroundJobs();
    if (step % 100 == 30) world.disk().SetFaultRates({.append = 0.01, .sync = 0.01, .read = 0.2});
    if (step % 100 == 40) world.disk().SetFaultRates({});
    if (step % 100 == 60) world.disk().SetCapacity(world.disk().used_bytes() + 1'000'000);
    if (step % 100 == 70) world.disk().SetCapacity(LossyDisk::kUnlimited);
    if (step % 100 == 99) {
      if (random.Below(2) == 0) world.disk().CutPowerAfter(random.Below(50));
      world.Accept(world.Compose({"b.example"}, std::string(100'000, 'y'))).IgnoreError();
      world.Crash();
      held.clear();
      EXPECT_TRUE(world.Open().ok());
    }
    world.clock().Advance(absl::Seconds(1));
  }
  world.disk().SetFaultRates({});
  world.RunBackgroundJobs();
  Outcome run;
  if (const absl::StatusOr<QueueTotals> totals = world.spool().Count(1); totals.ok()) {
    run.messages = totals->items;
  }
  world.Close();
  run.operations = world.disk().operations();
  run.lines = world.disk().kept_operations();
  return run;
}

// Where two runs part, for whoever has to find out why.
std::string FirstDifference(const Outcome& a, const Outcome& b) {
  for (size_t i = 0; i < std::min(a.lines.size(), b.lines.size()); ++i) {
    if (a.lines[i] != b.lines[i]) return absl::StrCat(i, ":\n", a.lines[i], "\n", b.lines[i]);
  }
  return "one has more";
}

TEST(SimulatedDiskTest, OneSeedIsOneRunAndAnotherIsAnother) {
  std::set<uint64_t> hashes;
  size_t operations = 0;
  size_t failed_reads = 0;
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    const Outcome first = RunScript(seed);
    if (seed == 1) {
      const Outcome second = RunScript(seed);
      EXPECT_EQ(first.operations.count, second.operations.count);
      ASSERT_EQ(first.operations.hash, second.operations.hash) << FirstDifference(first, second);
      EXPECT_EQ(first.messages, second.messages);
    }
    // Write buffers were flushed, files compacted, blob files collected.
    EXPECT_GT(first.Count("make", ".sst"), 20u);
    EXPECT_GT(first.Count("make", ".blob"), 10u);
    EXPECT_GT(first.Count("delete", ".sst"), 5u);
    EXPECT_GT(first.Count("delete", ".blob"), 2u);
    hashes.insert(first.operations.hash);
    operations += first.operations.count;
    failed_reads += first.Count("failed read", "");
  }
  EXPECT_EQ(hashes.size(), 2u);
  EXPECT_GT(operations, 5000u);
  EXPECT_GT(failed_reads, 0u);
}

// Where memory lies differs from one process to the next, and must not matter.
TEST(SimulatedDiskTest, OneSeedIsOneRunInAnyProcess) {
  const char* const variable = "SLUICE_SIMULATED_DISK_CHILD";
  const std::string line = absl::StrCat("hash ", RunScript(7).operations.hash, "\n");
  if (std::getenv(variable) != nullptr) {
    fputs(line.c_str(), stdout);
    return;
  }
  FILE* const child = popen(absl::StrCat(variable, "=1 /proc/", getpid(),
                                         "/exe --gtest_filter=*OneSeedIsOneRunInAnyProcess 2>&1")
                                .c_str(),
                            "r");
  ASSERT_NE(child, nullptr);
  std::string output;
  char chunk[4096];
  for (size_t n = 0; (n = fread(chunk, 1, sizeof(chunk), child)) > 0;) output.append(chunk, n);
  EXPECT_EQ(pclose(child), 0);
  EXPECT_THAT(output, HasSubstr(line));
}

TEST(SimulatedDiskTest, NothingRunsInTheBackgroundUnlessItIsLet) {
  SpoolWorld world(1, SpoolWorld::Machine::kSimulated);
  world.disk().KeepOperations(true);
  for (int i = 0; i < 60; ++i) {  // more than a write buffer holds, less than stalls a write
    ASSERT_TRUE(world.Accept(world.Compose({"a.example"}, std::string(100'000, 'x'))).ok());
  }
  const auto made = [&world] {
    size_t count = 0;
    for (const std::string& line : world.disk().kept_operations()) {
      if (absl::StartsWith(line, "make") && absl::StrContains(line, ".sst")) ++count;
    }
    return count;
  };
  EXPECT_EQ(made(), 0u);
  world.RunBackgroundJobs();
  EXPECT_GT(made(), 0u);
}

TEST(SimulatedDiskTest, AWriteThatWaitsForAFlushGoesOn) {
  SpoolWorld world(1, SpoolWorld::Machine::kSimulated);
  for (int i = 0; i < 300; ++i) {  // 30 MB with 16 MiB of memory: it cannot do without flushes
    ASSERT_TRUE(world.Accept(world.Compose({"a.example"}, std::string(100'000, 'x'))).ok());
  }
  EXPECT_EQ(world.spool().Count(1)->items, 300u);
}

TEST(SimulatedDiskTest, AFullDiskGoesOnWhenSpaceIsFreed) {
  SpoolWorld world(1, SpoolWorld::Machine::kSimulated);
  world.disk().SetCapacity(5'000'000);
  absl::Status accepted;
  size_t stored = 0;
  for (int i = 0; i < 100 && accepted.ok(); ++i) {
    accepted = world.Accept(world.Compose({"a.example"}, std::string(100'000, 'x')));
    if (accepted.ok()) ++stored;
    world.RunBackgroundJobs();
  }
  EXPECT_EQ(accepted.code(), absl::StatusCode::kResourceExhausted) << accepted;
  EXPECT_GT(stored, 10u);
  EXPECT_LE(world.disk().used_bytes(), 5'000'000u);
  world.clock().Advance(absl::Seconds(2));
  EXPECT_FALSE(world.Accept(world.Compose({"a.example"})).ok());
  EXPECT_EQ(world.spool().Count(1)->items, stored) << "it is still read";
  world.disk().SetCapacity(LossyDisk::kUnlimited);
  world.clock().Advance(absl::Seconds(2));
  EXPECT_TRUE(world.Accept(world.Compose({"a.example"})).ok());
  // What was refused may have been written all the same.
  EXPECT_GE(world.spool().Count(1)->items, stored + 1);
}

// A compaction that fails is put off by RocksDB, by sleeping: the simulated world goes on
// meanwhile.
TEST(SimulatedDiskTest, JobsThatFailAreTriedAgainByTheClock) {
  SpoolWorld world(1, SpoolWorld::Machine::kSimulated);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(world.Accept(world.Compose({"a.example"}, std::string(100'000, 'x'))).ok());
  }
  world.disk().SetFault(LossyDisk::Fault::kFull, 0, ".sst");
  world.RunBackgroundJobs();  // comes back
  world.disk().SetFault(LossyDisk::Fault::kNone);
  for (int second = 0; second < 5; ++second) {
    world.clock().Advance(absl::Seconds(1));
    world.RunBackgroundJobs();
    world.Accept(world.Compose({"b.example"})).IgnoreError();
  }
  EXPECT_TRUE(world.Accept(world.Compose({"c.example"})).ok());
  EXPECT_EQ(world.spool().List({.destination = "a.example", .limit = 1000})->items.size(), 100u);
}

TEST(SimulatedDiskTest, WhatTakesTimeIsSaidBeforeIt) {
  SpoolWorld world(1, SpoolWorld::Machine::kSimulated);
  size_t appended = 0;
  size_t syncs = 0;
  world.disk().SetStall([&](const LossyDisk::Operation& operation) {
    EXPECT_THAT(operation.file, HasSubstr(world.options.data_dir));
    if (operation.kind == LossyDisk::Operation::Kind::kAppend) appended += operation.bytes;
    if (operation.kind == LossyDisk::Operation::Kind::kSync) ++syncs;
    world.clock().Advance(absl::Milliseconds(3));
  });
  const absl::Time before = world.Now();
  ASSERT_TRUE(world.Accept(world.Compose({"a.example"}, std::string(10'000, 'x'))).ok());
  EXPECT_GT(appended, 10'000u);
  EXPECT_EQ(syncs, 1u);
  EXPECT_GE(world.Now() - before, absl::Milliseconds(6));
  world.disk().SetStall(nullptr);
}

}  // namespace
}  // namespace sluice::queue
