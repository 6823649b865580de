#include "engine/admin/ping_rounds.h"

#include <utility>

#include "absl/status/status.h"
#include "engine/base/log.h"

namespace sluice::admin {

PingRounds::PingRounds(relay::Control& control, const Clock& clock, PingRoundsOptions options)
    : control_(control),
      clock_(clock),
      options_(options),
      waiting_(io::NewThreadExecutor("ping-rounds", options.at_once)) {}

PingRounds::~PingRounds() { Stop(); }

void PingRounds::Start() {
  thread_ = std::thread([this] { Run(); });
}

void PingRounds::Stop() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void PingRounds::PingAllNow() {
  const absl::MutexLock lock(&mutex_);
  all_now_ = true;
}

PingRounds::Progress PingRounds::progress() const {
  const absl::MutexLock lock(&mutex_);
  Progress progress = progress_;
  progress.running = progress.running || all_now_;  // asked for is as good as begun
  return progress;
}

void PingRounds::Run() {
  absl::Duration wait = absl::ZeroDuration();
  while (Sleep(wait)) {
    wait = options_.look;
    bool all = false;
    {
      const absl::MutexLock lock(&mutex_);
      all = all_now_;
    }
    const std::vector<policy::EntryPtr> due = Due(all);
    {
      const absl::MutexLock lock(&mutex_);
      all_now_ = false;
      if (due.empty() && !all) continue;
      progress_ = {.running = true,
                   .asked_for = all,
                   .started_at = clock_.WallNow(),
                   .ended_at = progress_.ended_at,
                   .total = due.size()};
    }
    Round(due);
    const absl::MutexLock lock(&mutex_);
    progress_.running = false;
    progress_.ended_at = clock_.WallNow();
    log::Info("ping_round", {{"entries", progress_.total},
                             {"done", progress_.done},
                             {"valid", progress_.valid},
                             {"partial", progress_.partial},
                             {"invalid", progress_.invalid},
                             {"skipped", progress_.skipped}});
  }
}

bool PingRounds::Sleep(absl::Duration time) {
  const absl::MutexLock lock(&mutex_);
  const auto woken = [this] {
    mutex_.AssertReaderHeld();
    return stopping_ || (all_now_ && !progress_.running);
  };
  mutex_.AwaitWithTimeout(absl::Condition(&woken), time);
  return !stopping_;
}

std::vector<policy::EntryPtr> PingRounds::Due(bool all) const {
  std::vector<policy::EntryPtr> due;
  if (!all && options_.interval == absl::ZeroDuration()) return due;
  const absl::Time before = clock_.WallNow() - options_.interval;
  control_.PolicyList()->ForEach([&](const policy::EntryPtr& entry) {
    const bool is_due = all || !entry->last_ping.has_value() || entry->last_ping->at <= before;
    if (is_due && entry->mode != policy::Mode::kOff && policy::PingedDomain(*entry).ok()) {
      due.push_back(entry);
    }
    return true;
  });
  return due;
}

void PingRounds::Round(const std::vector<policy::EntryPtr>& entries) {
  const auto room = [this] {
    mutex_.AssertReaderHeld();
    return stopping_ || under_way_ < options_.at_once;
  };
  const auto over = [this] {
    mutex_.AssertReaderHeld();
    return under_way_ == 0;
  };
  for (const policy::EntryPtr& entry : entries) {
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&room));
      if (stopping_) break;
      ++under_way_;
    }
    waiting_->Post([this, entry] { PingOne(*entry); });
    if (!Sleep(absl::Minutes(1) / options_.per_minute)) break;
  }
  const absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&over));
}

void PingRounds::PingOne(const policy::Entry& entry) {
  const absl::StatusOr<relay::PingResult> ping =
      control_.PingEntry(entry, clock_.MonoNow() + options_.ping_limit);
  const absl::MutexLock lock(&mutex_);
  --under_way_;
  ++progress_.done;
  if (!ping.ok()) {
    ++progress_.skipped;
  } else if (ping->verdict == relay::PingVerdict::kValid) {
    ++progress_.valid;
  } else {
    ++(ping->verdict == relay::PingVerdict::kPartial ? progress_.partial : progress_.invalid);
  }
}

}  // namespace sluice::admin
