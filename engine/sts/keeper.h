// The MTA-STS policies of the domains that one core sends to: found, kept, and kept fresh
// (RFC 8461 §3.3, §5.1).
//
//   const sts::Finding found = co_await keeper.PolicyFor("example.com");
//   if (found.in_force() != nullptr && found.in_force()->mode == Mode::kEnforce) …
//
// What is asked for when:
//   - the TXT record `_mta-sts.<domain>`, in front of a delivery, once per check_interval. So a
//     domain without a policy costs one lookup an interval, however much mail it gets.
//   - the policy file, where the record names an id that is not the cached one's; and otherwise
//     once a day (twice in its max_age, if that is shorter), by KeepFresh(), whether there is mail
//     or not.
//
// When something fails: a cached policy holds until its max_age is over, whatever DNS says and
// whether its host answers. Without one there is no policy, and mail goes as it would without
// MTA-STS; so who can suppress the first lookup can suppress the policy. That is the RFC's own
// limit (§10.2), which an entry in the enforced-TLS list lifts.
//
// A domain that mail has not gone to for kForgetAfter, or ten times its max_age, is no longer kept
// fresh, and its policy lapses in time. The number of domains is bounded: from kMostDomains on
// those used longest ago go first.
//
// One core.
#ifndef SLUICE_ENGINE_STS_KEEPER_H_
#define SLUICE_ENGINE_STS_KEEPER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/dns/resolver.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/sts/kept_policy.h"
#include "engine/sts/policy.h"

namespace sluice::sts {

// What is wrong with what a domain publishes, in the terms of RFC 8460 §4.3.2.2.
enum class Fault : uint8_t {
  kFetchError,     // sts-policy-fetch-error: its host does not answer, or not with a policy
  kInvalid,        // sts-policy-invalid: the record or the file is none
  kWebPkiInvalid,  // sts-webpki-invalid: the host's certificate will not do
};
absl::string_view FaultName(Fault fault);

struct Finding {
  // Null: none is known, and mail goes as it would without MTA-STS.
  std::shared_ptr<const KeptPolicy> policy;
  // Why there is none, or only one of earlier; unset where the domain does not announce any.
  std::optional<Fault> fault;
  std::string detail;  // for people; with `fault`, and where DNS failed

  const Policy* in_force() const { return policy == nullptr ? nullptr : &policy->policy; }
};

// What a keeper needs of the world, besides DNS.
class KeeperHost {
 public:
  // The file of the domain's policy host. Errors as PolicyHost::Fetch.
  virtual io::Task<absl::StatusOr<std::string>> FetchPolicy(std::string domain) = 0;
  // As policies are dated: time that no step of the machine's clock moves.
  virtual absl::Time Now() const = 0;
  // To be there after a restart; unset: to be gone. Nobody waits for it.
  virtual void Store(absl::string_view domain, const KeptPolicy* policy) = 0;

 protected:
  ~KeeperHost() = default;
};

class Keeper {
 public:
  static constexpr size_t kMostDomains = 20'000;
  static constexpr absl::Duration kForgetAfter = absl::Hours(24 * 60);

  // All outlive the keeper.
  Keeper(io::Core& core, dns::Resolver& resolver, KeeperHost& host, absl::Duration check_interval);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // From an earlier run; before anything is asked for.
  void Remember(std::string domain, KeptPolicy policy);

  // `domain`: A-labels, lower case, no trailing dot. Waits for DNS and, on the first contact or
  // after a change, for the policy host: a minute and a half at most.
  io::Task<Finding> PolicyFor(std::string domain);
  // What PolicyFor found last; nothing is asked for.
  std::shared_ptr<const KeptPolicy> Known(absl::string_view domain) const;

  // Until Stop(): looks after what is kept.
  io::Task<void> KeepFresh();
  void Stop();

  size_t size() const { return domains_.size(); }

 private:
  struct Domain;

  std::shared_ptr<Domain> Use(const std::string& domain);
  io::Task<void> Check(std::string name, std::shared_ptr<Domain> domain);
  io::Task<void> Look(std::string name, std::shared_ptr<Domain> domain);
  io::Task<void> Fetch(std::string name, std::string id, std::shared_ptr<Domain> domain);
  void Lapse(const std::string& name, Domain& domain);
  void MakeRoom();

  io::Core& core_;
  dns::Resolver& resolver_;
  KeeperHost& host_;
  const absl::Duration check_interval_;
  absl::flat_hash_map<std::string, std::shared_ptr<Domain>> domains_;
  io::Event stopped_;
  bool stopping_ = false;
};

}  // namespace sluice::sts

#endif  // SLUICE_ENGINE_STS_KEEPER_H_
