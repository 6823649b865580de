#include "tests/sim/scenario.h"

#include "engine/base/random.h"

namespace sluice::sim {
namespace {

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t bound) { return random_.Below(bound); }
  int Between(int least, int most) {
    return least + static_cast<int>(Below(static_cast<uint64_t>(most - least) + 1));
  }
  bool OneIn(uint64_t times) { return Below(times) == 0; }
  // Never, in half of the worlds: what goes wrong is best seen alone, and all together.
  uint64_t Rate(uint64_t least, uint64_t most) {
    return OneIn(2) ? 0 : least + Below(most - least + 1);
  }
  int Count(int most) { return OneIn(2) ? 0 : Between(1, most); }

 private:
  Random random_;
};

}  // namespace

Scenario DrawScenario(uint64_t seed) {
  // Another stream than the one that schedules the run.
  Draw draw(seed ^ 0x5ce9a210);
  Scenario s;
  s.seed = seed;
  s.cores = draw.Between(1, 3);
  s.domains = draw.Between(2, 8);
  s.messages = draw.Between(10, 80);
  static constexpr int kLifetimeHours[] = {1, 6, 24, 72, 168};
  s.lifetime = absl::Hours(kLifetimeHours[draw.Below(5)]);
  s.retry_schedule = draw.OneIn(3) ? "1m,5m,30m,2h" : "5m,10m,20m,40m,80m,160m,3h";
  s.busy = s.lifetime * (0.2 + 0.1 * static_cast<double>(draw.Below(10)));
  s.slow_key = draw.OneIn(4);
  s.bounce = !draw.OneIn(4);
  s.tight = draw.OneIn(3);
  s.lease = absl::Seconds(draw.OneIn(2) ? 60 : 10);

  s.bad_links = draw.Rate(2, 30);
  s.bad_visits = draw.Rate(5, 60);
  s.bad_clients = draw.Rate(2, 10);
  s.bad_lookups = draw.Rate(2, 30);
  s.slow_jobs = draw.Rate(20, 300);

  s.hop_changes = draw.Count(30);
  s.dns_changes = draw.Count(6);
  s.crashes = draw.Count(6);
  s.restarts = draw.Count(3);
  s.disk_faults = draw.Count(4);
  s.admin_actions = draw.Count(25);
  s.lost_domains = draw.Count(3);
  s.hasty_changes = draw.Count(6);
  // Long enough to see mail reach its deadline in the middle of it all.
  if (s.lifetime <= absl::Hours(6)) s.busy *= 2;
  s.clock_steps = draw.OneIn(4) ? draw.Between(1, 2) : 0;
  s.signed_dns = draw.OneIn(3);
  if (draw.OneIn(2)) s.delay_notices = {s.lifetime / 8, s.lifetime / 3};
  s.mta_sts = draw.OneIn(2);
  s.policy_changes = draw.Count(20);
  s.old_hosts = draw.OneIn(2);
  s.rsa_hosts = draw.OneIn(8);
  return s;
}

}  // namespace sluice::sim
