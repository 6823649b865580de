#include "engine/io/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

constexpr int64_t kTickNs = 1'000'000;

int64_t TickAtOrAfter(MonoTime time) {
  return time.nanos() / kTickNs + (time.nanos() % kTickNs != 0 ? 1 : 0);
}

}  // namespace

void Timer::Stop() {
  if (next_ == nullptr) return;
  prev_->next_ = next_;
  next_->prev_ = prev_;
  next_ = nullptr;
  prev_ = nullptr;
  --*count_;
}

TimerWheel::TimerWheel(MonoTime now) : current_tick_(now.nanos() / kTickNs) {
  for (auto& level : slots_) {
    for (Timer& head : level) head.next_ = head.prev_ = &head;
  }
}

TimerWheel::~TimerWheel() {
  for (auto& level : slots_) {
    for (Timer& head : level) {
      while (head.next_ != &head) head.next_->Stop();
      head.next_ = head.prev_ = nullptr;  // a head is no running timer
    }
  }
}

void TimerWheel::Start(Timer& timer, MonoTime at, Timer::Callback callback, void* argument) {
  timer.Stop();
  if (at == MonoTime::Never()) return;
  timer.tick_ = std::max(TickAtOrAfter(at), current_tick_ + 1);
  timer.callback_ = callback;
  timer.argument_ = argument;
  timer.count_ = &size_;
  Insert(timer);
  ++size_;
}

// The level is given by the highest bit in which the timer's tick and the current one differ: a
// timer of level n lies in another slot of that level than the present one, in the same slot of the
// level above. So the lowest level that has any holds the earliest timers.
void TimerWheel::Insert(Timer& timer) {
  // What lies beyond the wheel waits in its last slot and is placed again from there.
  constexpr int64_t kSpan = int64_t{1} << (kLevels * kSlotBits);
  const int64_t tick = std::min(timer.tick_, current_tick_ + kSpan - (kSpan >> kSlotBits));
  const uint64_t differing = static_cast<uint64_t>(tick ^ current_tick_) | (kSlots - 1);
  const int level = std::min((63 - std::countl_zero(differing)) / kSlotBits, kLevels - 1);
  const auto slot = static_cast<size_t>((tick >> (level * kSlotBits)) & (kSlots - 1));

  Timer& head = slots_[static_cast<size_t>(level)][slot];
  timer.prev_ = head.prev_;
  timer.next_ = &head;
  head.prev_->next_ = &timer;
  head.prev_ = &timer;
  occupied_[static_cast<size_t>(level)] |= uint64_t{1} << slot;
}

bool TimerWheel::NextExpiration(Expiration& next) {
  for (int level = 0; level < kLevels; ++level) {
    const int shift = level * kSlotBits;
    const int current_slot = static_cast<int>((current_tick_ >> shift) & (kSlots - 1));
    uint64_t& occupied = occupied_[static_cast<size_t>(level)];
    while (occupied != 0) {
      const int ahead = std::countr_zero(std::rotr(occupied, current_slot));
      const int slot = (current_slot + ahead) % kSlots;
      const Timer& head = slots_[static_cast<size_t>(level)][static_cast<size_t>(slot)];
      if (head.next_ == &head) {
        occupied &= ~(uint64_t{1} << slot);
        continue;
      }
      const int64_t slot_span = int64_t{1} << shift;
      const int64_t level_span = slot_span << kSlotBits;
      int64_t tick = (current_tick_ & ~(level_span - 1)) + slot * slot_span;
      if (tick <= current_tick_) tick += level_span;  // only the top level wraps around
      next = {level, slot, tick};
      return true;
    }
  }
  return false;
}

void TimerWheel::Process(const Expiration& due) {
  Timer& head = slots_[static_cast<size_t>(due.level)][static_cast<size_t>(due.slot)];
  occupied_[static_cast<size_t>(due.level)] &= ~(uint64_t{1} << due.slot);
  // Detached first: what a callback starts anew must not be met again in this pass.
  Timer pending;
  pending.next_ = pending.prev_ = &pending;
  if (head.next_ != &head) {
    pending.next_ = head.next_;
    pending.prev_ = head.prev_;
    pending.next_->prev_ = pending.prev_->next_ = &pending;
    head.next_ = head.prev_ = &head;
  }
  while (pending.next_ != &pending) {
    Timer& timer = *pending.next_;
    timer.Stop();
    if (timer.tick_ <= current_tick_) {
      timer.callback_(timer.argument_);
    } else {
      Insert(timer);
      ++size_;
    }
  }
  pending.next_ = pending.prev_ = nullptr;
}

void TimerWheel::Advance(MonoTime now) {
  const int64_t now_tick = now.nanos() / kTickNs;
  Expiration next;
  while (NextExpiration(next) && next.tick <= now_tick) {
    current_tick_ = next.tick;
    Process(next);
  }
  current_tick_ = std::max(current_tick_, now_tick);
}

MonoTime TimerWheel::NextWakeUp() {
  Expiration next;
  if (!NextExpiration(next)) return MonoTime::Never();
  return MonoTime::FromNanos(next.tick * kTickNs);
}

}  // namespace sluice::io
