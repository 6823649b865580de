#include "engine/relay/ping.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/relay/dane.h"
#include "engine/relay/hop_policy.h"
#include "engine/relay/identity.h"
#include "engine/relay/mta_sts.h"
#include "engine/relay/next_hop.h"
#include "engine/relay/outbound_policy.h"
#include "engine/relay/tls_session.h"
#include "engine/smtp/client_session.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {
namespace {

constexpr absl::Duration kDnsTimeout = absl::Seconds(30);

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

void DescribeFailure(const smtp::Failure& failure, PingTarget& target) {
  target.stage = Str(smtp::StageName(failure.stage));
  target.reason =
      failure.tls_reason.has_value() ? Str(tls::ReasonName(*failure.tls_reason)) : target.stage;
  target.detail = failure.detail;
  target.handshake = failure.trace;
  if (failure.reply.has_value()) target.smtp_reply = failure.reply->ToString();
}

// What a delivery would try, as whom, and under which policy of the domain's own.
struct Found {
  HopTarget target;
  NextHops hops;
  Identity identity;
  sts::Finding mta_sts;
  bool for_mail = false;
};

// `found` outlives it.
io::Task<PingTarget> PingAddress(LaneHost& host, const Found& found, HopAddress hop,
                                 OutboundPolicy policy, MonoTime deadline) {
  io::Core& core = host.core();
  const DaneFinding dane = co_await FindDane(core, host.resolver(), hop.dane, hop.address.port(),
                                             std::min(deadline, core.Now() + kDnsTimeout));
  HopPolicy hop_policy = HopPolicyOf(policy, hop.host, dane, found.mta_sts.in_force());
  HopDemand& demand = hop_policy.demand;
  PingTarget target;
  target.mx = hop.host;
  target.address = hop.address.ToString();
  const std::optional<io::SocketAddress> source = found.identity.source.For(hop.address);
  if (source.has_value()) target.source = source->ip();
  target.decided_by = hop_policy.decided_by;
  target.dane = dane.detail;
  if (!demand.unfit.has_value()) demand.unfit = found.identity.Missing(host.client_context());
  const auto count = [&](const smtp::SessionFacts* facts,
                         const std::optional<smtp::Failure>& failure) {
    if (!found.for_mail) return;
    host.CountTlsSession({found.target, hop, dane, found.mta_sts, facts, failure});
  };
  if (demand.unfit.has_value()) {
    count(nullptr, demand.unfit);
    DescribeFailure(*demand.unfit, target);
    co_return target;
  }
  demand.peer.client_certificate = found.identity.client_certificate;
  // What the server shows today, not what it showed when a delivery's session began.
  demand.peer.full_handshake = true;
  const MonoTime begun = core.Now();
  smtp::ClientOptions options = host.client_options();
  options.open_limit = std::min(options.open_limit, deadline - begun);
  smtp::ClientSession session(core, options);
  io::ConnectOptions to;
  to.remote = hop.address;
  to.source = source;
  smtp::TlsUse use = smtp::TlsUse::Must(std::move(demand.peer));
  std::optional<smtp::Failure> failed =
      co_await session.Open(to, std::move(use), host.client_context());
  const smtp::SessionFacts& facts = session.facts();
  count(&facts, failed);
  target.stage = Str(smtp::StageName(facts.reached));
  if (facts.tls.has_value()) {
    DescribeTls(*facts.tls, target);
    target.certificate_asked = facts.tls->certificate_asked;
    if (facts.tls->certificate_shown) target.client_certificate = found.identity.client_certificate;
  }
  if (failed.has_value()) {
    found.identity.Explain(hop.address, *failed);
    DescribeFailure(*failed, target);
  } else {
    target.valid = true;
    co_await session.Quit();
  }
  target.took = core.Now() - begun;
  co_return target;
}

// Of the addresses of the order, where it names some.
io::Task<Found> Find(LaneHost& host, PingOrder order, OutboundPolicy policy, MonoTime deadline) {
  Found found;
  found.for_mail = order.for_mail;
  NextHops& hops = found.hops;
  DaneHost by_hand;
  by_hand.no_dane_because = "the addresses were not asked of DNS";
  for (const io::SocketAddress& address : order.addresses) {
    hops.addresses.push_back({.host = order.domain, .address = address, .dane = by_hand});
  }
  if (!hops.addresses.empty()) co_return found;
  const Settings& settings = host.settings();
  HopTarget& hop = found.target;
  hop = HopTargetOf(settings.routes, order.domain, settings.smtp_port, settings.hostname);
  hop.dane = settings.dane;
  found.identity = IdentityOf(settings, hop, policy);
  hops = co_await FindNextHops(host.core(), host.resolver(), hop, deadline);
  if (!hops.failure.has_value()) found.mta_sts = co_await FindMtaSts(host.mta_sts(), hop);
  co_return found;
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

  const MonoTime dns_deadline = std::min(deadline, core.Now() + kDnsTimeout);
  const Found found = co_await Find(host, std::move(order), policy, dns_deadline);
  const NextHops& hops = found.hops;
  if (hops.failure.has_value()) {
    result.dns_failure = hops.failure->detail;
    result.dns_permanent = hops.failure->kind == smtp::Failure::Kind::kPermanent;
  }
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
      target = co_await PingAddress(host, found, address, policy, deadline);
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
