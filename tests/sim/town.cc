#include "tests/sim/town.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/tls/test_certificates.h"

namespace sluice::sim {
absl::string_view StartTlsName(StartTls kind) {
  static constexpr absl::string_view kNames[kStartTlsKinds] = {
      "offered",      "not offered", "refused", "rejected", "injects plaintext",
      "old versions", "garbage",     "stalls",  "hangs up"};
  return kNames[static_cast<size_t>(kind)];
}

void Host::Mend() {
  up = true;
  starttls = StartTls::kOffered;
  proof = Proof::kGood;
  if (offer == Offer::kUnapproved) offer = Offer::kTls12;
}

std::string Host::Describe() const {
  return absl::StrCat(name, up ? " is up" : " is down", ", STARTTLS: ", StartTlsName(starttls),
                      ", TLS: ", OfferName(offer), ", certificate: ", ProofName(proof));
}

std::vector<std::string> Domain::HostNames() const {
  std::vector<std::string> names;
  for (const Host* host : mx) names.push_back(host->name);
  return names;
}

Town::Town(const Scenario& scenario, Random& random, const Clock& clock, io::Executor& executor,
           std::string directory)
    : slow_key_(scenario.slow_key),
      signed_dns_(scenario.signed_dns),
      workshop_(std::move(directory), clock, executor) {
  trust_store_ =
      tls::WriteTestFile(workshop_.directory, "roots.pem", workshop_.root.certificate_pem());
  RenewGatewayCredentials();
  client_context_ =
      *tls::ClientContext::Create(workshop_.ciphers, *tls::TrustStore::Load(trust_store_), clock);
  for (int i = 0; i < scenario.domains; ++i) {
    Domain domain;
    domain.name = absl::StrCat("d", i, i % 3 == 2 ? ".group.example" : ".example");
    if (i > 0 && random.Below(16) == 0) {
      (random.Below(2) == 0 ? domain.null_mx : domain.missing) = true;
    } else {
      MakeHosts(scenario, random, i, domain);
      if (scenario.mta_sts && random.Below(3) > 0) MakeSite(random, i, domain);
    }
    domains_.push_back(std::move(domain));
  }
  LoseDomains(scenario, random);
}

void Town::MakeHosts(const Scenario& scenario, Random& random, int number, Domain& domain) {
  const size_t own = 1 + random.Below(3);
  for (size_t k = 0; k < own; ++k) {
    const std::string name = absl::StrCat("mx", k, ".d", number, ".example");
    hosts_.push_back(MakeHost(scenario, random, name, absl::StrCat("10.1.", number, ".", k + 1),
                              {name, domain.name}));
    hosts_.back()->announces = signed_dns_ && hosts_.size() % 2 == 0;
    domain.mx.push_back(hosts_.back().get());
  }
  // A host of somebody else's as well.
  if (hosts_.size() > own && random.Below(4) == 0) {
    domain.mx.push_back(hosts_[random.Below(hosts_.size() - own)].get());
  }
  if (random.Below(5) == 0) domain.static_route = domain.mx.front();
}

std::unique_ptr<Host> Town::MakeHost(const Scenario& scenario, Random& random,
                                     const std::string& name, const std::string& ip,
                                     std::vector<std::string> names) {
  auto host = std::make_unique<Host>();
  host->name = name;
  host->address = *io::SocketAddress::FromIp(ip, 25);
  const bool rsa = scenario.rsa_hosts && random.Below(2) == 0;
  host->faces = std::make_unique<Faces>(workshop_, name, std::move(names),
                                        rsa ? tls::TestKey::kRsa2048 : tls::TestKey::kP256);
  if (scenario.old_hosts && random.Below(2) == 0) {
    host->offer = static_cast<Offer>(random.Below(kOffers));
  }
  return host;
}

void Town::MakeSite(Random& random, int number, Domain& domain) {
  auto site = std::make_unique<PolicySite>();
  site->domain = domain.name;
  site->name = absl::StrCat("mta-sts.", domain.name);
  site->address = *io::SocketAddress::FromIp(absl::StrCat("10.3.", number, ".1"), 443);
  site->faces =
      std::make_unique<Faces>(workshop_, site->name, std::vector<std::string>{site->name});
  site->policy = SomePolicy(domain.HostNames(), random);
  domain.sts = site.get();
  sites_.push_back(std::move(site));
}

void Town::LoseDomains(const Scenario& scenario, Random& random) {
  for (int i = 0; i < scenario.lost_domains; ++i) {
    const Domain& domain = domains_[random.Below(domains_.size())];
    const uint64_t how = random.Below(5);
    for (Host* const host : domain.mx) {
      host->lost = true;
      if (how == 0) host->up = false;
      if (how == 1) host->proof = Proof::kUntrusted;
      if (how == 2) host->offer = Offer::kUnapproved;
      if (how > 2) host->starttls = static_cast<StartTls>(1 + random.Below(kStartTlsKinds - 1));
    }
  }
}

const PolicySite* Town::ChangePolicy(Random& random) {
  if (sites_.empty()) return nullptr;
  PolicySite& site = *sites_[random.Below(sites_.size())];
  site.Change(Find(site.domain)->HostNames(), random);
  return &site;
}

void Town::MoveMail(Domain& domain, Random& random) {
  if (domain.mx.empty()) return;
  switch (random.Below(3)) {
    case 0:
      std::rotate(domain.mx.begin(), domain.mx.begin() + 1, domain.mx.end());
      break;
    case 1:
      if (domain.mx.size() > 1) domain.mx.pop_back();
      break;
    default:
      domain.mx.push_back(hosts_[random.Below(hosts_.size())].get());
      break;
  }
}

void Town::RenewGatewayCredentials() {
  tls::TestCertificateOptions options;
  options.common_name = "gw.example";
  options.dns_names = {"gw.example"};
  if (slow_key_) options.key = tls::TestKey::kP384;
  gateway_files_ = {
      tls::WriteTestCredentials(workshop_.directory, "gateway", workshop_.root.Issue(options))};
}

const Domain* Town::Find(absl::string_view name) const {
  for (const Domain& domain : domains_) {
    if (domain.name == name) return &domain;
  }
  return nullptr;
}

Host* Town::FindHost(absl::string_view name) const {
  for (const auto& host : hosts_) {
    if (host->name == name) return host.get();
  }
  return nullptr;
}

Host* Town::FindHost(const io::SocketAddress& address) const {
  for (const auto& host : hosts_) {
    if (host->address == address) return host.get();
  }
  return nullptr;
}

const PolicySite* Town::FindSite(absl::string_view name) const {
  for (const auto& site : sites_) {
    if (site->name == name) return site.get();
  }
  return nullptr;
}

const PolicySite* Town::FindSite(const io::SocketAddress& address) const {
  for (const auto& site : sites_) {
    if (site->address == address) return site.get();
  }
  return nullptr;
}

}  // namespace sluice::sim
