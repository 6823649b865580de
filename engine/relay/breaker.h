// The circuit breakers of the destinations that this core looks after: which are open, and when
// each is probed next. No I/O, so that every case can be tested by itself.
//
//   breaker.next_probe = now + breakers.WaitAfter(/*failed_probes=*/0);
//   breakers.Open("example.com", std::move(breaker));
//   while (std::optional<std::string> destination = breakers.TakeDue(now)) Probe(*destination);
//   …
//   breakers.ProbeFailed("example.com", std::nullopt, now);      // open still, and probed later
//   breakers.Close("example.com");
//
// A destination is a recipient domain. Its breaker opens when an attempt under enforcement failed
// for TLS on every address there is: mail for it is parked from then on, and one probe after the
// other is made in the place of attempts (parking.h). The waits between probes are those of the
// retry timetable, --tls_probe_interval at most.
//
// One core.
#ifndef SLUICE_ENGINE_RELAY_BREAKER_H_
#define SLUICE_ENGINE_RELAY_BREAKER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/base/random.h"
#include "queue/envelope.h"
#include "queue/retry_timetable.h"

namespace sluice::relay {

// One moment by both clocks: what is waited for goes by the core's, what people are shown is in the
// queue's own time (queue/spool.h).
struct Moment {
  MonoTime mono;
  absl::Time queue;

  friend Moment operator+(const Moment& moment, absl::Duration wait) {
    return {moment.mono + wait, moment.queue + wait};
  }
};

struct Breaker {
  queue::AttemptFailure failure;  // of TLS: of the attempt that opened it, or of a probe since
  std::string pattern;            // of the entry that decided then; empty: the default level
  uint64_t generation = 0;        // of that entry
  int failed_probes = 0;
  Moment next_probe;  // while one is under way: when that began to be due
};

class Breakers {
 public:
  // Both outlive it. `longest`: --tls_probe_interval.
  Breakers(const queue::RetryTimetable& waits, absl::Duration longest, Random& random)
      : waits_(waits), longest_(longest), random_(random) {}

  // Opens it, to be probed at breaker.next_probe; one that is open stays as it is, but for why: it
  // has been tried past the breaker. True: it was closed.
  bool Open(const std::string& destination, Breaker breaker);
  // False: it was closed.
  bool Close(absl::string_view destination);
  // Null: it is closed. Until anything else is called.
  const Breaker* Find(absl::string_view destination) const;

  // One whose probe is due, and which is not handed out again before ProbeFailed.
  std::optional<std::string> TakeDue(MonoTime now);
  // When the next one is; Never: none.
  MonoTime NextProbe() const;
  // `failure`: unset where it was not TLS that failed. Nothing where it is closed by now.
  void ProbeFailed(absl::string_view destination, std::optional<queue::AttemptFailure> failure,
                   const Moment& now);

  // Before the probe that follows so many in vain; another one each time (jitter).
  absl::Duration WaitAfter(int failed_probes);

  void ForEach(absl::FunctionRef<void(const std::string&, const Breaker&)> function) const;
  size_t size() const { return open_.size(); }

 private:
  const queue::RetryTimetable& waits_;
  const absl::Duration longest_;
  Random& random_;
  absl::flat_hash_map<std::string, Breaker> open_;
  std::set<std::pair<MonoTime, std::string>> schedule_;  // of those that are not being probed
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_BREAKER_H_
