// A spool with everything around it handed in: a clock that is moved by hand, a disk in memory, and
// an executor whose jobs run when the test says so, in an order drawn from a seed.
#ifndef SLUICE_TESTS_QUEUE_SPOOL_FIXTURE_H_
#define SLUICE_TESTS_QUEUE_SPOOL_FIXTURE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/random.h"
#include "engine/io/executor.h"
#include "queue/spool.h"
#include "tests/queue/lossy_disk.h"

namespace sluice::queue {

// Runs jobs on the calling thread. A seed other than 0 shuffles those that wait.
class SteppedExecutor : public io::Executor {
 public:
  explicit SteppedExecutor(uint64_t seed = 0) : shuffled_(seed != 0), random_(seed) {}

  void Post(Job job) override { jobs_.push_back(std::move(job)); }
  // One job; false: there is none.
  bool Step();
  void RunAll() {
    while (Step()) {
    }
  }
  void Drop() { jobs_.clear(); }

 private:
  const bool shuffled_;
  Random random_;
  std::vector<Job> jobs_;
};

// Its wall time can be set, which leaves its other time alone.
class SteppedClock : public ManualClock {
 public:
  absl::Time WallNow() const override { return ManualClock::WallNow() + step_; }
  void StepWall(absl::Duration by) { step_ += by; }

 private:
  absl::Duration step_;
};

class SpoolWorld {
 public:
  // Simulated: RocksDB's background jobs run only when the test says so (LossyDisk), and all that
  // happens follows from the seed.
  enum class Machine : uint8_t { kReal, kSimulated };

  explicit SpoolWorld(uint64_t seed = 1, Machine machine = Machine::kReal);
  ~SpoolWorld();

  absl::Status Open();
  void Close();
  // As kill -9 and a loss of power: what waits in memory is gone, what was not synced may be.
  void Crash();
  // Background jobs too, as far as that is up to the test.
  void RunBackgroundJobs();

  // A message to one recipient in each of `domains`.
  NewMessage Compose(const std::vector<std::string>& domains, std::string body = "hello\r\n");

  // These run the executor until there is an answer (checked).
  absl::Status Accept(NewMessage message);
  absl::StatusOr<Afterwards> Finish(AttemptResult result);
  absl::StatusOr<TakenWork> TakeDue(size_t limit = 1000);
  absl::StatusOr<TakenWork> TakeExpired(size_t limit = 1000);
  absl::StatusOr<io::Body> LoadBody(const Envelope& envelope);
  absl::StatusOr<uint64_t> RetryNow(Selection selection);
  absl::StatusOr<uint64_t> Hold(Selection selection, Reason reason);
  absl::StatusOr<uint64_t> EndHold(Selection selection);
  absl::StatusOr<uint64_t> Remove(Selection selection, Reason reason);
  absl::StatusOr<SelectedWork> TakeSelected(Selection selection, std::string position,
                                            size_t limit);
  absl::StatusOr<SelectedWork> TakeParked(std::string destination, std::string position,
                                          size_t limit);
  void Release(const Envelope& envelope, absl::Time not_before = absl::InfinitePast());

  // Attempts that end well, or not.
  absl::StatusOr<Afterwards> Deliver(Envelope envelope);
  absl::StatusOr<Afterwards> Defer(Envelope envelope, absl::Time next);

  // Writes (unset: erases) a row with RocksDB alone; the spool is closed for it and stays closed.
  void PutRow(const std::string& table, const std::string& key,
              const std::optional<std::string>& value);

  // Rows by table, as they are on the disk; the spool is closed and opened again for it.
  std::map<std::string, size_t> CountRows();
  // Nothing is left of any message.
  bool Empty();

  Spool& spool() { return *spool_; }
  LossyDisk& disk() { return disk_; }
  SteppedClock& clock() { return clock_; }
  SteppedExecutor& store() { return store_; }
  Random& random() { return random_; }
  absl::Time Now() { return spool_ == nullptr ? clock_.WallNow() : spool_->Now(); }
  // As the scheduler does all the time.
  void KeepTime();

  SpoolOptions options;  // for Open

 private:
  template <typename T>
  T RunUntil(std::optional<T>& answer);

  const Machine machine_;
  Random random_;
  SteppedClock clock_;
  LossyDisk disk_;
  SteppedExecutor store_;
  MessageIdSource ids_{random_};
  std::unique_ptr<Spool> spool_;
};

}  // namespace sluice::queue

#endif  // SLUICE_TESTS_QUEUE_SPOOL_FIXTURE_H_
