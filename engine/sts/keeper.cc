#include "engine/sts/keeper.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/sts/record.h"

namespace sluice::sts {
namespace {

constexpr absl::Duration kDnsTimeout = absl::Seconds(10);
// Of who waits for another's check: DNS, and the policy host within its minute (§3.3).
constexpr absl::Duration kLookupTimeout = absl::Seconds(80);
constexpr absl::Duration kRefresh = absl::Hours(24);
// A domain that has no policy and gets no mail is forgotten after this.
constexpr absl::Duration kKeepNothing = absl::Hours(1);

bool IsDue(const KeptPolicy& policy, absl::Time now) {
  return policy.fetched_at + std::min(kRefresh, policy.policy.max_age / 2) <= now;
}

}  // namespace

struct Keeper::Domain {
  explicit Domain(io::Core& core) : checked(core) {}

  Finding finding;
  absl::Time used_at;
  MonoTime check_at;  // DNS is not asked before; long ago at first
  bool checking = false;
  io::Event checked;
};

absl::string_view FaultName(Fault fault) {
  switch (fault) {
    case Fault::kFetchError:
      return "sts-policy-fetch-error";
    case Fault::kInvalid:
      return "sts-policy-invalid";
    case Fault::kWebPkiInvalid:
      return "sts-webpki-invalid";
  }
  SLUICE_CHECK(false);
}

Keeper::Keeper(io::Core& core, dns::Resolver& resolver, KeeperHost& host,
               absl::Duration check_interval)
    : core_(core),
      resolver_(resolver),
      host_(host),
      check_interval_(check_interval),
      stopped_(core) {}

Keeper::~Keeper() = default;

void Keeper::Remember(std::string domain, KeptPolicy policy) {
  const std::shared_ptr<Domain> kept = Use(domain);
  kept->used_at = policy.used_at;
  kept->finding.policy = std::make_shared<const KeptPolicy>(std::move(policy));
  Lapse(domain, *kept);
}

std::shared_ptr<Keeper::Domain> Keeper::Use(const std::string& domain) {
  const auto found = domains_.find(domain);
  if (found != domains_.end()) return found->second;
  if (domains_.size() >= kMostDomains) MakeRoom();
  auto made = std::make_shared<Domain>(core_);
  domains_.emplace(domain, made);
  return made;
}

// A tenth at once, so that looking through all of them is rare.
void Keeper::MakeRoom() {
  std::vector<std::pair<absl::Time, std::string>> idle;
  for (const auto& [name, domain] : domains_) {
    if (domain.use_count() == 1) idle.emplace_back(domain->used_at, name);
  }
  const size_t most = std::min(idle.size(), kMostDomains / 10);
  std::partial_sort(idle.begin(), idle.begin() + static_cast<std::ptrdiff_t>(most), idle.end());
  idle.resize(most);
  for (const auto& [used_at, name] : idle) {
    if (domains_[name]->finding.policy != nullptr) host_.Store(name, nullptr);
    domains_.erase(name);
  }
}

io::Task<Finding> Keeper::PolicyFor(std::string name) {
  const std::shared_ptr<Domain> domain = Use(name);
  domain->used_at = host_.Now();
  Lapse(name, *domain);
  if (domain->checking) {
    if (domain->finding.policy == nullptr) {
      co_await domain->checked.Wait(core_.Now() + kLookupTimeout);
    }
  } else if (core_.Now() >= domain->check_at) {
    co_await Check(name, domain);
  }
  co_return domain->finding;
}

std::shared_ptr<const KeptPolicy> Keeper::Known(absl::string_view domain) const {
  const auto found = domains_.find(domain);
  return found == domains_.end() ? nullptr : found->second->finding.policy;
}

// A policy whose time is over is dropped when the record is due to be looked at: so a max_age
// shorter than that does not leave its domain without a policy in between, or have it fetched for
// each message.
void Keeper::Lapse(const std::string& name, Domain& domain) {
  const std::shared_ptr<const KeptPolicy>& policy = domain.finding.policy;
  if (policy == nullptr || policy->expires_at() > host_.Now()) return;
  if (core_.Now() < domain.check_at) return;
  domain.finding.policy = nullptr;
  host_.Store(name, nullptr);
  log::Info("mta_sts_lapsed", {{"domain", name}});
}

io::Task<void> Keeper::Check(std::string name, std::shared_ptr<Domain> domain) {
  domain->checking = true;
  co_await Look(name, domain);
  domain->check_at = core_.Now() + check_interval_;
  domain->checking = false;
  domain->checked.NotifyAll();
}

io::Task<void> Keeper::Look(std::string name, std::shared_ptr<Domain> domain) {
  Finding& finding = domain->finding;
  std::string asked = absl::StrCat("_mta-sts.", name);
  const absl::StatusOr<dns::TxtAnswer> record =
      co_await resolver_.LookupTxt(core_, std::move(asked), core_.Now() + kDnsTimeout);
  const absl::StatusOr<std::string> id =
      record.ok() ? ReadPolicyId(record->texts) : absl::StatusOr<std::string>(record.status());
  finding.fault.reset();
  finding.detail.clear();
  if (!id.ok()) {
    // Neither takes a cached policy away (§5.1).
    if (absl::IsInvalidArgument(id.status())) finding.fault = Fault::kInvalid;
    const bool announces_none = absl::IsNotFound(id.status()) && finding.policy == nullptr;
    if (!announces_none) finding.detail = std::string(id.status().message());
    co_return;
  }
  const bool current = finding.policy != nullptr && finding.policy->id == *id &&
                       !IsDue(*finding.policy, host_.Now());
  if (!current) co_await Fetch(name, *id, domain);
}

io::Task<void> Keeper::Fetch(std::string name, std::string id, std::shared_ptr<Domain> domain) {
  const absl::StatusOr<std::string> file = co_await host_.FetchPolicy(name);
  absl::StatusOr<Policy> policy =
      file.ok() ? ReadPolicy(*file) : absl::StatusOr<Policy>(file.status());
  Finding& finding = domain->finding;
  if (!policy.ok()) {
    if (SLUICE_PLANTED_BUG(StsPolicyDroppedOnFailedFetch)) finding.policy = nullptr;
    finding.fault = file.ok()                                ? Fault::kInvalid
                    : absl::IsUnauthenticated(file.status()) ? Fault::kWebPkiInvalid
                                                             : Fault::kFetchError;
    finding.detail = std::string(policy.status().message());
    log::WarningSome("mta_sts_not_fetched", name,
                     {{"domain", name},
                      {"id", id},
                      {"fault", FaultName(*finding.fault)},
                      {"error", finding.detail},
                      {"effect", finding.policy != nullptr
                                     ? "the policy fetched before holds until its max_age is over"
                                     : "its mail goes as without MTA-STS"}});
    co_return;
  }
  const bool changed = finding.policy == nullptr || finding.policy->file != *file;
  auto kept = std::make_shared<KeptPolicy>();
  kept->id = std::move(id);
  kept->file = *file;
  kept->policy = *std::move(policy);
  kept->fetched_at = host_.Now();
  kept->used_at = domain->used_at;
  finding.policy = kept;
  host_.Store(name, kept.get());
  if (!changed) co_return;
  log::Info("mta_sts_policy", {{"domain", name},
                               {"id", kept->id},
                               {"mode", ModeName(kept->policy.mode)},
                               {"mx", absl::StrJoin(kept->policy.mx, ",")},
                               {"max_age", absl::FormatDuration(kept->policy.max_age)}});
}

io::Task<void> Keeper::KeepFresh() {
  while (!stopping_) {
    co_await stopped_.Wait(core_.Now() + check_interval_);
    const absl::Time now = host_.Now();
    std::vector<std::string> due;
    for (auto& [name, domain] : domains_) {
      Lapse(name, *domain);
      const std::shared_ptr<const KeptPolicy>& policy = domain->finding.policy;
      if (policy == nullptr || !IsDue(*policy, now)) continue;
      const absl::Duration wanted_for = std::min(kForgetAfter, 10 * policy->policy.max_age);
      if (domain->used_at + wanted_for > now) due.push_back(name);
    }
    absl::erase_if(domains_, [now](const auto& item) {
      const Domain& domain = *item.second;
      return domain.finding.policy == nullptr && item.second.use_count() == 1 &&
             domain.used_at + kKeepNothing < now;
    });
    // One after the other: it is nobody's mail that waits for it.
    for (const std::string& name : due) {
      const auto found = domains_.find(name);
      if (stopping_ || found == domains_.end()) continue;
      const std::shared_ptr<Domain> domain = found->second;
      if (domain->checking || core_.Now() < domain->check_at) continue;
      co_await Check(name, domain);
    }
  }
}

void Keeper::Stop() {
  stopping_ = true;
  stopped_.NotifyAll();
}

}  // namespace sluice::sts
