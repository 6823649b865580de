#include "engine/io/simulation/simulation.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

// The beginning of every run, so that dates in traces look alike. (2026-01-01)
constexpr int64_t kEpochSeconds = 1'767'225'600;

}  // namespace

Simulation::Simulation(uint64_t seed)
    : clock_(absl::FromUnixSeconds(kEpochSeconds)), random_(seed) {}

absl::Duration Simulation::Between(absl::Duration least, absl::Duration most) {
  const int64_t span_us = absl::ToInt64Microseconds(most - least);
  SLUICE_CHECK(span_us >= 0);
  return least + absl::Microseconds(static_cast<int64_t>(
                     random_.Below(static_cast<uint64_t>(span_us) + 1)));
}

void Simulation::Remove(Actor& actor) {
  actors_.erase(std::find(actors_.begin(), actors_.end(), &actor));
}

void Simulation::At(MonoTime when, Event event) {
  events_.push(Due{std::max(when, Now()), event_number_++, std::move(event)});
}

bool Simulation::Step() {
  ++steps_;
  while (true) {
    const MonoTime now = Now();
    runnable_.clear();
    for (Actor* actor : actors_) {
      if (actor->Runnable(now)) runnable_.push_back(actor);
    }
    const bool event_due = !events_.empty() && events_.top().when <= now;
    const size_t choices = runnable_.size() + (event_due ? 1 : 0);
    if (choices > 0) {
      const size_t choice = choices == 1 ? 0 : random_.Below(choices);
      if (choice < runnable_.size()) {
        if (watcher_) watcher_(runnable_[choice]);
        runnable_[choice]->Run();
        if (watcher_) watcher_(nullptr);
      } else {
        Event event = std::move(events_.top().event);
        events_.pop();
        std::move(event)();
      }
      return true;
    }
    MonoTime next = events_.empty() ? MonoTime::Never() : events_.top().when;
    for (Actor* actor : actors_) next = std::min(next, actor->WakesAt());
    if (next == MonoTime::Never()) return false;
    // A lower bound may turn out to be too low; then the next one is looked for.
    clock_.elapsed_ns_ = std::max(next.nanos(), clock_.elapsed_ns_ + 1);
  }
}

}  // namespace sluice::io
