// How hard a destination may be pressed: how many connections to it, how often, and whether it is
// to be left alone for a while. No I/O, so that every case can be tested by itself.
//
//   if (pace.NextConnection(now) <= now) { pace.TakeConnection(now); …connect… }
//   pace.Carried();                                 // a message, over a connection begun earlier
//   pace.Refused(begun, now, in_use, standing);     // 421, or 4xx to MAIL: fewer connections
//   switch (pace.RoundFailed(trouble, begun, now)) …   // no address will have a connection
//
// Connections. As many as --lane_connections, until the server speaks of itself: half of those in
// use then, and one more again when each has carried ten messages (Postfix's concurrency feedback
// of 1/concurrency, slower: to find out that one more is one too many costs a refused connection).
// What was begun before the number was last reduced does not reduce it again: twenty connections
// that are refused at the same moment are one refusal.
//
// Pauses. Where no connection can be had at all, and none stands, because the server turned it away
// (421 or another 4xx) or, the second time in a row, because it could not be reached, nobody
// connects for a while, and after it one connection tries first. Each pause that follows without a
// message carried in between is twice as long, up to a bound.
//
// Rates. --destination_rate and --destination_connection_rate (rate.h).
//
// What a server says of a recipient or of a message (greylisting, a full mailbox) is none of this,
// and failures of TLS are the breaker's matter (breaker.h).
//
// A destination is what mail shares connections to: a domain found by MX, a static route's next hop
// (HopTarget::name). All lanes to it on a core share one pace. One core.
#ifndef SLUICE_ENGINE_RELAY_LANE_PACE_H_
#define SLUICE_ENGINE_RELAY_LANE_PACE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/relay/rate.h"
#include "engine/relay/settings.h"
#include "engine/smtp/client_result.h"

namespace sluice::relay {

// What is wrong with a destination that a connection failed at.
enum class Trouble : uint8_t {
  kNone,         // nothing that waiting longer would mend: TLS, DNS, a refusal for good
  kTurnedAway,   // it said 421 or another 4xx
  kUnreachable,  // it did not answer, or in no sensible way
};

Trouble TroubleOf(const smtp::Failure& failure);

// What a transaction says of the server rather than of the message.
enum class Verdict : uint8_t {
  kCarried,  // all is well, whatever became of the message
  kRefused,  // 421 at any point, or 4xx to MAIL unless it is about the sender's address
  kNothing,  // it broke off
};

Verdict VerdictOf(const smtp::SendResult& result);

class LanePace {
 public:
  struct Limits {
    size_t connections = 20;  // of a lane; at least 1
    std::optional<Rate> messages = std::nullopt;
    std::optional<Rate> connection_rate = std::nullopt;
    size_t share = 1;  // of so many cores that have the rates together
    absl::Duration first_pause = absl::Seconds(30);
    absl::Duration longest_pause = absl::Minutes(10);
  };
  // `share` as above. No pause is longer than the first wait of the retry timetable: what comes
  // during one waits no longer than if it had been tried in vain.
  static Limits LimitsOf(const Settings& settings, size_t share);

  explicit LanePace(const Limits& limits);

  // Most connections of a lane.
  size_t connections() const { return connections_; }
  bool paused(MonoTime now) const { return now < paused_until_; }
  MonoTime paused_until() const { return paused_until_; }
  int failed_rounds() const { return failed_rounds_; }

  // When the next connection may be begun, and the next message sent: `now`, or later.
  MonoTime NextConnection(MonoTime now) const;
  MonoTime NextMessage(MonoTime now) const { return messages_.Next(now); }
  void TakeConnection(MonoTime now) { connection_rate_.Take(now); }
  void TakeMessage(MonoTime now) { messages_.Take(now); }

  // How many messages are worth being kept in memory: those of the next minute.
  size_t Room(size_t most) const;
  // Most messages a second; unset: no rate is set.
  std::optional<double> per_second() const;

  void Carried();
  // By a server to which `standing` connections go on to stand, and `in_use` there were.
  void Refused(MonoTime begun, MonoTime now, size_t in_use, size_t standing);

  enum class Round : uint8_t {
    kKnown,        // it was begun before another one failed: nothing new
    kFailed,       // all that waits has failed by it
    kFailedPause,  // the same, and a pause begins
    kSparedPause,  // a pause begins, and but for the message at hand, what waits is tried after it
  };
  // No address would have a connection, and none stands.
  Round RoundFailed(Trouble trouble, MonoTime begun, MonoTime now);
  // Somebody wants it tried now: a pause is over.
  void Resume(MonoTime now) { paused_until_ = std::min(paused_until_, now); }

  // A new one would do the same.
  bool Forgettable(MonoTime now) const;

 private:
  void Reduce(size_t connections, MonoTime now);

  const Limits limits_;
  size_t connections_;
  size_t carried_ = 0;  // since connections_ was raised
  RateLimit messages_;
  RateLimit connection_rate_;
  MonoTime reduced_at_;
  bool ever_reduced_ = false;
  int failed_rounds_ = 0;  // in a row
  MonoTime round_failed_at_;
  absl::Duration pause_;  // the last one; zero: none since a message was carried
  MonoTime paused_until_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_LANE_PACE_H_
