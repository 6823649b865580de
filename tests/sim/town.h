// Who is there: domains, their mail hosts with addresses and certificates, and what DNS says of
// them. And which of it holds at this moment: hosts go away, lose STARTTLS, change certificates.
#ifndef SLUICE_TESTS_SIM_TOWN_H_
#define SLUICE_TESTS_SIM_TOWN_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/base/random.h"
#include "engine/io/executor.h"
#include "engine/io/socket_address.h"
#include "tests/sim/faces.h"
#include "tests/sim/policy_site.h"
#include "tests/sim/scenario.h"
#include "tls/cipher_policy.h"
#include "tls/context.h"

namespace sluice::sim {

enum class StartTls : uint8_t {
  kOffered,
  kNotOffered,
  kRefused,      // 454
  kRejected,     // 554
  kInjects,      // says more behind its 220, in clear
  kOldVersions,  // an alert: protocol_version
  kGarbage,      // what follows the 220 is no TLS
  kStalls,       // nothing follows the 220
  kHangsUp,      // the end follows the 220
};
inline constexpr size_t kStartTlsKinds = 9;
absl::string_view StartTlsName(StartTls kind);

struct Host {
  std::string name;
  io::SocketAddress address;
  std::unique_ptr<Faces> faces;
  bool announces = false;  // its good certificate, by a TLSA record (DANE), for ever

  // As of now.
  bool up = true;
  StartTls starttls = StartTls::kOffered;
  Proof proof = Proof::kGood;
  Offer offer = Offer::kModern;
  bool lost = false;  // stays as it is, for ever

  void Mend();
  std::string Describe() const;
};

struct Domain {
  std::string name;
  std::vector<Host*> mx;   // in order of preference, as of now
  bool null_mx = false;    // takes no mail (RFC 7505)
  bool missing = false;    // does not exist
  Host* static_route = nullptr;
  PolicySite* sts = nullptr;  // of its MTA-STS policy

  std::vector<std::string> HostNames() const;
};

class Town {
 public:
  // `executor`: signs for the hosts. `directory`: where certificates are written to.
  Town(const Scenario& scenario, Random& random, const Clock& clock, io::Executor& executor,
       std::string directory);

  std::vector<std::unique_ptr<Host>>& hosts() { return hosts_; }
  std::vector<Domain>& domains() { return domains_; }
  const std::vector<Domain>& domains() const { return domains_; }
  const Domain* Find(absl::string_view name) const;
  Host* FindHost(absl::string_view name) const;
  Host* FindHost(const io::SocketAddress& address) const;
  std::vector<std::unique_ptr<PolicySite>>& sites() { return sites_; }
  const PolicySite* FindSite(absl::string_view name) const;  // "mta-sts.d1.example"
  const PolicySite* FindSite(const io::SocketAddress& address) const;

  // What DNS says is validated, and cannot be a lie.
  bool signed_dns() const { return signed_dns_; }
  const tls::CipherPolicy& ciphers() const { return workshop_.ciphers; }
  const std::string& trust_store() const { return trust_store_; }
  const std::vector<tls::CredentialFiles>& gateway_credentials() const { return gateway_files_; }
  // Something of some domain's MTA-STS changes; nullptr: none has any.
  const PolicySite* ChangePolicy(Random& random);
  // Its mail goes elsewhere from now on: the same hosts in another order, fewer, or others.
  void MoveMail(Domain& domain, Random& random);
  // Writes other certificates into the same files.
  void RenewGatewayCredentials();
  // For clients.
  tls::ClientContext& client_context() { return *client_context_; }

 private:
  std::unique_ptr<Host> MakeHost(const Scenario& scenario, Random& random, const std::string& name,
                                 const std::string& ip, std::vector<std::string> names);
  void MakeHosts(const Scenario& scenario, Random& random, int number, Domain& domain);
  void MakeSite(Random& random, int number, Domain& domain);
  void LoseDomains(const Scenario& scenario, Random& random);

  const bool slow_key_;
  const bool signed_dns_;
  Workshop workshop_;
  std::string trust_store_;
  std::vector<tls::CredentialFiles> gateway_files_;
  std::unique_ptr<tls::ClientContext> client_context_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<PolicySite>> sites_;
  std::vector<Domain> domains_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_TOWN_H_
