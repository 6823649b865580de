// Where a service (the store, the resolver, the signer) does what may block: handed in, so that a
// simulation can run the same jobs in any order in which the threads could have.
#ifndef SLUICE_ENGINE_IO_EXECUTOR_H_
#define SLUICE_ENGINE_IO_EXECUTOR_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"

namespace sluice::io {

class Executor {
 public:
  using Job = absl::AnyInvocable<void() &&>;
  virtual ~Executor() = default;
  // Any thread. With one thread jobs run one at a time in the order of Post; with several there is
  // no order.
  virtual void Post(Job job) = 0;
};

// Whether mail waits for what is done (thread_slice.h).
enum class Urgency { kBackground, kMailWaits };

// Threads of its own, named for `ps -L` and debuggers. The destructor runs what is queued, then
// joins. `threads` >= 1.
std::unique_ptr<Executor> NewThreadExecutor(const std::string& name, int threads = 1,
                                            Urgency urgency = Urgency::kBackground);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_EXECUTOR_H_
