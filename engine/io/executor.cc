#include "engine/io/executor.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/io/thread_slice.h"

namespace sluice::io {
namespace {

class ThreadExecutor : public Executor {
 public:
  ThreadExecutor(const std::string& name, int threads, Urgency urgency) {
    SLUICE_CHECK(threads >= 1);
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, urgency] {
        if (urgency == Urgency::kMailWaits) AskForShortSlices();
        Run();
      });
      // The kernel keeps 15 characters.
      pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
    }
  }

  ~ThreadExecutor() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void Post(Job job) override {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      std::move(job)();
      job = nullptr;  // what it captured may post again on its way out: not under the lock
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Executor> NewThreadExecutor(const std::string& name, int threads, Urgency urgency) {
  return std::make_unique<ThreadExecutor>(name, threads, urgency);
}

}  // namespace sluice::io
