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
  const double before = per_second_;
  per_second_ = std::min(most_per_second_, std::max(kSlowest, (before + measured) / 2));
  // As many as were to come until `next_` go in a shorter time now: what comes behind them need not
  // wait for the end of the longer one, at which the lane would stand idle.
  if (per_second_ > before && next_ > now) next_ = now + (next_ - now) * (before / per_second_);
  left_ = 0;
  measured_from_ = now;
}

MonoTime Overflow::NextRoom(MonoTime now, size_t backlog) {
  MeasurePace(now);
  return Place(now, backlog);
}

MonoTime Overflow::NextRoomAfterPause(MonoTime end, size_t backlog) {
  left_ = 0;
  measured_from_ = end;
  return Place(end, backlog);
}

void Overflow::PauseEnded(MonoTime now) {
  left_ = 0;
  measured_from_ = now;
  next_ = now;
}

MonoTime Overflow::Place(MonoTime from, size_t backlog) {
  const absl::Duration each = absl::Seconds(1 / (per_second_ * kHope));
  // The first comes when half of the backlog is gone.
  const MonoTime first = from + each * (static_cast<double>(backlog) / 2);
  next_ = std::max(first, next_ + each);
  next_ = std::min(next_, from + kLongest);
  return next_;
}

}  // namespace sluice::relay
