#include "engine/relay/ping.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/relay/next_hop.h"
#include "engine/relay/outbound_policy.h"
#include "engine/smtp/client_session.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {
namespace {

std::string Str(absl::string_view text) { return std::string(text.data(), text.size()); }

void DescribeTls(const tls::ConnectionInfo& tls, PingTarget& target) {
  target.tls_version = tls.version_name;
  target.cipher = tls.cipher;
  target.certificate_subject = tls.peer_subject;
  target.certificate_issuer = tls.peer_issuer;
  target.certificate_fingerprint = tls.peer_fingerprint;
  target.certificate_names = tls.peer_names;
  target.chain = tls.peer_chain;
  if (tls.peer_not_after != absl::InfiniteFuture()) {
    target.certificate_not_after = tls.peer_not_after;
  }
}

io::Task<PingTarget> PingAddress(LaneHost& host, HopAddress hop, tls::PeerDemand demand,
                                 MonoTime deadline) {
  io::Core& core = host.core();
  PingTarget target;
  target.mx = hop.host;
  target.address = hop.address.ToString();
  const MonoTime begun = core.Now();
  smtp::ClientOptions options = host.client_options();
  options.open_limit = std::min(options.open_limit, deadline - begun);
  smtp::ClientSession session(core, options);
  io::ConnectOptions to;
  to.remote = hop.address;
  smtp::TlsUse use = smtp::TlsUse::Must(std::move(demand));
  const std::optional<smtp::Failure> failed =
      co_await session.Open(to, std::move(use), host.client_context());
  const smtp::SessionFacts& facts = session.facts();
  target.stage = Str(smtp::StageName(failed.has_value() ? failed->stage : facts.reached));
  if (facts.tls.has_value()) DescribeTls(*facts.tls, target);
  if (failed.has_value()) {
    target.reason =
        failed->tls_reason.has_value() ? Str(tls::ReasonName(*failed->tls_reason)) : target.stage;
    target.detail = failed->detail;
    target.handshake = failed->trace;
    if (failed->reply.has_value()) target.smtp_reply = failed->reply->ToString();
  } else {
    target.valid = true;
    co_await session.Quit();
  }
  target.took = core.Now() - begun;
  co_return target;
}

// The addresses of the order, or what a delivery would try.
io::Task<NextHops> HopsOf(LaneHost& host, PingOrder order, MonoTime deadline) {
  NextHops hops;
  for (const io::SocketAddress& address : order.addresses) {
    hops.addresses.push_back({.host = order.domain, .address = address});
  }
  if (!hops.addresses.empty()) co_return hops;
  const Settings& settings = host.settings();
  const HopTarget hop =
      HopTargetOf(settings.routes, order.domain, settings.smtp_port, settings.hostname);
  hops = co_await FindNextHops(host.core(), host.resolver(), hop, deadline);
  co_return hops;
}

}  // namespace

io::Task<PingResult> PingDomain(LaneHost& host, PingOrder order, MonoTime deadline) {
  io::Core& core = host.core();
  PingResult result;
  result.domain = order.domain;
  result.at = core.WallNow();
  OutboundPolicy policy = order.entry == nullptr ? host.PolicyFor(order.domain)
                                                 : OutboundPolicyOf(*order.entry, order.domain);
  result.entry = policy.pattern;
  result.level = Str(policy::LevelName(policy.demand.level));
  // Level encrypt is the default of a demand: what is left unset demands no less.
  policy.force = OutboundPolicy::Force::kMust;

  const MonoTime dns_deadline = std::min(deadline, core.Now() + absl::Seconds(30));
  const NextHops hops = co_await HopsOf(host, std::move(order), dns_deadline);
  if (hops.failure.has_value()) result.dns_failure = hops.failure->detail;
  for (const std::string& unresolved : hops.unresolved) {
    PingTarget target;
    target.mx = unresolved.substr(0, unresolved.find(':'));
    target.stage = "dns";
    target.reason = "dns";
    target.detail = unresolved;
    result.targets.push_back(std::move(target));
  }
  size_t valid = 0;
  for (const HopAddress& address : hops.addresses) {
    PingTarget target;
    if (core.Now() >= deadline) {
      target.mx = address.host;
      target.address = address.address.ToString();
      target.stage = "connect";
      target.reason = "timeout";
      target.detail = "not reached within the time given to this ping";
    } else {
      tls::PeerDemand demand = policy.DemandOf(address.host);
      // What the server shows today, not what it showed when a delivery's session began.
      demand.full_handshake = true;
      target = co_await PingAddress(host, address, std::move(demand), deadline);
    }
    if (target.valid) ++valid;
    result.targets.push_back(std::move(target));
  }
  result.verdict = valid == 0                       ? PingVerdict::kInvalid
                   : valid == result.targets.size() ? PingVerdict::kValid
                                                    : PingVerdict::kPartial;
  co_return result;
}

}  // namespace sluice::relay
