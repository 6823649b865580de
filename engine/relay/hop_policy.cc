#include "engine/relay/hop_policy.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/planted_bug.h"
#include "engine/smtp/stage.h"
#include "tls/failure.h"

namespace sluice::relay {
namespace {

using Force = OutboundPolicy::Force;

smtp::Failure Unfit(tls::Reason reason, std::string detail) {
  smtp::Failure failure;
  failure.stage = smtp::Stage::kDns;
  failure.tls_reason = reason;
  failure.detail = std::move(detail);
  return failure;
}

// A policy may name thousands.
std::string Shown(std::vector<std::string> names) {
  constexpr size_t kMost = 8;
  const size_t more = names.size() > kMost ? names.size() - kMost : 0;
  names.resize(names.size() - more);
  return absl::StrCat(absl::StrJoin(names, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

bool IsDaneOnly(const OutboundPolicy& policy) {
  return policy.demand.level == policy::Level::kDaneOnly;
}

// Of its own, than that there is TLS.
bool AsksForMore(const OutboundPolicy& policy, const HopDemand& entry_alone) {
  return entry_alone.peer.authenticates() || (policy.force == Force::kMust && IsDaneOnly(policy));
}

HopDemand DemandOf(const OutboundPolicy& policy, absl::string_view host, const DaneFinding& dane) {
  HopDemand demand;
  demand.mandatory = policy.force != Force::kMay;
  demand.peer = policy.DemandOf(host);
  const bool dane_only = policy.force != Force::kMay && IsDaneOnly(policy);
  switch (dane.state) {
    case DaneFinding::State::kAbsent:
      if (dane_only) demand.unfit = Unfit(tls::Reason::kDaneRequired, dane.detail);
      break;
    case DaneFinding::State::kUsable:
      demand.mandatory = true;
      // For REQUIRETLS one proof of who the server is will do (RFC 8689 §4.2.1).
      if (policy.require_tls && policy.demand.level == policy::Level::kEncrypt) {
        demand.peer.check = tls::PeerCheck::kNone;
        demand.peer.names.clear();
      }
      demand.peer.dane = dane.demand;
      demand.peer.server_name = dane.base_domain;
      break;
    case DaneFinding::State::kUnusable:
      demand.mandatory = true;
      demand.peer.server_name = dane.base_domain;
      if (dane_only) demand.unfit = Unfit(tls::Reason::kTlsaInvalid, dane.detail);
      break;
    case DaneFinding::State::kUnknown:
      demand.mandatory = true;
      demand.unfit = Unfit(tls::Reason::kDnssecInvalid, dane.detail);
      break;
  }
  return demand;
}

// Whether MTA-STS has a say beside what was found out about DANE.
bool CountsBeside(const DaneFinding& dane) {
  return dane.state == DaneFinding::State::kAbsent || dane.state == DaneFinding::State::kUnusable;
}

HopDemand WithMtaSts(HopDemand demand, const sts::Policy& policy, absl::string_view host) {
  demand.mandatory = true;
  if (policy.Names(host) || SLUICE_PLANTED_BUG(StsMxNotMatched)) {
    demand.peer.mta_sts_host = std::string(host.data(), host.size());
  } else if (!demand.unfit.has_value()) {
    demand.unfit =
        Unfit(tls::Reason::kStsMxMismatch, absl::StrCat("the MTA-STS policy of the domain names ",
                                                        Shown(policy.mx), ", and not ", host));
  }
  return demand;
}

std::string DecidedBy(const OutboundPolicy& policy, const HopDemand& entry_alone,
                      const DaneFinding& dane) {
  const bool adds_nothing = dane.state == DaneFinding::State::kAbsent ||
                            (dane.state == DaneFinding::State::kUnusable && entry_alone.mandatory);
  if (adds_nothing) {
    return policy.force == Force::kMust && !policy.pattern.empty() ? "entry" : "default";
  }
  return AsksForMore(policy, entry_alone) ? "entry+dane" : "dane";
}

}  // namespace

HopPolicy HopPolicyOf(const OutboundPolicy& policy, absl::string_view host,
                      const DaneFinding& found, const sts::Policy* mta_sts) {
  // The sender asks that what the domain publishes shall not count (RFC 8689 §4.1); what the list
  // demands does.
  const DaneFinding dane = policy.tls_optional && !IsDaneOnly(policy) ? DaneFinding() : found;
  const bool counts = mta_sts != nullptr && CountsBeside(dane) && !policy.tls_optional;
  const bool enforces =
      counts && (mta_sts->mode == sts::Mode::kEnforce || SLUICE_PLANTED_BUG(StsModeIgnored));
  const bool tests = counts && mta_sts->mode == sts::Mode::kTesting;
  HopPolicy result;
  OutboundPolicy enforced = policy;
  if (policy.force == Force::kMonitor) enforced.force = Force::kMay;
  if (policy.force == Force::kMonitor || tests) {
    HopDemand demand = DemandOf(policy, host, dane);
    result.monitored =
        enforces || tests ? WithMtaSts(std::move(demand), *mta_sts, host) : std::move(demand);
  }
  const HopDemand entry_alone = DemandOf(enforced, host, DaneFinding());
  result.demand = DemandOf(enforced, host, dane);
  result.decided_by = DecidedBy(enforced, entry_alone, dane);
  if (enforces) {
    result.demand = WithMtaSts(std::move(result.demand), *mta_sts, host);
    result.decided_by = AsksForMore(enforced, entry_alone) ? "entry+mta-sts" : "mta-sts";
  }
  return result;
}

}  // namespace sluice::relay
