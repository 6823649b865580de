// Who is there: domains, their mail hosts with addresses and certificates, and what DNS says of
// them. And which of it holds at this moment: hosts go away, lose STARTTLS, change certificates.
#ifndef SLUICE_TESTS_SIM_TOWN_H_
#define SLUICE_TESTS_SIM_TOWN_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/base/random.h"
#include "engine/io/executor.h"
#include "engine/io/socket_address.h"
#include "tests/sim/scenario.h"
#include "tests/tls/test_certificates.h"
#include "tls/cipher_policy.h"
#include "tls/context.h"

namespace sluice::sim {

// What a host shows.
enum class Proof : uint8_t { kGood, kExpired, kWrongName, kUntrusted };
inline constexpr size_t kProofs = 4;

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
absl::string_view ProofName(Proof proof);

struct Host {
  std::string name;
  io::SocketAddress address;
  std::vector<std::string> certified;  // what its good certificate is for
  // Each with ticket keys of its own: what was agreed under one certificate is not resumed under
  // another.
  std::array<std::unique_ptr<tls::TicketKeys>, kProofs> tickets;
  std::array<std::unique_ptr<tls::ServerContext>, kProofs> contexts;
  std::string fingerprint;  // of its good certificate: SHA-256, hex
  bool announces = false;   // that certificate, by a TLSA record (DANE), for ever

  // As of now.
  bool up = true;
  StartTls starttls = StartTls::kOffered;
  Proof proof = Proof::kGood;
  bool lost = false;  // stays as it is, for ever
};

struct Domain {
  std::string name;
  std::vector<Host*> mx;   // in order of preference, as of now
  bool null_mx = false;    // takes no mail (RFC 7505)
  bool missing = false;    // does not exist
  Host* static_route = nullptr;
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

  // What DNS says is validated, and cannot be a lie.
  bool signed_dns() const { return signed_dns_; }
  const tls::CipherPolicy& ciphers() const { return ciphers_; }
  const std::string& trust_store() const { return trust_store_; }
  const std::vector<tls::CredentialFiles>& gateway_credentials() const { return gateway_files_; }
  // Its mail goes elsewhere from now on: the same hosts in another order, fewer, or others.
  void MoveMail(Domain& domain, Random& random);
  // Writes other certificates into the same files.
  void RenewGatewayCredentials();
  // For clients.
  tls::ClientContext& client_context() { return *client_context_; }

 private:
  std::unique_ptr<Host> MakeHost(const std::string& name, const std::string& ip,
                                 std::vector<std::string> names);

  const std::string directory_;
  const bool slow_key_;
  const bool signed_dns_;
  tls::CipherPolicy ciphers_;
  tls::TestAuthority root_{"Simulated Root"};
  tls::TestAuthority stranger_{"Stranger Root"};
  tls::InlineSigner signer_;
  const Clock& clock_;
  std::string trust_store_;
  std::vector<tls::CredentialFiles> gateway_files_;
  std::unique_ptr<tls::ClientContext> client_context_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<Domain> domains_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_TOWN_H_
