// Runs the simulation.
//
//   simulate --seeds=1000 --start=1 --minutes=3    many seeds, side by side; each in a process of
//                                                  its own, so that none can touch another
//   simulate --seed=17 [--story]                   one; --story tells all that happens in it
//
// Exit status: 0 when every promise was kept; 1 when one was broken: the line that replays the run
// is printed, with the end of its story.
#include <sys/personality.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "tests/sim/batch.h"
#include "tests/sim/world.h"

ABSL_FLAG(uint64_t, seed, 0, "run this one, in this process");
ABSL_FLAG(bool, story, false, "with --seed: tell all that happens, on stderr");
ABSL_FLAG(uint64_t, seeds, 100, "how many to run");
ABSL_FLAG(uint64_t, start, 1, "the first of them");
ABSL_FLAG(double, minutes, 0, "stop beginning new ones after so many minutes; 0: no limit");
ABSL_FLAG(std::string, bug, "",
          "plant this bug (tests/sim/mutations): in builds with SLUICE_PLANTED_BUGS alone");
ABSL_FLAG(int, jobs, 0, "how many run side by side; 0: as many as there are processors");

namespace sluice::sim {
namespace {

World* running = nullptr;

void TellTheEnd() {
  if (running != nullptr && !absl::GetFlag(FLAGS_story)) {
    std::fprintf(stderr, "%s\n", running->story().Told().c_str());
  }
}

// A bug of ours that CHECK has found tells its story too.
void OnAbort(int /*signal*/) {
  TellTheEnd();
  _exit(1);
}

int RunOne(uint64_t seed) {
  log::Configure(log::Level::kInfo, log::Format::kText);
  char directory[] = "/tmp/sluice-simulation-XXXXXX";
  if (mkdtemp(directory) == nullptr) {
    std::perror("simulate: a directory under /tmp");
    return 1;
  }
  std::signal(SIGABRT, OnAbort);
  World world(DrawScenario(seed), directory);
  running = &world;
  world.story().set_aloud(absl::GetFlag(FLAGS_story));
  const Report report = world.Run();
  running = nullptr;
  std::filesystem::remove_all(directory);
  std::cout << FormatReport(seed, report) << "\n";
  return 0;
}

// Addresses are part of what a run depends on (hash tables mix them in), so they must be the same
// each time.
void WithoutRandomAddresses(char** argv) {
  const int now = personality(0xffffffff);
  if (now == -1 || (now & ADDR_NO_RANDOMIZE) != 0) return;
  if (personality(static_cast<unsigned long>(now | ADDR_NO_RANDOMIZE)) == -1) return;
  execv("/proc/self/exe", argv);
}

}  // namespace
}  // namespace sluice::sim

// What a gateway held when it was killed stays as it stood: that is no leak.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

int main(int argc, char** argv) {
  sluice::sim::WithoutRandomAddresses(argv);
  absl::SetProgramUsageMessage("Simulates a gateway, its clients, its next hops and its disk.");
  absl::ParseCommandLine(argc, argv);
  const std::string bug = absl::GetFlag(FLAGS_bug);
  if (!bug.empty()) {
#ifdef SLUICE_PLANTED_BUGS
    sluice::PlantBug(bug);
#else
    std::cerr << "simulate: --bug needs a build with SLUICE_PLANTED_BUGS, as the sanitized one is "
                 "(build-sanitize/tests/simulate)\n";
    return 2;
#endif
  }
  if (const uint64_t seed = absl::GetFlag(FLAGS_seed); seed != 0) return sluice::sim::RunOne(seed);
  sluice::sim::BatchOptions options;
  options.seeds = absl::GetFlag(FLAGS_seeds);
  options.start = absl::GetFlag(FLAGS_start);
  options.minutes = absl::GetFlag(FLAGS_minutes);
  options.jobs = absl::GetFlag(FLAGS_jobs);
  options.bug = bug;
  return sluice::sim::RunBatch(options);
}
