#include "engine/relay/scheduler.h"

#include <algorithm>
#include <utility>

#include "engine/base/log.h"
#include "engine/io/answer.h"

namespace sluice::relay {
namespace {

// How many messages one look at the queue takes.
constexpr size_t kAtOnce = 256;
constexpr absl::Duration kTrimEvery = absl::Hours(1);
constexpr absl::Duration kDay = absl::Hours(24);

}  // namespace

Scheduler::Scheduler(io::Core& core, const Settings& settings, queue::Spool& spool,
                     std::vector<Shard*> shards, std::function<void()> every_day)
    : core_(core),
      settings_(settings),
      spool_(spool),
      shards_(std::move(shards)),
      every_day_(std::move(every_day)),
      stopped_(core) {}

void Scheduler::Start() { core_.Spawn(Run()); }

void Scheduler::Stop() {
  stopping_ = true;
  stopped_.NotifyAll();
}

io::Task<void> Scheduler::Run() {
  absl::Time next_expiry = absl::InfinitePast();
  MonoTime next_trim = core_.Now();
  MonoTime next_day = core_.Now();
  while (!stopping_) {
    size_t taken = 0;
    spool_.KeepTime();
    const absl::Time now = spool_.Now();
    if (next_expiry <= now) taken += co_await Expire(next_expiry);
    if (!stopping_ && spool_.NextDue() <= now) taken += co_await Dispatch();
    if (core_.Now() >= next_trim) {
      next_trim = core_.Now() + kTrimEvery;
      spool_.TrimHistory(now - settings_.history_retention, settings_.history_max_bytes,
                         [](absl::Status status) {
                           if (status.ok()) return;
                           log::Error("history_not_trimmed", {{"error", status.message()}});
                         });
    }
    if (core_.Now() >= next_day) {
      next_day = core_.Now() + kDay;
      spool_.TellHistoryHead();
      every_day_();
    }
    if (taken > 0) continue;
    // What is due and cannot be read is not asked for without a pause.
    const absl::Duration until_due =
        due_readable_ ? spool_.NextDue() - spool_.Now() : settings_.queue_look;
    co_await stopped_.Wait(core_.Now() +
                           std::clamp(until_due, absl::Milliseconds(5), settings_.queue_look));
  }
}

// Said once, however often it is tried in vain.
void Scheduler::NoteReading(const absl::Status& status, bool& readable) {
  const bool was_readable = std::exchange(readable, status.ok());
  if (was_readable && !status.ok()) log::Error("queue_not_read", {{"error", status.message()}});
  if (!was_readable && status.ok()) log::Info("queue_read_again");
}

io::Task<size_t> Scheduler::Expire(absl::Time& next) {
  io::Answer<absl::StatusOr<queue::TakenWork>> expired(core_);
  spool_.TakeExpired(spool_.Now(), kAtOnce, expired.Sender());
  // The store answers everything it is asked; what it hands out must not be lost on the way.
  std::optional<absl::StatusOr<queue::TakenWork>> answer =
      co_await expired.Wait(MonoTime::Never());
  NoteReading(answer->status(), expired_readable_);
  if (!answer->ok()) {
    next = spool_.Now() + settings_.queue_look;
    co_return 0;
  }
  // New messages have the longest deadlines, but --queue_lifetime may have been shortened since.
  next = std::min((*answer)->next, spool_.Now() + settings_.queue_look);
  const size_t count = (*answer)->items.size();
  for (queue::Envelope& envelope : (*answer)->items) {
    Shard& shard = NextShard();
    shard.core().Run([&shard, envelope = std::move(envelope)]() mutable {
      shard.Expire(std::move(envelope));
    });
  }
  co_return count;
}

io::Task<size_t> Scheduler::Dispatch() {
  io::Answer<absl::StatusOr<queue::TakenWork>> due(core_);
  const absl::Time now = spool_.Now();
  spool_.TakeDue(now, kAtOnce, due.Sender());
  std::optional<absl::StatusOr<queue::TakenWork>> answer =
      co_await due.Wait(MonoTime::Never());  // as above
  NoteReading(answer->status(), due_readable_);
  if (!answer->ok()) co_return 0;
  const size_t count = (*answer)->items.size();
  for (queue::Envelope& envelope : (*answer)->items) {
    Shard& shard = NextShard();
    shard.core().Run([&shard, now, envelope = std::move(envelope)]() mutable {
      if (envelope.deadline <= now) {
        shard.Expire(std::move(envelope));
      } else {
        shard.Dispatch(Attempt{std::move(envelope), std::nullopt});
      }
    });
  }
  co_return count;
}

}  // namespace sluice::relay
