// Makes the load: so many workers on each core, each with one operation under way at a time.
//
// Closed loop: a worker begins its next operation as soon as the last has ended, so the offered
// load follows what is measured. Open loop: operations arrive as a Poisson process of the given
// rate, whatever becomes of them, and wait for a worker; latency counts from the arrival. So a
// stall is paid for by all that would have arrived in it, and not by the one that was under way
// ("coordinated omission", Gil Tene).
//
//   Generator generator(*engine, factory, options);
//   Measured measured = generator.Run(progress);
//
// Run() is called on a thread that is no core.
#ifndef SLUICE_BENCH_LOAD_GENERATOR_H_
#define SLUICE_BENCH_LOAD_GENERATOR_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bench/load/tally.h"
#include "engine/io/engine.h"
#include "engine/io/task.h"

namespace sluice::bench {

// One of many that do the same. Lives on one core.
class Worker {
 public:
  virtual ~Worker() = default;
  // One operation: a session, a message. A failure is counted under its message; the next operation
  // starts from scratch.
  virtual io::Task<absl::Status> Operate() = 0;
  // Lets go of what is kept from one operation to the next. Once, last.
  virtual io::Task<void> End() = 0;
};

// Called on the core; `number` counts the workers over all cores.
using WorkerFactory =
    std::function<std::unique_ptr<Worker>(io::Core& core, int number, Tally& tally)>;

struct LoadOptions {
  int workers = 64;                  // in all
  std::optional<double> rate_per_s;  // set: open loop
  absl::Duration warmup = absl::Seconds(2);
  absl::Duration duration = absl::Seconds(10);
  std::optional<uint64_t> most;  // ends when so many are done, if that is before the time
};

struct Measured {
  Tally tally;  // of what ended within the time measured
  absl::Duration time;
  uint64_t behind = 0;  // open loop: arrivals that no worker was free for when the time was over
};

class Generator {
 public:
  Generator(io::Engine& engine, WorkerFactory factory, const LoadOptions& options);
  ~Generator();

  // What happens around it: `measuring` when the warm-up is over, `second` about each second with
  // what was done so far, `over` at the end of the time, before the workers have come to rest.
  struct Observer {
    std::function<void()> measuring = [] {};
    std::function<void(absl::Duration elapsed, uint64_t done, uint64_t failed)> second =
        [](absl::Duration, uint64_t, uint64_t) {};
    std::function<void()> over = [] {};
  };
  Measured Run(const Observer& observer);

 private:
  class Crew;  // the workers of one core
  class Pacer;

  io::Engine& engine_;
  const WorkerFactory factory_;
  const LoadOptions options_;
  std::vector<std::unique_ptr<Crew>> crews_;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_GENERATOR_H_
