#include "tests/sim/town.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::sim {
namespace {

std::shared_ptr<const tls::Credentials> Load(const tls::CredentialFiles& files) {
  absl::StatusOr<std::shared_ptr<const tls::Credentials>> loaded =
      tls::Credentials::Load({files});
  SLUICE_CHECK(loaded.ok());
  return *loaded;
}

}  // namespace

absl::string_view StartTlsName(StartTls kind) {
  static constexpr absl::string_view kNames[kStartTlsKinds] = {
      "offered",      "not offered", "refused", "rejected",  "injects plaintext",
      "old versions", "garbage",     "stalls",  "hangs up"};
  return kNames[static_cast<size_t>(kind)];
}

absl::string_view ProofName(Proof proof) {
  static constexpr absl::string_view kNames[kProofs] = {"good", "expired", "wrong name",
                                                        "untrusted"};
  return kNames[static_cast<size_t>(proof)];
}

Town::Town(const Scenario& scenario, Random& random, const Clock& clock, io::Executor& executor,
           std::string directory)
    : directory_(std::move(directory)),
      slow_key_(scenario.slow_key),
      signed_dns_(scenario.signed_dns),
      ciphers_(*tls::CipherPolicy::Parse("TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL")),
      signer_(executor),
      clock_(clock) {
  trust_store_ = tls::WriteTestFile(directory_, "roots.pem", root_.certificate_pem());
  RenewGatewayCredentials();
  client_context_ =
      *tls::ClientContext::Create(ciphers_, *tls::TrustStore::Load(trust_store_), clock);

  for (int i = 0; i < scenario.domains; ++i) {
    Domain domain;
    domain.name = absl::StrCat("d", i, i % 3 == 2 ? ".group.example" : ".example");
    if (i > 0 && random.Below(16) == 0) {
      (random.Below(2) == 0 ? domain.null_mx : domain.missing) = true;
      domains_.push_back(std::move(domain));
      continue;
    }
    const size_t own = 1 + random.Below(3);
    for (size_t k = 0; k < own; ++k) {
      const std::string name = absl::StrCat("mx", k, ".d", i, ".example");
      hosts_.push_back(MakeHost(name, absl::StrCat("10.1.", i, ".", k + 1), {name, domain.name}));
      hosts_.back()->announces = signed_dns_ && hosts_.size() % 2 == 0;
      domain.mx.push_back(hosts_.back().get());
    }
    // A host of somebody else's as well.
    if (hosts_.size() > own && random.Below(4) == 0) {
      domain.mx.push_back(hosts_[random.Below(hosts_.size() - own)].get());
    }
    if (random.Below(5) == 0) domain.static_route = domain.mx.front();
    domains_.push_back(std::move(domain));
  }
  for (int i = 0; i < scenario.lost_domains; ++i) {
    const Domain& domain = domains_[random.Below(domains_.size())];
    const uint64_t how = random.Below(4);
    for (Host* const host : domain.mx) {
      host->lost = true;
      if (how == 0) host->up = false;
      if (how == 1) host->proof = Proof::kUntrusted;
      if (how > 1) host->starttls = static_cast<StartTls>(1 + random.Below(kStartTlsKinds - 1));
    }
  }
}

std::unique_ptr<Host> Town::MakeHost(const std::string& name, const std::string& ip,
                                     std::vector<std::string> names) {
  auto host = std::make_unique<Host>();
  host->name = name;
  host->address = *io::SocketAddress::FromIp(ip, 25);
  host->certified = names;
  for (size_t i = 0; i < kProofs; ++i) {
    const auto proof = static_cast<Proof>(i);
    tls::TestCertificateOptions options;
    options.common_name = name;
    options.dns_names = names;
    if (proof == Proof::kExpired) options.not_after = absl::FromUnixSeconds(1'650'000'000);
    if (proof == Proof::kWrongName) options.dns_names = {"elsewhere.example"};
    const tls::TestCertificate certificate =
        (proof == Proof::kUntrusted ? stranger_ : root_).Issue(options);
    const auto credentials =
        Load(tls::WriteTestCredentials(directory_, absl::StrCat(name, ".", i), certificate));
    if (proof == Proof::kGood) {
      host->fingerprint = credentials->served().front().details.fingerprint_sha256;
    }
    host->tickets[i] = std::make_unique<tls::TicketKeys>(clock_, absl::Hours(12));
    host->contexts[i] =
        *tls::ServerContext::Create(ciphers_, credentials, *host->tickets[i], signer_);
  }
  return host;
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
  gateway_files_ = {tls::WriteTestCredentials(directory_, "gateway", root_.Issue(options))};
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

}  // namespace sluice::sim
