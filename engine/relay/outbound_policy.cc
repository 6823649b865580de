#include "engine/relay/outbound_policy.h"

#include "absl/strings/str_cat.h"
#include "engine/base/planted_bug.h"
#include "engine/io/socket_address.h"
#include "policy/domain_name.h"

namespace sluice::relay {

OutboundPolicy OutboundPolicyOf(const policy::Entry& entry, absl::string_view domain) {
  OutboundPolicy result;
  const policy::LookupName name(domain);
  result.domain = std::string(name.view().data(), name.view().size());
  result.demand = policy::OutboundDemandOf(entry);
  result.force =
      result.demand.enforced ? OutboundPolicy::Force::kMust : OutboundPolicy::Force::kMonitor;
  result.pattern = entry.pattern.text();
  result.generation = entry.generation;
  result.source = SourceAddresses::Of(entry.source_addresses);
  result.client_certificate = entry.client_certificate;
  return result;
}

OutboundPolicy OutboundPolicyOf(const policy::Snapshot& list, absl::string_view domain,
                                DefaultLevel default_level) {
  const policy::LookupName name(domain);
  if (const policy::Entry* entry = list.Lookup(name.view(), policy::Flow::kOutbound)) {
    return OutboundPolicyOf(*entry, domain);
  }
  OutboundPolicy result;
  result.domain = std::string(name.view().data(), name.view().size());
  if (default_level == DefaultLevel::kEncrypt) result.force = OutboundPolicy::Force::kMust;
  return result;
}

tls::PeerDemand OutboundPolicy::DemandOf(absl::string_view host) const {
  tls::PeerDemand wanted;
  // An address cannot be sent as SNI (RFC 6066 §3), nor be one of the names.
  const bool host_is_name = !io::SocketAddress::FromIp(host, 0).ok();
  if (host_is_name) wanted.server_name = std::string(host.data(), host.size());
  if (force == Force::kMay) return wanted;

  const bool only_13 = demand.minimum_version == policy::TlsVersion::kTls13 &&
                       !SLUICE_PLANTED_BUG(MinimumVersionIgnored);
  wanted.minimum_version = only_13 ? tls::Version::kTls13 : tls::Version::kTls12;
  switch (demand.level) {
    case policy::Level::kEncrypt:
      // The other levels check who the server is in their own way.
      if (!require_tls) break;
      wanted.check = tls::PeerCheck::kNames;
      // RFC 8689 §4.2.1: the domain's own name where no MX record has led to the host.
      wanted.names.push_back(host_is_name ? wanted.server_name : domain);
      break;
    case policy::Level::kDaneOnly:  // what it demands depends on the host (hop_policy.h)
      break;
    case policy::Level::kVerify:
    case policy::Level::kSecure:
      wanted.check = tls::PeerCheck::kNames;
      wanted.names = demand.names;
      if (demand.accept_mx_host && host_is_name) wanted.names.push_back(wanted.server_name);
      if (demand.accept_domain) wanted.names.push_back(domain);
      break;
    case policy::Level::kFingerprint:
      wanted.check = tls::PeerCheck::kFingerprint;
      wanted.fingerprints = demand.fingerprints;
      break;
  }
  return wanted;
}

std::string OutboundPolicy::Digest() const {
  const absl::string_view optional = tls_optional ? "-tls-optional" : "";
  if (force == Force::kMay) return absl::StrCat("may", optional);
  return absl::StrCat(force == Force::kMust ? "must-" : "monitor-", demand.Digest(),
                      require_tls ? "-requiretls" : optional,
                      demand.accept_domain || require_tls ? absl::StrCat("-", domain) : "",
                      source.empty() ? "" : absl::StrCat("-from-", source.ToString()),
                      client_certificate.empty() ? "" : "-as-", client_certificate);
}

}  // namespace sluice::relay
