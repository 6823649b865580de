// Runs handlers on a few threads that may block, within bounds: requests under way, and of those
// the slow ones, so that quick requests always find a thread.
//
//   Dispatcher dispatcher(8, clock);
//   if (auto refusal = dispatcher.Admit(route)) return refusal;   // before the body is taken
//   dispatcher.Run(route, request, target, [](Response response) { … });
//   dispatcher.Leave(route);                                      // once the request is over
//
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_DISPATCHER_H_
#define SLUICE_ENGINE_ADMIN_DISPATCHER_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/base/clock.h"
#include "engine/io/executor.h"

namespace sluice::admin {

class Dispatcher {
 public:
  using Done = absl::AnyInvocable<void(Response) &&>;

  // `workers` is at least 2; `clock` outlives the dispatcher.
  Dispatcher(int workers, const Clock& clock);

  // A refusal, or the request has its place until Leave.
  std::optional<Response> Admit(const Route& route);
  void Leave(const Route& route);

  // A refusal, or `done` is called on a worker. `route`, `request` and `target` (its URL, for the
  // log) live until then.
  std::optional<Response> Run(const Route& route, Request& request, const std::string& target,
                              Done done);

  // Lets what was taken finish; everything after it is refused.
  void Stop();

 private:
  Response Handle(const Route& route, const Request& request, const std::string& target) const;

  const int most_slow_;
  const Clock& clock_;
  std::atomic<int> slow_{0};
  std::atomic<int> under_way_{0};
  absl::Mutex mutex_;
  std::unique_ptr<io::Executor> workers_ ABSL_GUARDED_BY(mutex_);  // null: stopped
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_DISPATCHER_H_
