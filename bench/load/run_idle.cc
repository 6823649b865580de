#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "bench/load/runs.h"
#include "engine/base/clock.h"

namespace sluice::bench {
namespace {

// Sessions that a core opens at a time.
constexpr int kOpeners = 32;
// Until the target has come to rest.
constexpr absl::Duration kRest = absl::Seconds(2);

// The sessions of one core.
struct Crowd {
  Crowd(io::Core& its_core, const ClientSide& its_client, int first, int size)
      : core(its_core),
        client(its_client),
        next(first),
        end(first + size),
        context(its_client.NewContext()) {}

  io::Core& core;
  const ClientSide& client;
  int next;
  const int end;
  // One for all: resumption is of no interest here, and a context is larger than a session.
  const std::unique_ptr<tls::ClientContext> context;
  std::vector<std::unique_ptr<Conversation>> open;
  absl::Status failure;
};

io::Task<void> OpenSome(Crowd& crowd, std::atomic<int>& opened, absl::BlockingCounter& ended) {
  while (crowd.next < crowd.end && crowd.failure.ok()) {
    auto conversation = std::make_unique<Conversation>(crowd.core, crowd.client.conversation,
                                                       *crowd.context, crowd.next++);
    const absl::Status status = co_await conversation->Open();
    if (!status.ok()) {
      crowd.failure.Update(status);
      continue;
    }
    crowd.open.push_back(std::move(conversation));
    ++opened;
  }
  ended.DecrementCount();
}

io::Task<void> CloseAll(Crowd& crowd, absl::BlockingCounter& ended) {
  for (const std::unique_ptr<Conversation>& conversation : crowd.open) {
    co_await conversation->Close();
  }
  ended.DecrementCount();
}

}  // namespace

absl::StatusOr<Json> RunIdle(const Plan& plan, io::Engine& engine) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < static_cast<rlim_t>(plan.sessions) + 100) {
    return absl::InvalidArgumentError(
        absl::StrCat("--sessions: ", plan.sessions, " need as many descriptors, and ",
                     files.rlim_max, " are allowed; raise it with ulimit -Hn"));
  }
  // A first session makes the target allocate what it needs once.
  const uint64_t before = plan.target.MemoryBytes().value_or(0);
  std::vector<std::unique_ptr<Crowd>> crowds;
  const int cores = engine.size();
  for (int i = 0, first = 0; i < cores; ++i) {
    const int size = plan.sessions / cores + (i < plan.sessions % cores ? 1 : 0);
    crowds.push_back(std::make_unique<Crowd>(engine.core(i), *plan.client, first, size));
    first += size;
  }
  const MonoTime begun = SystemClock().MonoNow();
  std::atomic<int> opened{0};
  absl::BlockingCounter ended(cores * kOpeners);
  for (const std::unique_ptr<Crowd>& crowd : crowds) {
    crowd->core.Run([&] {
      for (int i = 0; i < kOpeners; ++i) crowd->core.Spawn(OpenSome(*crowd, opened, ended));
    });
  }
  ended.Wait();
  const absl::Duration took = SystemClock().MonoNow() - begun;
  absl::SleepFor(kRest);
  const uint64_t after = plan.target.MemoryBytes().value_or(0);

  absl::Status failure;
  absl::BlockingCounter closed(cores);
  for (const std::unique_ptr<Crowd>& crowd : crowds) {
    failure.Update(crowd->failure);
    crowd->core.Run([&] { crowd->core.Spawn(CloseAll(*crowd, closed)); });
  }
  closed.Wait();
  if (opened == 0) return failure;
  const double each =
      (static_cast<double>(after) - static_cast<double>(before)) / static_cast<double>(opened);
  absl::PrintF(
      "\n%d of %d sessions open after %.1f s: the target has %.1f MiB, %.1f before: %.0f bytes "
      "a session\n",
      opened.load(), plan.sessions, absl::ToDoubleSeconds(took),
      static_cast<double>(after) / (1 << 20), static_cast<double>(before) / (1 << 20), each);
  if (!failure.ok()) absl::PrintF("failed: %s\n", failure.message());
  Json step = {{"done", opened.load()},
               {"failed", plan.sessions - opened.load()},
               {"seconds", absl::ToDoubleSeconds(took)},
               {"memory_before_bytes", before},
               {"memory_bytes", after},
               {"bytes_per_session", each}};
  return Json::array({std::move(step)});
}

}  // namespace sluice::bench
