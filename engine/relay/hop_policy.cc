#include "engine/relay/hop_policy.h"

#include <utility>

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

bool IsDaneOnly(const OutboundPolicy& policy) {
  return policy.demand.level == policy::Level::kDaneOnly;
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

std::string DecidedBy(const OutboundPolicy& policy, const HopDemand& entry_alone,
                      const DaneFinding& dane) {
  const bool adds_nothing = dane.state == DaneFinding::State::kAbsent ||
                            (dane.state == DaneFinding::State::kUnusable && entry_alone.mandatory);
  if (adds_nothing) {
    return policy.force == Force::kMust && !policy.pattern.empty() ? "entry" : "default";
  }
  const bool both =
      entry_alone.peer.authenticates() || (policy.force == Force::kMust && IsDaneOnly(policy));
  return both ? "entry+dane" : "dane";
}

}  // namespace

HopPolicy HopPolicyOf(const OutboundPolicy& policy, absl::string_view host,
                      const DaneFinding& found) {
  // The sender asks that what the domain publishes shall not count (RFC 8689 §4.1); what the list
  // demands does.
  const bool counts = !policy.tls_optional || IsDaneOnly(policy);
  const DaneFinding dane = counts ? found : DaneFinding();
  HopPolicy result;
  OutboundPolicy enforced = policy;
  if (policy.force == Force::kMonitor) {
    result.monitored = DemandOf(policy, host, dane);
    enforced.force = Force::kMay;
  }
  result.demand = DemandOf(enforced, host, dane);
  result.decided_by = DecidedBy(enforced, DemandOf(enforced, host, DaneFinding()), dane);
  return result;
}

}  // namespace sluice::relay
