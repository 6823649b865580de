// The real core: one thread, one io_uring, pinned to one CPU.
//
//   absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Start(options, SystemClock());
//   for (int i = 0; i < (*engine)->size(); ++i) {
//     Core& core = (*engine)->core(i);
//     core.Run([&core] { core.Spawn(Serve(core)); });
//   }
//   …
//   (*engine)->Stop();      // after every task has ended
//
// Needs Linux 6.1: SINGLE_ISSUER and DEFER_TASKRUN keep the kernel's completions on the core's own
// thread, at the point where it asks for them, so that no interrupt of ours tears a tick apart.
#ifndef SLUICE_ENGINE_IO_URING_CORE_H_
#define SLUICE_ENGINE_IO_URING_CORE_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/clock.h"
#include "engine/io/core.h"

namespace sluice::io {

struct EngineOptions {
  int cores = 1;            // 1 to the number of CPUs this process may use
  bool pin = true;          // core i runs on the i-th of those CPUs
  int ring_entries = 1024;  // submission queue; the completion queue is eight times as large
  // Receive buffers of a core, shared by its connections; powers of two. They are held only while
  // what arrived is looked at.
  int receive_buffers = 512;
  int receive_buffer_bytes = 16 * 1024;
};

// CPUs this process may use, which is what --cores is measured against.
int UsableCpus();

class UringCore;

class Engine {
 public:
  // Starts the threads and their rings. Errors: InvalidArgument (cores), FailedPrecondition (what
  // the kernel lacks, and which version or setting has it).
  static absl::StatusOr<std::unique_ptr<Engine>> Start(const EngineOptions& options,
                                                       const Clock& clock);
  ~Engine();  // Stop() if that has not been called

  int size() const { return static_cast<int>(cores_.size()); }
  Core& core(int index) const;

  // Ends the threads once their tasks have ended. A task that never ends blocks it: whoever spawns
  // tasks also ends them. Any thread but a core.
  void Stop();

 private:
  Engine() = default;
  std::vector<std::unique_ptr<UringCore>> cores_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_URING_CORE_H_
