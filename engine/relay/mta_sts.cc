#include "engine/relay/mta_sts.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "engine/base/log.h"
#include "engine/sts/kept_policy.h"

namespace sluice::relay {
namespace {

MtaStsState StateOf(const sts::Finding& found) {
  MtaStsState state;
  if (found.policy != nullptr) {
    const absl::string_view mode = sts::ModeName(found.policy->policy.mode);
    state.mode = std::string(mode.data(), mode.size());
    state.id = found.policy->id;
    state.mx = found.policy->policy.mx;
    state.fetched_at = found.policy->fetched_at;
    state.expires_at = found.policy->expires_at();
  }
  if (found.fault.has_value()) {
    const absl::string_view fault = sts::FaultName(*found.fault);
    state.fault = std::string(fault.data(), fault.size());
  }
  state.detail = found.detail;
  return state;
}

bool MayHavePolicy(const HopTarget& target) {
  const bool is_literal = absl::StartsWith(target.host, "[");
  return target.by_mx && !is_literal;
}

}  // namespace

MtaSts::MtaSts(io::Core& core, dns::Resolver& resolver, queue::Spool& spool,
               std::unique_ptr<tls::ClientContext> context, absl::Duration check_interval)
    : core_(core),
      spool_(spool),
      context_(std::move(context)),
      host_(core, resolver, *context_),
      keeper_(core, resolver, *this, check_interval) {}

void MtaSts::Remember(const std::string& domain, absl::string_view row) {
  absl::StatusOr<sts::KeptPolicy> policy = sts::DecodePolicy(row);
  if (policy.ok()) {
    keeper_.Remember(domain, *std::move(policy));
  } else {
    log::Error("mta_sts_damaged", {{"domain", domain},
                                   {"error", policy.status().message()},
                                   {"effect", "it is fetched again when there is mail"}});
  }
}

void MtaSts::Start() { core_.Spawn(keeper_.KeepFresh()); }

void MtaSts::Stop() {
  keeper_.Stop();
  host_.Abort();
}

io::Task<sts::Finding> MtaSts::PolicyFor(std::string domain) {
  return keeper_.PolicyFor(std::move(domain));
}

void MtaSts::Explain(std::string domain, absl::AnyInvocable<void(MtaStsState) &&> done) {
  core_.Spawn(RunExplain(std::move(domain), std::move(done)));
}

io::Task<void> MtaSts::RunExplain(std::string domain,
                                  absl::AnyInvocable<void(MtaStsState) &&> done) {
  const sts::Finding found = co_await keeper_.PolicyFor(std::move(domain));
  std::move(done)(StateOf(found));
}

io::Task<absl::StatusOr<std::string>> MtaSts::FetchPolicy(std::string domain) {
  return host_.Fetch(std::move(domain));
}

void MtaSts::Store(absl::string_view domain, const sts::KeptPolicy* policy) {
  queue::SideWrite write;
  write.key = std::string(domain);
  if (policy != nullptr) write.value = sts::EncodePolicy(*policy);
  std::vector<queue::SideWrite> writes;
  writes.push_back(std::move(write));
  spool_.WriteMtaSts(std::move(writes), [name = std::string(domain)](absl::Status written) {
    if (written.ok()) return;
    log::WarningSome("mta_sts_not_stored", name,
                     {{"domain", name},
                      {"error", written.message()},
                      {"effect", "after a restart its policy is what the store had before"}});
  });
}

io::Task<sts::Finding> FindMtaSts(MtaSts* mta_sts, HopTarget target) {
  if (mta_sts == nullptr || !MayHavePolicy(target)) co_return sts::Finding();
  co_return co_await mta_sts->PolicyFor(std::move(target.host));
}

bool IsStillKnown(const sts::Finding& found, const MtaSts* mta_sts, const HopTarget& target) {
  if (mta_sts == nullptr || !MayHavePolicy(target)) return true;
  const std::shared_ptr<const sts::KeptPolicy> known = mta_sts->Known(target.host);
  if (known == found.policy) return true;
  // A policy that was fetched anew is seldom another one.
  return known != nullptr && found.policy != nullptr && known->file == found.policy->file;
}

}  // namespace sluice::relay
