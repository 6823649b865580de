// Reply<T>: how a thread that is no core waits for what a core or the store works out.
//
//   Reply<absl::Status> stored;
//   spool->WritePolicy(writes, generation, stored.Sender());
//   std::optional<absl::Status> answer = stored.Wait(machine, deadline);
//   if (!answer.has_value()) …                        // the deadline came first
//
// The sender is called once, on any thread; after a deadline the late answer is discarded. io::Answer
// is the same for coroutines.
#ifndef SLUICE_ENGINE_RELAY_REPLY_H_
#define SLUICE_ENGINE_RELAY_REPLY_H_

#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/clock.h"
#include "engine/io/machine.h"

namespace sluice::relay {

template <typename T>
class Reply {
 public:
  absl::AnyInvocable<void(T) &&> Sender() {
    return [shared = shared_](T value) {
      const absl::MutexLock lock(&shared->mutex);
      shared->value.emplace(std::move(value));
    };
  }

  // Unset when the deadline came first. Once.
  std::optional<T> Wait(io::Machine& machine, MonoTime deadline) {
    const absl::MutexLock lock(&shared_->mutex);
    const auto there = [shared = shared_.get()] {
      shared->mutex.AssertReaderHeld();
      return shared->value.has_value();
    };
    machine.Await(shared_->mutex, absl::Condition(&there), deadline);
    return std::move(shared_->value);
  }

 private:
  struct Shared {
    absl::Mutex mutex;
    std::optional<T> value ABSL_GUARDED_BY(mutex);
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_REPLY_H_
