// RocksDB's flushes and compactions, taken off its threads: they wait in a queue and run one at a
// time on one thread, and only while the owner lets them.
//
// The owner is the thread that makes this object; it is the one that uses the database. A job runs
//   - in RunAll, which blocks the owner until there is nothing left to run; or
//   - when the owner waits inside RocksDB for a job (for a write stall to end, for the database to
//   be
//     closed). It is then blocked in a futex, and stays so; the worker sees that in /proc.
// While a job runs, what other threads do to files waits for it to end (WaitForTurn), unless the
// job in turn waits for a lock of theirs. So the order of all that is done to files follows from
// what the owner does and from the seed.
//
// Jobs of a higher priority run first; which of those that wait with the same one is drawn. A job
// that has slept (after an error RocksDB sleeps before it schedules the job again) puts off what it
// schedules by that time of the clock.
//
// Thread-safe; RunAll: the owner.
#ifndef SLUICE_TESTS_QUEUE_BACKGROUND_JOBS_H_
#define SLUICE_TESTS_QUEUE_BACKGROUND_JOBS_H_

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/base/random.h"

namespace sluice::queue {

class BackgroundJobs {
 public:
  struct Job {
    void (*run)(void*);
    void* argument;
    int priority;  // higher ones first
    void* tag;
    void (*dropped)(void*);  // called instead of `run` by Drop; may be null
    int64_t not_before_ns = 0;
  };

  // `now_ns`: of a clock that the owner moves.
  BackgroundJobs(uint64_t seed, std::function<int64_t()> now_ns);
  ~BackgroundJobs();  // those that wait do not run any more
  BackgroundJobs(const BackgroundJobs&) = delete;
  BackgroundJobs& operator=(const BackgroundJobs&) = delete;

  void Schedule(Job job);
  // Those that wait with this tag and priority; how many.
  int Drop(void* tag, int priority);
  size_t Waiting(int priority) const;

  // Blocks until none is left whose time has come.
  void RunAll();

  // In front of what a thread does to a file.
  void WaitForTurn();
  // True: this thread is running a job, which is put off rather than slept through.
  bool Sleep(int64_t ns);

 private:
  void Work();
  // With mutex_ held. Whether there is one whose time has come; with `any`, whichever it is.
  bool Take(bool any, Job& job);

  const pid_t owner_;
  const std::function<int64_t()> now_ns_;
  std::atomic<pid_t> worker_{0};
  std::atomic<bool> busy_{false};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Random random_;
  std::vector<Job> waiting_;
  int64_t slept_ns_ = 0;  // by the job that runs
  bool let_ = false;      // the owner is in RunAll
  bool stopped_ = false;
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace sluice::queue

#endif  // SLUICE_TESTS_QUEUE_BACKGROUND_JOBS_H_
