// Pings what is on the list, again and again: so that an administrator learns of a partner's trouble
// before the partner's mail waits.
//
//   PingRounds rounds(control, clock, {.interval = absl::Hours(24), .per_minute = 60});
//   rounds.Start();
//   rounds.PingAllNow();                    // not only what is due
//   PingRounds::Progress progress = rounds.progress();
//
// An entry is due when its last ping is older than the interval, or it has none; which that is stands
// with the entry, so a restart pings nobody twice. No more than `per_minute` pings are begun in a
// minute, and no more than `at_once` are under way: a million entries take their time, and nobody
// else's.
//
// Threads: one of its own that looks for what is due, and a few that wait for pings. Nothing of it
// runs on a core. All calls are thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_PING_ROUNDS_H_
#define SLUICE_ENGINE_ADMIN_PING_ROUNDS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/io/executor.h"
#include "engine/relay/control.h"

namespace sluice::admin {

struct PingRoundsOptions {
  absl::Duration interval;  // zero: only when asked for
  int per_minute = 60;                        // at least 1
  int at_once = 4;
  absl::Duration look = absl::Minutes(1);       // between two looks at the list
  absl::Duration ping_limit = absl::Seconds(60);  // of one
};

class PingRounds {
 public:
  struct Progress {
    bool running = false;  // a round is under way
    bool asked_for = false;  // of all entries
    absl::Time started_at = absl::UnixEpoch();
    absl::Time ended_at = absl::UnixEpoch();  // of the last one that ended; before it: the epoch
    uint64_t total = 0;   // entries of this round, or of the last one
    uint64_t done = 0;
    uint64_t valid = 0;
    uint64_t partial = 0;
    uint64_t invalid = 0;
    uint64_t skipped = 0;  // could not be pinged
  };

  // Both outlive it.
  PingRounds(relay::Control& control, const Clock& clock, PingRoundsOptions options);
  ~PingRounds();  // stops
  PingRounds(const PingRounds&) = delete;
  PingRounds& operator=(const PingRounds&) = delete;

  void Start();
  // Begins no more pings, and waits for those under way.
  void Stop();

  // As soon as the round that runs is over. Twice is once.
  void PingAllNow();
  Progress progress() const;

 private:
  void Run();
  // What is to be pinged now.
  std::vector<policy::EntryPtr> Due(bool all) const;
  void Round(const std::vector<policy::EntryPtr>& entries);
  void PingOne(const policy::Entry& entry);
  // False when it is to stop.
  bool Sleep(absl::Duration time);

  relay::Control& control_;
  const Clock& clock_;
  const PingRoundsOptions options_;
  const std::unique_ptr<io::Executor> waiting_;
  std::thread thread_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool all_now_ ABSL_GUARDED_BY(mutex_) = false;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  Progress progress_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_PING_ROUNDS_H_
