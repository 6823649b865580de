// What the servers of the town show of themselves in TLS: certificates, good ones and bad ones, and
// how much of TLS they speak.
#ifndef SLUICE_TESTS_SIM_FACES_H_
#define SLUICE_TESTS_SIM_FACES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/base/clock.h"
#include "engine/io/executor.h"
#include "tests/tls/test_certificates.h"
#include "tls/cipher_policy.h"
#include "tls/context.h"
#include "tls/credentials.h"
#include "tls/signer.h"
#include "tls/ticket_keys.h"

namespace sluice::sim {

enum class Proof : uint8_t { kGood, kExpired, kWrongName, kUntrusted };
inline constexpr size_t kProofs = 4;
absl::string_view ProofName(Proof proof);

enum class Offer : uint8_t {
  kModern,      // TLS 1.2 and 1.3, with all approved suites
  kTls12,       // TLS 1.2 alone
  kWeakest,     // TLS 1.2 alone, with the last of the approved suites: of an RSA key static RSA and
                // CBC
  kUnapproved,  // TLS 1.2 alone, with a suite that is not approved: to us that is no TLS
};
inline constexpr size_t kOffers = 4;
absl::string_view OfferName(Offer offer);

// What the servers have in common.
struct Workshop {
  Workshop(std::string with_directory, const Clock& with_clock, io::Executor& executor);

  const std::string directory;  // certificates are written to it
  const Clock& clock;
  const tls::CipherPolicy ciphers;
  tls::InlineSigner signer;
  const tls::TestAuthority root{"Simulated Root"};
  const tls::TestAuthority stranger{"Stranger Root"};
};

class Faces {
 public:
  // `names`: what the good certificate is for. `workshop` outlives them.
  Faces(Workshop& workshop, const std::string& name, std::vector<std::string> names,
        tls::TestKey key = tls::TestKey::kP256);

  tls::ServerContext& Show(Proof proof, Offer offer = Offer::kModern);
  const std::vector<std::string>& names() const { return names_; }
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  // Each with ticket keys of its own: what was agreed under one certificate is not resumed under
  // another.
  struct Face {
    explicit Face(const Clock& clock) : tickets(clock, absl::Hours(12)) {}
    tls::TicketKeys tickets;
    std::unique_ptr<tls::ServerContext> context;
  };
  std::string SuitesOf(Offer offer) const;

  Workshop& workshop_;
  const std::vector<std::string> names_;
  const bool rsa_;
  std::string fingerprint_;  // of the good certificate: SHA-256, hex
  std::array<std::shared_ptr<const tls::Credentials>, kProofs> credentials_;
  std::array<std::array<std::unique_ptr<Face>, kOffers>, kProofs> faces_;  // made when first shown
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_FACES_H_
