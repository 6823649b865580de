// When what finds no room in a lane comes again: one behind the other, at the pace at which the
// lane sends, so that each finds room about when it comes, and a backlog of any length costs each
// of its messages one more look at the queue and no memory.
//
// A fixed delay would do neither: a million messages for one destination would all come again at
// once, all but a few for nothing, and the lane would stand idle in between.
//
// One core.
#ifndef SLUICE_ENGINE_RELAY_OVERFLOW_H_
#define SLUICE_ENGINE_RELAY_OVERFLOW_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "engine/base/clock.h"

namespace sluice::relay {

class Overflow {
 public:
  // No message waits longer for its next look than this (in a pause: behind its end), whatever the
  // pace seems to be.
  static constexpr absl::Duration kLongest = absl::Minutes(10);

  // `most_per_second`: what the lane's rate allows, where it has one.
  explicit Overflow(MonoTime now, std::optional<double> most_per_second = std::nullopt)
      : most_per_second_(most_per_second.value_or(kFastest)),
        per_second_(most_per_second_),
        measured_from_(now),
        next_(now) {}

  // So many have left the backlog.
  void Left(size_t messages = 1) { left_ += messages; }
  // When the next one that finds no room, with `backlog` before it, is to come.
  MonoTime NextRoom(MonoTime now, size_t backlog);
  // The same in a pause that lasts until `end`: it is no part of the pace.
  MonoTime NextRoomAfterPause(MonoTime end, size_t backlog);
  // The pause is over before it was to end, and so is the waiting of all that was to come after it.
  void PauseEnded(MonoTime now);

 private:
  void MeasurePace(MonoTime now);
  MonoTime Place(MonoTime from, size_t backlog);

  // Until there is something to go by, as fast as a lane can be: what comes too early is sent on.
  static constexpr double kFastest = 10'000;

  const double most_per_second_;
  double per_second_;
  uint64_t left_ = 0;  // since measured_from_
  MonoTime measured_from_;
  MonoTime next_;  // the last one that was given out
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_OVERFLOW_H_
