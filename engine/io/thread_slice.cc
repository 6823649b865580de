#include "engine/io/thread_slice.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace sluice::io {
namespace {

constexpr uint64_t kSliceNanos = 100'000;  // the least that the kernel takes

// linux/sched/types.h, of which glibc 2.36 has nothing.
struct SchedulingAttributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime_nanos;
  uint64_t deadline_nanos;
  uint64_t period_nanos;
};

}  // namespace

void AskForShortSlices() {
  SchedulingAttributes attributes{};
  // Policy and niceness stay what they are. Of a real-time policy this would be no wish but a rule.
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0) return;
  if (attributes.policy != 0 /* SCHED_OTHER */) return;
  attributes.runtime_nanos = kSliceNanos;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace sluice::io
