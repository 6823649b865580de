#include "engine/io/simulation/process.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/simulation/network.h"
#include "engine/io/simulation/simulated_core.h"

namespace sluice::io {

// One thread, or several, that work off a queue. A job is done at the end of its time, in one step:
// what it reads is as of then, and nobody sees it half done.
class SimulatedProcess::Executor final : public io::Executor, public Simulation::Actor {
 public:
  Executor(SimulatedProcess& process, std::string name, int threads)
      : process_(process), name_(std::move(name)), idle_threads_(threads) {
    process_.Begin(*this);
  }
  ~Executor() override {
    // As the real one: what is queued is done first.
    while (!running_.empty() || !waiting_.empty()) {
      if (running_.empty()) TakeUp();
      DoOne(0);
    }
    process_.End(*this);
  }

  void Post(Job job) override {
    waiting_.push_back(std::move(job));
    TakeUp();
  }

  bool Runnable(MonoTime now) override { return NextDone() <= now; }
  MonoTime WakesAt() override { return NextDone(); }
  void Run() override {
    // One of those that are done.
    std::vector<size_t> done;
    for (size_t i = 0; i < running_.size(); ++i) {
      if (running_[i].done_at <= process_.world_.Now()) done.push_back(i);
    }
    DoOne(done[process_.world_.random().Below(done.size())]);
  }

 private:
  struct Running {
    MonoTime done_at;
    Job job;
  };

  MonoTime NextDone() const {
    MonoTime next = MonoTime::Never();
    for (const Running& running : running_) next = std::min(next, running.done_at);
    return next;
  }
  void TakeUp() {
    while (idle_threads_ > 0 && !waiting_.empty()) {
      --idle_threads_;
      running_.push_back(
          {process_.world_.Now() + process_.TimeOfJob(name_), std::move(waiting_.front())});
      waiting_.pop_front();
    }
  }
  void DoOne(size_t index) {
    Job job = std::move(running_[index].job);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
    std::move(job)();
    job = nullptr;
    ++idle_threads_;
    TakeUp();
  }

  SimulatedProcess& process_;
  const std::string name_;
  int idle_threads_;
  std::deque<Job> waiting_;
  std::vector<Running> running_;
};

class SimulatedProcess::Engine final : public io::Engine {
 public:
  Engine(SimulatedProcess& process, int cores) : process_(process) {
    for (int i = 0; i < cores; ++i) {
      cores_.push_back(std::make_unique<SimulatedCore>(process, i));
      process_.Begin(*cores_.back());
      process_.cores_.push_back(cores_.back().get());
    }
  }
  ~Engine() override { Stop(); }

  int size() const override { return static_cast<int>(cores_.size()); }
  Core& core(int index) const override { return *cores_[static_cast<size_t>(index)]; }

  void Stop() override {
    if (std::exchange(stopped_, true)) return;
    absl::Mutex mutex;
    const absl::MutexLock lock(&mutex);
    const auto idle = [this] {
      return std::all_of(cores_.begin(), cores_.end(), [](const auto& core) {
        return core->live_tasks() == 0 && !core->Runnable(core->clock().MonoNow());
      });
    };
    process_.Await(mutex, absl::Condition(&idle), MonoTime::Never());
    for (const auto& core : cores_) {
      SLUICE_CHECK(core->buffers().on_loan() == 0);
      SLUICE_CHECK(core->timers().size() == 0);
      process_.End(*core);
      process_.cores_.erase(std::find(process_.cores_.begin(), process_.cores_.end(), core.get()));
    }
  }

 private:
  SimulatedProcess& process_;
  std::vector<std::unique_ptr<SimulatedCore>> cores_;
  bool stopped_ = false;
};

class SimulatedProcess::Thread final : public Simulation::Actor {
 public:
  Thread(SimulatedProcess& process, absl::AnyInvocable<void() &&> body)
      : process_(process), fiber_(std::move(body)) {
    process_.Begin(*this);
  }

  static Thread* Current(SimulatedProcess& process) {
    for (const auto& thread : process.threads_) {
      if (&thread->fiber_ == Fiber::Current()) return thread.get();
    }
    return nullptr;
  }

