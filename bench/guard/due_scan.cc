#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/guard/figures.h"
#include "bench/guard/section.h"
#include "engine/base/check.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::guard {
namespace {

using queue::SpoolWorld;

constexpr int kWaiting = 4096;
constexpr size_t kAtOnce = 256;  // as relay::Scheduler asks
constexpr int kLooks = 8;

// Deferred over ten minutes, in no order.
void FillQueue(SpoolWorld& world) {
  for (int i = 0; i < kWaiting; ++i) {
    queue::NewMessage message = world.Compose({absl::StrCat("d", i % 100, ".example")});
    const queue::Envelope envelope = message.envelopes.front();
    SLUICE_CHECK(world.Accept(std::move(message)).ok());
    const absl::Time due = world.Now() + absl::Milliseconds(world.random().Below(600'000));
    SLUICE_CHECK(world.Defer(envelope, due).ok());
  }
}

}  // namespace

int DueScan() {
  SpoolWorld world(/*seed=*/1, SpoolWorld::Machine::kSimulated);
  FillQueue(world);
  // From the write buffers into files, where what waits for long lies.
  world.Close();
  SLUICE_CHECK(world.Open().ok());
  world.RunBackgroundJobs();
  world.clock().Advance(absl::Hours(1));
  SLUICE_CHECK(world.TakeDue(kAtOnce).ok());  // what is read once
  StartCounting();
  for (int i = 0; i < kLooks; ++i) {
    const auto taken = [&] {
      const Section section;
      return world.TakeDue(kAtOnce);
    }();
    SLUICE_CHECK(taken.ok() && taken->items.size() == kAtOnce);
  }
  return kLooks;
}

}  // namespace sluice::guard
