#include "engine/relay/overflow.h"

#include <algorithm>

namespace sluice::relay {
namespace {

constexpr absl::Duration kMeasureFor = absl::Milliseconds(200);
// The pace is taken for a little higher than it was: one that comes too early is sent on again,
// while a lane that has run empty loses time.
constexpr double kHope = 1.25;
constexpr double kSlowest = 1;  // per second

}  // namespace

// Half of it is what was measured before: a lane that pauses for a moment has not lost its pace.
void Overflow::MeasurePace(MonoTime now) {
  const absl::Duration elapsed = now - measured_from_;
  if (elapsed < kMeasureFor) return;
  const double measured = static_cast<double>(left_) / absl::ToDoubleSeconds(elapsed);
  per_second_ = std::min(most_per_second_, std::max(kSlowest, (per_second_ + measured) / 2));
  left_ = 0;
  measured_from_ = now;
}

MonoTime Overflow::NextRoom(MonoTime now, size_t backlog) {
  MeasurePace(now);
  const absl::Duration each = absl::Seconds(1 / (per_second_ * kHope));
  // The first comes when half of the backlog is gone.
  const MonoTime first = now + each * (static_cast<double>(backlog) / 2);
  next_ = std::max(first, next_ + each);
  next_ = std::min(next_, now + kLongest);
  return next_;
}

}  // namespace sluice::relay
