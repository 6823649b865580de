#include "engine/relay/next_hop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/smtp/stage.h"
#include "policy/domain_name.h"

namespace sluice::relay {
namespace {

// More addresses than any domain needs; a domain that publishes more does not hold a lane longer.
constexpr size_t kMostAddresses = 64;

// Asking again would give the same: the mail comes back, in words of ours.
smtp::Failure Final(int code, smtp::EnhancedStatus status, std::string text, std::string detail) {
  smtp::Failure failure;
  failure.stage = smtp::Stage::kDns;
  failure.kind = smtp::Failure::Kind::kPermanent;
  failure.reply = smtp::Reply{code, status, std::move(text)};
  failure.detail = std::move(detail);
  return failure;
}

smtp::Failure ForNow(std::string detail) {
  smtp::Failure failure;
  failure.stage = smtp::Stage::kDns;
  failure.detail = std::move(detail);
  return failure;
}

// An address literal, "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3).
std::optional<io::SocketAddress> AddressLiteral(absl::string_view domain, uint16_t port) {
  if (domain.size() < 2 || domain.front() != '[' || domain.back() != ']') return std::nullopt;
  domain = domain.substr(1, domain.size() - 2);
  if (absl::StartsWithIgnoreCase(domain, "ipv6:")) domain.remove_prefix(5);
  const absl::StatusOr<io::SocketAddress> address = io::SocketAddress::FromIp(domain, port);
  if (!address.ok()) return std::nullopt;
  return *address;
}

// What the hosts of a domain have in common.
struct Domain {
  std::string no_dane_because;     // for people; empty: DNSSEC vouches for which hosts they are
  std::vector<std::string> names;  // the domain, and what it is an alias of
};

DaneHost DaneHostOf(const Domain& domain, const std::string& host,
                    const dns::AddressAnswer& found) {
  DaneHost dane;
  dane.no_dane_because = domain.no_dane_because;
  dane.names = domain.names;
  const bool is_alias = host != found.canonical;
  const bool is_signed = found.security == dns::Security::kSecure;
  if (dane.no_dane_because.empty() && !is_signed && !is_alias) {
    dane.no_dane_because =
        absl::StrCat("the addresses of ", host, " are not signed with DNSSEC, or not validated");
  }
  dane.leads_out = is_alias && !is_signed;
  if (!dane.leads_out) dane.base_domains.push_back(found.canonical);
  if (is_alias) dane.base_domains.push_back(host);
  return dane;
}

DaneHost WithoutName() {
  DaneHost dane;
  dane.no_dane_because = "an address has no name that TLSA records could be found under";
  return dane;
}

// Adds the addresses of one host, or the reason why there are none.
io::Task<void> AddHost(io::Core& core, dns::Resolver& resolver, std::string host, uint16_t port,
                       const Domain& domain, MonoTime deadline, NextHops& hops) {
  if (const auto ip = io::SocketAddress::FromIp(host, port); ip.ok()) {
    hops.addresses.push_back({std::move(host), *ip, WithoutName()});
    co_return;
  }
  const absl::StatusOr<dns::AddressAnswer> found =
      co_await resolver.LookupAddresses(core, host, deadline);
  if (!found.ok()) {
    hops.may_come |= !absl::IsNotFound(found.status()) && !absl::IsInvalidArgument(found.status());
    hops.unresolved.push_back(absl::StrCat(host, ": ", found.status().message()));
    co_return;
  }
  const DaneHost dane = DaneHostOf(domain, host, *found);
  for (io::SocketAddress address : found->addresses) {
    address.set_port(port);
    if (hops.addresses.size() < kMostAddresses) hops.addresses.push_back({host, address, dane});
  }
}

// The hosts of a domain by MX, or why there are none.
io::Task<std::optional<smtp::Failure>> MxHosts(io::Core& core, dns::Resolver& resolver,
                                               const HopTarget& target, MonoTime deadline,
                                               std::vector<std::string>& hosts, Domain& common) {
  const std::string& domain = target.host;
  const absl::StatusOr<dns::MxAnswer> mx = co_await resolver.LookupMx(core, domain, deadline);
  const std::string why(mx.status().message());
  if (absl::IsNotFound(mx.status())) {
    co_return Final(550, {5, 1, 2}, absl::StrCat("The domain ", domain, " does not exist"), why);
  }
  if (absl::IsInvalidArgument(mx.status())) {
    co_return Final(550, {5, 1, 2}, absl::StrCat(domain, " is no domain name"), why);
  }
  if (!mx.ok()) co_return ForNow(why);
  if (mx->null_mx) {  // RFC 7505 §3
    co_return Final(556, {5, 1, 10}, absl::StrCat("The domain ", domain, " accepts no mail"),
                    absl::StrCat(domain, " publishes a null MX (RFC 7505)"));
  }
  if (mx->security != dns::Security::kSecure) {
    common.no_dane_because =
        absl::StrCat("the MX records of ", domain, " are not signed with DNSSEC, or not validated");
  }
  common.names.push_back(domain);
  if (mx->canonical != domain) common.names.push_back(mx->canonical);
  const auto self =
      std::find_if(mx->hosts.begin(), mx->hosts.end(),
                   [&target](const dns::MxHost& host) { return host.name == target.own_name; });
  for (const dns::MxHost& host : mx->hosts) {
    if (self == mx->hosts.end() || host.preference < self->preference) hosts.push_back(host.name);
  }
  if (!hosts.empty()) co_return std::nullopt;
  // For the administrator to mend, and so nothing that mail is lost for.
  co_return ForNow(
      absl::StrCat("mail for ", domain, " loops back to this gateway: ", target.own_name,
                   " is its preferred MX host; give ", domain, " a static route (--route)"));
}

}  // namespace

HopTarget HopTargetOf(const RouteTable& routes, absl::string_view domain, uint16_t mx_port,
                      absl::string_view own_name) {
  const policy::LookupName own(own_name);
  const std::string own_normal(own.view().data(), own.view().size());
  if (const Route* route = routes.Find(domain)) {
    return {route->next_hop(), /*by_mx=*/false, route->host,  route->port,
            own_normal,        /*dane=*/true,   route->source};
  }
  const policy::LookupName name(domain);
  const std::string normal(name.view().data(), name.view().size());
  return {normal, /*by_mx=*/true, normal, mx_port, own_normal, /*dane=*/true, SourceAddresses()};
}

io::Task<NextHops> FindNextHops(io::Core& core, dns::Resolver& resolver, HopTarget target,
                                MonoTime deadline) {
  NextHops hops;
  std::vector<std::string> hosts;
  Domain domain;
  if (!target.by_mx) {
    hosts.push_back(target.host);
    domain.names.push_back(target.host);
  } else if (const auto literal = AddressLiteral(target.host, target.port)) {
    hops.addresses.push_back({literal->ip(), *literal, WithoutName()});
    co_return hops;
  } else {
    hops.failure = co_await MxHosts(core, resolver, target, deadline, hosts, domain);
    if (hops.failure.has_value()) co_return hops;
  }
  if (!target.dane) domain.no_dane_because = "DANE is switched off (--dane)";
  for (size_t i = 0; i < hosts.size(); ++i) {
    const absl::Duration share = (deadline - core.Now()) / static_cast<int64_t>(hosts.size() - i);
    co_await AddHost(core, resolver, hosts[i], target.port, domain, core.Now() + share, hops);
  }
  if (!hops.addresses.empty()) co_return hops;
  std::string why = absl::StrJoin(hops.unresolved, "; ");
  // By MX, a name that does not exist is the domain's own mistake and final; a route's is the
  // administrator's, who will mend it.
  hops.failure =
      hops.may_come || !target.by_mx
          ? ForNow(std::move(why))
          : Final(550, {5, 4, 4}, absl::StrCat("No mail host of ", target.host, " has an address"),
                  std::move(why));
  co_return hops;
}

}  // namespace sluice::relay
