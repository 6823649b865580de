// How often something may be done, and when it may be done next.
//
//   SLUICE_ASSIGN_OR_RETURN(Rate rate, Rate::Parse("100/1m"));
//   RateLimit limit(rate);
//   if (limit.Next(now) <= now) { limit.Take(now); … }       // else wait until then
//
// A token bucket, kept as the one time at which it is full again (the generic cell rate algorithm,
// ITU-T I.371 Annex A). It holds what comes in a tenth of a second, and one at least: what is done
// is spread over the period, which is how receivers count it, and a wake-up that comes late costs
// nothing of a high rate. In no period more is done than the rate says, and one bucket.
#ifndef SLUICE_ENGINE_RELAY_RATE_H_
#define SLUICE_ENGINE_RELAY_RATE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"

namespace sluice::relay {

struct Rate {
  int64_t count = 0;  // at least 1
  absl::Duration per;

  // "100/1m", "5/s", "20000/24h": 1 to 1,000,000 in 1 s to 24 h, one a microsecond at most.
  // InvalidArgument says what is wrong and what is accepted.
  static absl::StatusOr<Rate> Parse(absl::string_view text);

  double per_second() const { return static_cast<double>(count) / absl::ToDoubleSeconds(per); }
};

class RateLimit {
 public:
  // Unset: as often as anybody likes. `share`: of so many that have the rate together.
  explicit RateLimit(std::optional<Rate> rate, size_t share = 1);

  // When the next one may be done: `now`, or later.
  MonoTime Next(MonoTime now) const;
  // One is done.
  void Take(MonoTime now);
  // Nothing is remembered: a new one would say the same.
  bool Full(MonoTime now) const { return full_at_ <= now; }

 private:
  absl::Duration each_;   // zero: no limit
  absl::Duration ahead_;  // how much of it the bucket holds besides the next one
  MonoTime full_at_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_RATE_H_
