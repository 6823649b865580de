// The real core: one thread, one io_uring, pinned to one CPU.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine,
//                           StartUringEngine(options, SystemClock()));
//
// Needs Linux 6.1: SINGLE_ISSUER and DEFER_TASKRUN keep the kernel's completions on the core's own
// thread, at the point where it asks for them, so that no interrupt of ours tears a tick apart.
#ifndef SLUICE_ENGINE_IO_URING_CORE_H_
#define SLUICE_ENGINE_IO_URING_CORE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "engine/base/clock.h"
#include "engine/io/engine.h"

namespace sluice::io {

// CPUs this process may use, which is what --cores is measured against.
int UsableCpus();

// Starts the threads and their rings. Errors: InvalidArgument (cores), FailedPrecondition (what the
// kernel lacks, and which version or setting has it).
absl::StatusOr<std::unique_ptr<Engine>> StartUringEngine(const EngineOptions& options,
                                                         const Clock& clock);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_URING_CORE_H_
