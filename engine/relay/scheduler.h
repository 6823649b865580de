// Finds what is due and what has reached its deadline, and hands it to the shards.
//
// Both are asked for by the queue's own time, which no step of the machine's clock moves: a step
// neither deletes mail nor sends all that waits at once (queue/spool.h). The waits in between are
// monotonic.
//
// One coroutine, on the core of the first shard; it takes no more than the lanes can hold.
#ifndef SLUICE_ENGINE_RELAY_SCHEDULER_H_
#define SLUICE_ENGINE_RELAY_SCHEDULER_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/relay/settings.h"
#include "engine/relay/shard.h"
#include "queue/spool.h"

namespace sluice::relay {

class Scheduler {
 public:
  // All outlive the scheduler. `shards` in the order of their cores. `every_day` is called at the start
  // and once a day, on the core.
  Scheduler(io::Core& core, const Settings& settings, queue::Spool& spool,
            std::vector<Shard*> shards, std::function<void()> every_day);

  // On the core. Stop() ends what Start() began, soon.
  void Start();
  void Stop();

 private:
  io::Task<void> Run();
  // How many were taken; `next`: when there may be more.
  io::Task<size_t> Expire(absl::Time& next);
  io::Task<size_t> Dispatch();
  static void NoteReading(const absl::Status& status, bool& readable);
  Shard& NextShard() { return *shards_[next_shard_++ % shards_.size()]; }

  io::Core& core_;
  const Settings& settings_;
  queue::Spool& spool_;
  const std::vector<Shard*> shards_;
  const std::function<void()> every_day_;
  size_t next_shard_ = 0;
  bool stopping_ = false;
  bool due_readable_ = true;  // the last look succeeded
  bool expired_readable_ = true;
  io::Event stopped_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_SCHEDULER_H_
