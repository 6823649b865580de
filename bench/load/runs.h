// The modes: each runs to its end, prints what it found, and gives the result for --json.
#ifndef SLUICE_BENCH_LOAD_RUNS_H_
#define SLUICE_BENCH_LOAD_RUNS_H_

#include "absl/status/statusor.h"
#include "bench/load/flags.h"
#include "bench/load/report.h"
#include "engine/io/engine.h"

namespace sluice::bench {

// Modes handshake, send and relay: the steps.
absl::StatusOr<Json> RunLoad(const Plan& plan, io::Engine& engine);
// Until SIGINT or SIGTERM.
absl::StatusOr<Json> RunSink(const Plan& plan, io::Engine& engine);
absl::StatusOr<Json> RunIdle(const Plan& plan, io::Engine& engine);
absl::StatusOr<Json> RunDeferred(const Plan& plan, io::Engine& engine);

// Blocks SIGINT and SIGTERM, so that RunSink can wait for them. Before any thread is there.
void BlockEndSignals();

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_RUNS_H_
