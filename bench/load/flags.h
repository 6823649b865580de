// The command line of sluice-bench, checked and made into what the parts want.
#ifndef SLUICE_BENCH_LOAD_FLAGS_H_
#define SLUICE_BENCH_LOAD_FLAGS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bench/load/sink.h"
#include "bench/load/target.h"
#include "bench/load/workers.h"

namespace sluice::bench {

enum class Mode { kHandshake, kSend, kSink, kRelay, kIdle, kDeferred };

struct Plan {
  Mode mode;
  int cores;
  std::optional<ClientSide> client;  // all modes but sink
  std::optional<Sending> sending;    // send, relay, deferred
  std::optional<SinkOptions> sink;   // sink, relay, deferred
  LoadOptions load;
  std::vector<double> rates_per_s;  // open loop, one step each; empty: closed
  Target target;
  int sessions;       // mode idle
  uint64_t messages;  // mode deferred
  std::string store;  // mode deferred: the directory whose size is told; empty: none
  std::string release_command;
  std::string json;  // a file; empty: none
  bool quiet;
};

// InvalidArgument names the flag and what it accepts. `words` are the arguments without flags.
absl::StatusOr<Plan> ReadPlan(const std::vector<std::string>& words);

extern const char kUsage[];

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_FLAGS_H_
