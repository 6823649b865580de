#include "engine/io/thread_slice.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <thread>

#include "gtest/gtest.h"

namespace sluice::io {
namespace {

// Of this thread, by linux/sched/types.h: the policy stands at octet 4, niceness at 16, the length
// of a slice at 24.
struct Scheduling {
  uint32_t policy = 0;
  int32_t nice = 0;
  uint64_t slice_nanos = 0;
};

Scheduling Read() {
  std::array<char, 56> attributes{};
  EXPECT_EQ(syscall(SYS_sched_getattr, 0, attributes.data(), attributes.size(), 0), 0);
  Scheduling read;
  std::memcpy(&read.policy, &attributes[4], sizeof(read.policy));
  std::memcpy(&read.nice, &attributes[16], sizeof(read.nice));
  std::memcpy(&read.slice_nanos, &attributes[24], sizeof(read.slice_nanos));
  return read;
}

TEST(ThreadSliceTest, IsShortAndNothingElseChanges) {
  Scheduling before;
  Scheduling after;
  std::thread thread([&] {
    before = Read();
    AskForShortSlices();
    after = Read();
  });
  thread.join();
  EXPECT_EQ(after.policy, before.policy);
  EXPECT_EQ(after.nice, before.nice);
  if (before.slice_nanos == 0) GTEST_SKIP() << "this kernel has no slices of one's own choice";
  EXPECT_EQ(after.slice_nanos, 100'000u);
}

}  // namespace
}  // namespace sluice::io
