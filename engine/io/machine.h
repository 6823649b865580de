// What a program stands on, handed in and never reached for: clocks, threads, cores, and a way to
// block. The daemon is given the real one; engine/io/simulation has one in which a whole gateway
// runs on a single thread, by a virtual clock, in an order drawn from a seed.
#ifndef SLUICE_ENGINE_IO_MACHINE_H_
#define SLUICE_ENGINE_IO_MACHINE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/clock.h"
#include "engine/io/engine.h"
#include "engine/io/executor.h"
#include "engine/io/socket_address.h"

namespace sluice::io {

class Machine {
 public:
  virtual ~Machine() = default;

  virtual const Clock& clock() const = 0;

  // As NewThreadExecutor().
  virtual std::unique_ptr<Executor> NewExecutor(const std::string& name, int threads,
                                                Urgency urgency) = 0;

  // Errors: InvalidArgument (cores), FailedPrecondition (what the kernel lacks, and which version
  // or setting has it).
  virtual absl::StatusOr<std::unique_ptr<Engine>> StartEngine(const EngineOptions& options) = 0;

  // Whether connections can come from `address`, whatever its port. InvalidArgument: it is none of
  // this machine's, at this moment.
  virtual absl::Status CheckSource(const SocketAddress& address) = 0;

  // Blocks the calling thread, which is no core: `mutex` is held at the call and at its return, and
  // let go of in between. True when `condition` holds, false when `deadline` came first.
  virtual bool Await(absl::Mutex& mutex, const absl::Condition& condition, MonoTime deadline) = 0;
};

// The machine that this process runs on. Never destroyed.
Machine& RealMachine();

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_MACHINE_H_
