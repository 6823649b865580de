// What the gateway's private keys do for it away from the cores: RSA, and ECDSA on P-384. One
// RSA-2048 signature takes as long as twenty P-256 ones, and every other session of the core would
// wait for it. P-256 signs on the cores (Credentials::SignsInline) and does not come here.
//
// Who has the keys is behind this interface:
// - InlineSigner: this process, on threads of an executor. For tests, the simulation and
//   --signer=inline.
// - signer::ProcessSigner (tls/signer/process_signer.h): another process, which alone can read
// them.
//
// Thread-safe.
#ifndef SLUICE_TLS_SIGNER_H_
#define SLUICE_TLS_SIGNER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/base/clock.h"
#include "engine/io/executor.h"
#include "tls/credentials.h"

namespace sluice::tls {

// What a handshake asks of a key.
struct PrivateKeyRequest {
  std::shared_ptr<const Credentials> credentials;
  Credentials::Kind key = Credentials::Kind::kRsa;  // which of them; they have it
  bool decrypt = false;    // static RSA key exchange: `input` is the encrypted premaster secret
  uint16_t algorithm = 0;  // signatures: SSL_SIGN_*
  std::string input;
};

class Signer {
 public:
  virtual ~Signer() = default;

  // Certificates and keys, all or none; what was loaded before goes on working for whoever still
  // holds it. Blocks, until `deadline` at most: not for cores. Errors name the flag and the file.
  virtual absl::StatusOr<std::shared_ptr<const Credentials>> Load(
      absl::Span<const CredentialFiles> files, MonoTime deadline) = 0;

  // `done` is called once, on any thread. A signature, or for `decrypt` the whole RSA
  // block: whoever removes its padding does so in constant time (BoringSSL; Bleichenbacher, 1998).
  // After `deadline` nobody waits for it: then `done` may also be dropped uncalled.
  virtual void Work(PrivateKeyRequest request, MonoTime deadline,
                    absl::AnyInvocable<void(absl::StatusOr<std::string>) &&> done) = 0;
};

class InlineSigner final : public Signer {
 public:
  // `executor` outlives the signer.
  explicit InlineSigner(io::Executor& executor) : executor_(executor) {}

  absl::StatusOr<std::shared_ptr<const Credentials>> Load(absl::Span<const CredentialFiles> files,
                                                          MonoTime deadline) override;
  void Work(PrivateKeyRequest request, MonoTime deadline,
            absl::AnyInvocable<void(absl::StatusOr<std::string>) &&> done) override;

 private:
  io::Executor& executor_;
};

// The work itself, on the calling thread, with a key of this process.
absl::StatusOr<std::string> UsePrivateKey(const PrivateKeyRequest& request);

}  // namespace sluice::tls

#endif  // SLUICE_TLS_SIGNER_H_