  bool Runnable(MonoTime now) override {
    if (mutex_ == nullptr || deadline_ <= now) return true;
    const absl::MutexLock lock(mutex_);
    return condition_->Eval();
  }
  MonoTime WakesAt() override { return deadline_; }
  void Run() override {
    fiber_.Resume();
    if (!fiber_.ended()) return;
    process_.End(*this);
    process_.threads_.remove_if([this](const auto& thread) { return thread.get() == this; });
  }

  bool Wait(absl::Mutex& mutex, const absl::Condition& condition, MonoTime deadline) {
    mutex_ = &mutex;
    condition_ = &condition;
    deadline_ = deadline;
    mutex.Unlock();
    fiber_.Yield();
    mutex.Lock();
    mutex_ = nullptr;
    return condition.Eval();
  }

 private:
  SimulatedProcess& process_;
  Fiber fiber_;
  // What it waits for; none: to be run.
  absl::Mutex* mutex_ = nullptr;
  const absl::Condition* condition_ = nullptr;
  MonoTime deadline_;
};

SimulatedProcess::SimulatedProcess(Simulation& world, SimulatedNetwork& network, std::string name,
                                   const SocketAddress& address)
    : world_(world), network_(network), name_(std::move(name)), address_(address) {}

SimulatedProcess::~SimulatedProcess() = default;

SimulatedProcess& SimulatedProcess::New(Simulation& world, SimulatedNetwork& network,
                                        std::string name, const SocketAddress& address) {
  // Reachable from here, so that a leak checker does not take what a killed one holds for lost.
  static auto* const all = new std::vector<SimulatedProcess*>;
  all->push_back(new SimulatedProcess(world, network, std::move(name), address));
  return *all->back();
}

void SimulatedProcess::Begin(Simulation::Actor& actor) {
  world_.Add(actor);
  actors_.push_back(&actor);
}

void SimulatedProcess::End(Simulation::Actor& actor) {
  if (killed_) return;
  world_.Remove(actor);
  actors_.erase(std::find(actors_.begin(), actors_.end(), &actor));
}

void SimulatedProcess::StartThread(absl::AnyInvocable<void() &&> body) {
  threads_.push_back(std::make_unique<Thread>(*this, std::move(body)));
}

void SimulatedProcess::Kill(bool power_fails) {
  // Not from inside: a thread that kills its own process would go on running.
  SLUICE_CHECK(!killed_ && Thread::Current(*this) == nullptr);
  killed_ = true;
  for (Simulation::Actor* actor : actors_) world_.Remove(*actor);
  network_.Orphan(*this, power_fails);
}

std::unique_ptr<io::Executor> SimulatedProcess::NewExecutor(const std::string& name, int threads,
                                                             io::Urgency /*urgency*/) {
  return std::make_unique<Executor>(*this, name, threads);
}

absl::StatusOr<std::unique_ptr<io::Engine>> SimulatedProcess::StartEngine(
    const EngineOptions& options) {
  return std::make_unique<Engine>(*this, options.cores);
}

bool SimulatedProcess::Await(absl::Mutex& mutex, const absl::Condition& condition,
                             MonoTime deadline) {
  if (condition.Eval()) return true;
  Thread* const thread = Thread::Current(*this);
  SLUICE_CHECK(thread != nullptr);  // cores must not block
  return thread->Wait(mutex, condition, deadline);
}

void SimulatedProcess::CheckWait(MonoTime deadline) const {
  if (longest_wait_ == absl::InfiniteDuration()) return;
  SLUICE_CHECK(deadline <= world_.Now() + longest_wait_);
}

absl::Duration SimulatedProcess::TimeOfJob(const std::string& executor) {
  return job_time_ ? job_time_(executor) : absl::Microseconds(20);
}

size_t SimulatedProcess::live_tasks() const {
  size_t total = 0;
  for (const SimulatedCore* core : cores_) total += core->live_tasks();
  return total;
}

size_t SimulatedProcess::buffers_on_loan() const {
  size_t total = 0;
  for (SimulatedCore* core : cores_) total += core->buffers().on_loan();
  return total;
}

}  // namespace sluice::io
