// What a run will be like, drawn from its seed: how large the world is, how much mail there is, and
// how often what goes wrong. Plain data; the same seed gives the same scenario.
#ifndef SLUICE_TESTS_SIM_SCENARIO_H_
#define SLUICE_TESTS_SIM_SCENARIO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace sluice::sim {

struct Scenario {
  uint64_t seed = 0;

  int cores = 1;
  int domains = 5;
  int messages = 60;
  absl::Duration lifetime = absl::Hours(168);  // --queue_lifetime
  std::string retry_schedule;
  absl::Duration busy;  // how long mail comes in and things go wrong; then all is well again
  bool slow_key = false;    // a certificate whose key goes through the signer
  bool bounce = true;       // --tls_expiry_action
  std::vector<absl::Duration> delay_notices;  // --delay_notices
  absl::Duration lease = absl::Seconds(60);
  static constexpr int kTightSessions = 6;
  static constexpr size_t kTightBodyMemory = size_t{8} << 10;
  bool signed_dns = false;  // by DNSSEC; and every other host announces its certificate (DANE)
  bool mta_sts = false;    // --mta_sts; and most domains have a policy
  bool old_hosts = false;  // half of the hosts may have TLS 1.2 alone, or weak suites, or none of ours
  bool rsa_hosts = false;  // half of the hosts have RSA keys
  bool tight = false;  // few sessions, descriptors, places in a lane, and little memory

  // One in so many; 0: never.
  uint64_t bad_links = 0;        // connections that fare badly
  uint64_t bad_visits = 0;       // commands that a next hop answers badly
  uint64_t bad_clients = 0;      // sessions in which a client misbehaves
  uint64_t bad_lookups = 0;      // DNS
  uint64_t slow_jobs = 0;        // jobs of a service thread that take seconds

  // How many, at random moments while it is busy.
  int dns_changes = 0;     // a domain's mail goes to other hosts from now on
  int lost_domains = 0;    // from the beginning, and for ever: nobody there, or no TLS
  int hop_changes = 0;     // a next hop goes away, comes back, loses STARTTLS, changes certificates
  int crashes = 0;         // kill -9, or a loss of power
  int restarts = 0;        // SIGTERM
  int disk_faults = 0;     // the disk fills up or breaks for a while
  int admin_actions = 0;   // the list, the queue, certificates
  int hasty_changes = 0;   // of the list, while a burst of mail is under way
  int policy_changes = 0;  // of what a domain announces by MTA-STS
  int clock_steps = 0;     // somebody sets the wall clock
};

Scenario DrawScenario(uint64_t seed);

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SCENARIO_H_
