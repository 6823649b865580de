// DNS from tables that a test fills in. What stands in none of them does not exist.
#ifndef SLUICE_TESTS_RELAY_FAKE_RESOLVER_H_
#define SLUICE_TESTS_RELAY_FAKE_RESOLVER_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/dns/resolver.h"

namespace sluice::relay {

class FakeResolver final : public dns::Resolver {
 public:
  // In the order in which a resolver would hand them out.
  void SetMx(const std::string& domain,
             const std::vector<std::pair<uint16_t, std::string>>& hosts) {
    dns::MxAnswer answer;
    for (const auto& [preference, name] : hosts) answer.hosts.push_back({preference, name});
    answer.canonical = domain;
    mx_.insert_or_assign(domain, std::move(answer));
  }
  void SetNullMx(const std::string& domain) {
    dns::MxAnswer answer;
    answer.null_mx = true;
    mx_.insert_or_assign(domain, std::move(answer));
  }
  void SetNoMx(const std::string& domain) {
    dns::MxAnswer answer;
    answer.implicit = true;
    answer.hosts.push_back({0, domain});
    answer.canonical = domain;
    mx_.insert_or_assign(domain, std::move(answer));
  }
  void FailMx(const std::string& domain, absl::Status status) {
    mx_.insert_or_assign(domain, std::move(status));
  }
  void SetAddresses(const std::string& host, const std::vector<std::string>& ips) {
    dns::AddressAnswer answer;
    for (const std::string& ip : ips) {
      answer.addresses.push_back(*io::SocketAddress::FromIp(ip, 0));
    }
    answer.canonical = host;
    addresses_.insert_or_assign(host, std::move(answer));
  }
  void FailAddresses(const std::string& host, absl::Status status) {
    addresses_.insert_or_assign(host, std::move(status));
  }
  // From insecure, as it was set, to secure; `canonical`: what the name is an alias of.
  void SignMx(const std::string& domain, const std::string& canonical = "") {
    mx_.at(domain)->security = dns::Security::kSecure;
    if (!canonical.empty()) mx_.at(domain)->canonical = canonical;
  }
  void SignAddresses(const std::string& host, const std::string& canonical = "") {
    addresses_.at(host)->security = dns::Security::kSecure;
    if (!canonical.empty()) addresses_.at(host)->canonical = canonical;
  }
  // It is an alias; its addresses are signed or not whatever this says.
  void SetAlias(const std::string& host, const std::string& canonical, dns::Security security) {
    addresses_.at(host)->canonical = canonical;
    aliases_.insert_or_assign(host, security);
  }
  void FailAlias(const std::string& host, absl::Status status) {
    aliases_.insert_or_assign(host, std::move(status));
  }
  void SetTlsa(const std::string& host, uint16_t port, std::vector<dns::TlsaRecord> records,
               dns::Security security = dns::Security::kSecure) {
    dns::TlsaAnswer answer;
    answer.records = std::move(records);
    answer.security = security;
    tlsa_.insert_or_assign(absl::StrCat(host, ":", port), std::move(answer));
  }
  void FailTlsa(const std::string& host, uint16_t port, absl::Status status) {
    tlsa_.insert_or_assign(absl::StrCat(host, ":", port), std::move(status));
  }
  void SetTxt(const std::string& name, const std::vector<std::string>& texts) {
    dns::TxtAnswer answer;
    answer.texts = texts;
    texts_.insert_or_assign(name, std::move(answer));
  }
  void FailTxt(const std::string& name, absl::Status status) {
    texts_.insert_or_assign(name, std::move(status));
  }
  // How long the answer about a host's addresses takes to come.
  void Delay(const std::string& host, absl::Duration delay) { delays_[host] = delay; }

  // "mx example.com", "a mx.example.com", "cname mx.example.com", "tlsa mx.example.com:25",
  // "txt _mta-sts.example.com".
  const std::vector<std::string>& asked() const { return asked_; }

  io::Task<absl::StatusOr<dns::MxAnswer>> LookupMx(io::Core& /*core*/, std::string domain,
                                                   MonoTime /*deadline*/) override {
    asked_.push_back(absl::StrCat("mx ", domain));
    const auto found = mx_.find(domain);
    if (found == mx_.end()) {
      co_return absl::NotFoundError(absl::StrCat("the domain ", domain, " does not exist"));
    }
    co_return found->second;
  }

  io::Task<absl::StatusOr<dns::AddressAnswer>> LookupAddresses(io::Core& core, std::string host,
                                                               MonoTime deadline) override {
    asked_.push_back(absl::StrCat("a ", host));
    const MonoTime answered = core.Now() + delays_[host];
    co_await core.SleepUntil(std::min(answered, deadline));
    if (answered > deadline) {
      co_return absl::UnavailableError(absl::StrCat("no DNS server answered for ", host));
    }
    const auto found = addresses_.find(host);
    if (found == addresses_.end()) {
      co_return absl::NotFoundError(absl::StrCat("the domain ", host, " does not exist"));
    }
    co_return found->second;
  }

  io::Task<absl::StatusOr<dns::TlsaAnswer>> LookupTlsa(io::Core& /*core*/, std::string host,
                                                       uint16_t port,
                                                       MonoTime /*deadline*/) override {
    const std::string service = absl::StrCat(host, ":", port);
    asked_.push_back(absl::StrCat("tlsa ", service));
    const auto found = tlsa_.find(service);
    if (found == tlsa_.end()) {
      co_return absl::NotFoundError(absl::StrCat("there are no TLSA records of ", service));
    }
    co_return found->second;
  }

  io::Task<absl::StatusOr<dns::Security>> LookupAlias(io::Core& /*core*/, std::string host,
                                                      MonoTime /*deadline*/) override {
    asked_.push_back(absl::StrCat("cname ", host));
    const auto found = aliases_.find(host);
    if (found == aliases_.end()) {
      co_return absl::NotFoundError(absl::StrCat("there are no CNAME records of ", host));
    }
    co_return found->second;
  }

  io::Task<absl::StatusOr<dns::TxtAnswer>> LookupTxt(io::Core& /*core*/, std::string name,
                                                     MonoTime /*deadline*/) override {
    asked_.push_back(absl::StrCat("txt ", name));
    const auto found = texts_.find(name);
    if (found == texts_.end()) {
      co_return absl::NotFoundError(absl::StrCat("the domain ", name, " does not exist"));
    }
    co_return found->second;
  }

 private:
  std::map<std::string, absl::StatusOr<dns::MxAnswer>> mx_;
  std::map<std::string, absl::StatusOr<dns::TxtAnswer>> texts_;
  std::map<std::string, absl::StatusOr<dns::AddressAnswer>> addresses_;
  std::map<std::string, absl::StatusOr<dns::TlsaAnswer>> tlsa_;
  std::map<std::string, absl::StatusOr<dns::Security>> aliases_;
  std::map<std::string, absl::Duration> delays_;
  std::vector<std::string> asked_;
};

}  // namespace sluice::relay

#endif  // SLUICE_TESTS_RELAY_FAKE_RESOLVER_H_
