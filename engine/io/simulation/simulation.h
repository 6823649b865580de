// A world on one thread: a virtual clock, and everything that happens in it, one step at a time, in
// an order drawn from a seed. The same seed gives the same run, to the byte.
//
//   Simulation world(seed);
//   SimulatedNetwork network(world);
//   SimulatedProcess gateway(world, network, "gateway");
//   gateway.Start([&] { … blocking code, as main() would have it … });
//   while (!done && world.Step()) {
//   }
//
// Whatever could run by itself in the real world (a core, a thread, a packet under way) is an actor.
// At each step one of those that can run now is drawn and runs until it would wait; so threads meet
// in every order in which the real ones could. When none can run, time moves to the next moment at
// which one can.
//
// One thread: nothing here has a lock.
#ifndef SLUICE_ENGINE_IO_SIMULATION_SIMULATION_H_
#define SLUICE_ENGINE_IO_SIMULATION_SIMULATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/base/random.h"

namespace sluice::io {

class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(absl::Time start) : start_(start) {}
  absl::Time WallNow() const override { return start_ + absl::Nanoseconds(elapsed_ns_) + step_; }
  MonoTime MonoNow() const override { return MonoTime::FromNanos(elapsed_ns_); }

  absl::Duration elapsed() const { return absl::Nanoseconds(elapsed_ns_); }
  // Somebody sets the wall clock; monotonic time goes on as it did.
  void StepWall(absl::Duration by) { step_ += by; }
  // How far the wall clock is off.
  absl::Duration wall_error() const { return step_; }

 private:
  friend class Simulation;
  const absl::Time start_;
  int64_t elapsed_ns_ = 0;
  absl::Duration step_;
};

class Simulation {
 public:
  // Something that runs by itself.
  class Actor {
   public:
    // Whether it has something to do now.
    virtual bool Runnable(MonoTime now) = 0;
    // When it will have, if nothing else happens; a lower bound. Never(): only others can wake it.
    virtual MonoTime WakesAt() = 0;
    virtual void Run() = 0;

   protected:
    ~Actor() = default;
  };

  explicit Simulation(uint64_t seed);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  SimulatedClock& clock() { return clock_; }
  const SimulatedClock& clock() const { return clock_; }
  MonoTime Now() const { return clock_.MonoNow(); }
  Random& random() { return random_; }
  // Uniform in [least, most], to the microsecond.
  absl::Duration Between(absl::Duration least, absl::Duration most);
  // True once in so many times.
  bool OneIn(uint64_t times) { return random_.Below(times) == 0; }

  // Outlives its membership.
  void Add(Actor& actor) { actors_.push_back(&actor); }
  void Remove(Actor& actor);

  using Event = absl::AnyInvocable<void() &&>;
  // Events of one moment happen in the order in which they were asked for.
  void At(MonoTime when, Event event);
  void After(absl::Duration wait, Event event) { At(Now() + wait, std::move(event)); }

  // False: nothing will ever happen again.
  bool Step();
  uint64_t steps() const { return steps_; }

  // Called in front of each step of an actor, and with null behind it: for a measurement of some of
  // them (bench/guard).
  using Watcher = std::function<void(Actor* running)>;
  void set_watcher(Watcher watcher) { watcher_ = std::move(watcher); }

  // What is said here is the story of the run (tests/sim prints it when a promise was broken).
  using Listener = std::function<void(MonoTime at, absl::string_view line)>;
  void set_listener(Listener listener) { listener_ = std::move(listener); }
  void Tell(absl::string_view line) {
    if (listener_) listener_(Now(), line);
  }

 private:
  struct Due {
    MonoTime when;
    uint64_t number;
    // Mutable, since a priority queue hands out its top as const.
    mutable Event event;
    bool operator<(const Due& other) const {
      return when != other.when ? when > other.when : number > other.number;
    }
  };

  SimulatedClock clock_;
  Random random_;
  std::vector<Actor*> actors_;
  std::vector<Actor*> runnable_;  // of one step; kept for its memory
  std::priority_queue<Due> events_;
  uint64_t event_number_ = 0;
  uint64_t steps_ = 0;
  Listener listener_;
  Watcher watcher_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SIMULATION_SIMULATION_H_
