// A private key that signs texts of this gateway's own, as DKIM has it (RFC 6376 §3.3.1, RFC 8463
// §3): RSA with SHA-256 (PKCS #1 v1.5), or Ed25519 over the SHA-256 of the text.
//
//   SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const SigningKey> key, SigningKey::Load(file));
//   std::string signature = key->Sign(text);
//
// It is this process' own, unlike the keys of certificates (tls/signer): what it can be misused for
// is to sign mail, and only under the one selector that was made for it.
//
// Immutable; thread-safe. An RSA signature takes half a millisecond of its thread.
#ifndef SLUICE_TLS_SIGNING_KEY_H_
#define SLUICE_TLS_SIGNING_KEY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct evp_pkey_st;

namespace sluice::tls {

class SigningKey {
 public:
  // A private key in PEM, without a password. InvalidArgument names the file and what is accepted:
  // RSA of 2048 to 4096 bits, or Ed25519.
  static absl::StatusOr<std::shared_ptr<const SigningKey>> Load(const std::string& file);
  ~SigningKey();
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;

  // "rsa-sha256", "ed25519-sha256".
  absl::string_view dkim_algorithm() const;
  std::string Sign(absl::string_view text) const;

 private:
  explicit SigningKey(evp_pkey_st* key) : key_(key) {}

  evp_pkey_st* const key_;  // owned
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_SIGNING_KEY_H_
