#include "tests/sim/batch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"

namespace sluice::sim {
namespace {

using SteadyClock = std::chrono::steady_clock;

// A run that takes longer hangs.
constexpr std::chrono::seconds kMostSeconds{240};

// One seed in a process of its own.
struct Child {
  uint64_t seed = 0;
  pid_t pid = 0;
  int output = -1;
  std::string text;
  SteadyClock::time_point began;
};

Child Begin(uint64_t seed, const std::string& bug) {
  int pipe_ends[2];
  SLUICE_CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
  const std::string argument = absl::StrCat("--seed=", seed);
  const std::string planted = absl::StrCat("--bug=", bug);
  const pid_t pid = fork();
  SLUICE_CHECK(pid >= 0);
  if (pid == 0) {
    dup2(pipe_ends[1], STDOUT_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    execl("/proc/self/exe", "simulate", argument.c_str(), planted.c_str(), nullptr);
    _exit(127);
  }
  close(pipe_ends[1]);
  return {seed, pid, pipe_ends[0], "", SteadyClock::now()};
}

// What all runs were made of.
struct Sum {
  uint64_t runs = 0;
  double days = 0;
  std::vector<uint64_t> counts;
};

void AddUp(Sum& sum, const std::string& line) {
  ++sum.runs;
  size_t index = 0;
  for (const absl::string_view word : absl::StrSplit(line, ' ')) {
    const size_t equals = word.find('=');
    if (equals == absl::string_view::npos) continue;
    const absl::string_view value = word.substr(equals + 1);
    if (absl::StartsWith(word, "days=")) {
      double days = 0;
      if (absl::SimpleAtod(value, &days)) sum.days += days;
      continue;
    }
    uint64_t count = 0;
    if (!absl::SimpleAtoi(value, &count)) continue;
    if (sum.counts.size() <= index) sum.counts.resize(index + 1);
    sum.counts[index++] += count;
  }
}

// Reads what there is; false at the end of it.
bool ReadSome(Child& child) {
  char buffer[16384];
  const ssize_t count = read(child.output, buffer, sizeof(buffer));
  if (count > 0) child.text.append(buffer, static_cast<size_t>(count));
  return count > 0;
}

// True when every promise was kept.
bool End(Child& child, Sum& sum) {
  close(child.output);
  int status = 0;
  waitpid(child.pid, &status, 0);
  const size_t line = child.text.rfind("seed=");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && line != std::string::npos) {
    AddUp(sum, child.text.substr(line, child.text.find('\n', line) - line));
    return true;
  }
  std::cout << child.text << "\n"
            << (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                    ? absl::StrCat("A run took longer than ", kMostSeconds.count(), " s. ")
                    : std::string("A promise was broken. "))
            << "To replay it: tools/simulate --seed=" << child.seed << " --story\n"
            << std::flush;
  return false;
}

}  // namespace

std::string FormatReport(uint64_t seed, const Report& report) {
  return absl::StrFormat(
      "seed=%d days=%.2f messages=%d accepted=%d deliveries=%d twice=%d bounced=%d expired=%d "
      "tls_deleted=%d parked=%d faults=%d crashes=%d connections=%d steps=%d digest:%016x",
      seed, absl::FDivDuration(report.simulated, absl::Hours(24)), report.letters, report.accepted,
      report.deliveries, report.twice, report.bounced, report.expired, report.deleted_tls_policy,
      report.parked, report.faults, report.crashes, report.connections, report.steps,
      report.digest);
}

int RunBatch(const BatchOptions& options) {
  const size_t jobs = options.jobs > 0 ? static_cast<size_t>(options.jobs)
                                       : std::max(1U, std::thread::hardware_concurrency());
  const SteadyClock::time_point began = SteadyClock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(SteadyClock::now() - began).count();
  };
  std::vector<Child> children;
  Sum sum;
  uint64_t next = options.start;
  uint64_t broken = 0;
  while (true) {
    const bool more = next < options.start + options.seeds && broken == 0 &&
                      (options.minutes <= 0 || seconds() < options.minutes * 60);
    if (more && children.size() < jobs) {
      children.push_back(Begin(next++, options.bug));
      continue;
    }
    if (children.empty()) break;
    std::vector<pollfd> waiting;
    for (const Child& child : children) waiting.push_back({child.output, POLLIN, 0});
    poll(waiting.data(), waiting.size(), 1000);
    for (size_t i = waiting.size(); i-- > 0;) {
      Child& child = children[i];
      if (SteadyClock::now() - child.began > kMostSeconds) kill(child.pid, SIGKILL);
      if (waiting[i].revents == 0 || ReadSome(child)) continue;
      if (!End(child, sum)) ++broken;
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  sum.counts.resize(14);
  std::cout << absl::StrFormat(
      "%d runs from seed %d in %.0f s: %.0f simulated days, %d messages, %d accepted, %d "
      "deliveries (%d recipients twice), %d bounced, %d expired, %d deleted because of TLS policy, "
      "%d parked, %d faults, %d crashes, %d connections\n%d passed, %d failed\n",
      sum.runs, options.start, seconds(), sum.days, sum.counts[1], sum.counts[2], sum.counts[3],
      sum.counts[4], sum.counts[5], sum.counts[6], sum.counts[7], sum.counts[8], sum.counts[9],
      sum.counts[10], sum.counts[11], sum.runs, broken);
  return broken == 0 ? 0 : 1;
}

}  // namespace sluice::sim
