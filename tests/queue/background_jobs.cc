#include "tests/queue/background_jobs.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include "engine/base/check.h"

namespace sluice::queue {
namespace {

constexpr auto kPoll = std::chrono::microseconds(200);
// So often in a row a thread is found waiting before it is taken for blocked: what is over in a
// moment looks the same.
constexpr int kPolls = 5;

std::string ReadFile(const std::string& path) {
  char bytes[512];
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  const ssize_t size = read(fd, bytes, sizeof(bytes));
  close(fd);
  return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : "";
}

// How a thread waits for another one.
enum class Wait { kNone, kLock, kCondition };

// By proc(5): the system call that it is in, with its arguments. pthread_cond_wait is the only one
// to wait for bits of a private futex; a thread that is joined is no private one.
Wait WaitOf(pid_t thread) {
  const std::string call = ReadFile("/proc/self/task/" + std::to_string(thread) + "/syscall");
  unsigned long number = 0;
  unsigned long address = 0;
  unsigned long operation = 0;
  if (sscanf(call.c_str(), "%lu %lx %lx", &number, &address, &operation) != 3) return Wait::kNone;
  if (number != SYS_futex || (operation & FUTEX_PRIVATE_FLAG) == 0) return Wait::kNone;
  const bool bits = (operation & 0x7f) == FUTEX_WAIT_BITSET;  // without flags
  return bits ? Wait::kCondition : Wait::kLock;
}

}  // namespace

BackgroundJobs::BackgroundJobs(uint64_t seed, std::function<int64_t()> now_ns)
    : owner_(gettid()), now_ns_(std::move(now_ns)), random_(seed), thread_([this] { Work(); }) {}

BackgroundJobs::~BackgroundJobs() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundJobs::Schedule(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (gettid() == worker_.load() && slept_ns_ > 0) job.not_before_ns = now_ns_() + slept_ns_;
    waiting_.push_back(job);
  }
  changed_.notify_all();
}

int BackgroundJobs::Drop(void* tag, int priority) {
  std::vector<Job> dropped;
  {
    const std::lock_guard lock(mutex_);
    const auto matches = [&](const Job& job) { return job.tag == tag && job.priority == priority; };
    std::copy_if(waiting_.begin(), waiting_.end(), std::back_inserter(dropped), matches);
    std::erase_if(waiting_, matches);
  }
  for (const Job& job : dropped) {
    if (job.dropped != nullptr) job.dropped(job.argument);
  }
  return static_cast<int>(dropped.size());
}

size_t BackgroundJobs::Waiting(int priority) const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(
      std::count_if(waiting_.begin(), waiting_.end(),
                    [priority](const Job& job) { return job.priority == priority; }));
}

void BackgroundJobs::RunAll() {
  SLUICE_CHECK(gettid() == owner_);
  std::unique_lock lock(mutex_);
  let_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !let_; });
}

void BackgroundJobs::WaitForTurn() {
  if (!busy_.load() || gettid() == worker_.load()) return;
  std::unique_lock lock(mutex_);
  for (int waits = 0; busy_.load() && waits < kPolls;) {
    changed_.wait_for(lock, kPoll);
    waits = WaitOf(worker_.load()) == Wait::kLock ? waits + 1 : 0;
  }
}

bool BackgroundJobs::Sleep(int64_t ns) {
  if (gettid() != worker_.load()) return false;
  const std::lock_guard lock(mutex_);
  slept_ns_ += ns;
  return true;
}

bool BackgroundJobs::Take(bool any, Job& job) {
  const int64_t now = now_ns_();
  std::vector<size_t> best;
  for (size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].not_before_ns > now && !any) continue;
    if (!best.empty() && waiting_[i].priority < waiting_[best[0]].priority) continue;
    if (!best.empty() && waiting_[i].priority > waiting_[best[0]].priority) best.clear();
    best.push_back(i);
  }
  if (best.empty()) return false;
  const size_t drawn = best[random_.Below(best.size())];
  job = waiting_[drawn];
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(drawn));
  return true;
}

void BackgroundJobs::Work() {
  worker_.store(gettid());
  std::unique_lock lock(mutex_);
  int waits = 0;  // of the owner, in a row
  while (!stopped_) {
    Job job = {};
    if (let_ && !Take(/*any=*/false, job)) {
      let_ = false;
      changed_.notify_all();
      continue;
    }
    if (!job.run) {
      if (waiting_.empty()) {
        changed_.wait(lock);
        continue;
      }
      changed_.wait_for(lock, kPoll);
      lock.unlock();  // else the owner may be found waiting for it
      const bool blocked = WaitOf(owner_) == Wait::kCondition;
      lock.lock();
      if (let_ || stopped_) continue;
      waits = blocked ? waits + 1 : 0;
      if (waits < kPolls || !(Take(/*any=*/false, job) || Take(/*any=*/true, job))) continue;
    }
    waits = 0;
    slept_ns_ = 0;
    busy_.store(true);
    lock.unlock();
    job.run(job.argument);
    lock.lock();
    busy_.store(false);
    slept_ns_ = 0;
    changed_.notify_all();
  }
}

}  // namespace sluice::queue
