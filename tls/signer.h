// RSA with the gateway's private keys, off the cores: one RSA-2048 signature takes as long as
// twenty P-256 ones, and every other session of the core would wait for it.
//
// Behind this one call the keys may later live in a process of their own.
//
// Thread-safe. The executor is handed in and outlives the signer.
#ifndef SLUICE_TLS_SIGNER_H_
#define SLUICE_TLS_SIGNER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
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
  explicit Signer(io::Executor& executor) : executor_(executor) {}

  // `done` is called once, on a thread of the executor.
  void Work(PrivateKeyRequest request,
            absl::AnyInvocable<void(absl::StatusOr<std::string>) &&> done);

 private:
  io::Executor& executor_;
};

// The work itself, on the calling thread.
absl::StatusOr<std::string> UsePrivateKey(const PrivateKeyRequest& request);

}  // namespace sluice::tls

#endif  // SLUICE_TLS_SIGNER_H_
