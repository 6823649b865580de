// The certificates that this gateway shows, with their private keys.
//
//   SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Credentials> credentials,
//                           Credentials::Load({{"ecdsa.pem", "ecdsa.key"}, {"rsa.pem",
//                           "rsa.key"}}));
//
// A key on P-256 is held here, as it signs on the cores. Any other is held by the Signer
// (tls/signer.h), which may be another process: then there is only its public half here.
//
// Immutable; thread-safe. A reload makes another object; sessions keep the one they began with.
#ifndef SLUICE_TLS_CREDENTIALS_H_
#define SLUICE_TLS_CREDENTIALS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tls/certificate_details.h"

struct evp_pkey_st;
struct ssl_ctx_st;
struct ssl_st;

namespace sluice::tls {

struct CredentialFiles {
  std::string certificate;  // PEM, leaf first
  std::string private_key;  // PEM, not encrypted
};

// InvalidArgument, in the words for the administrator: flag: file: what is wrong.
absl::Status PrivateKeyUnreadable(absl::string_view file);
absl::Status PrivateKeyMissing(absl::string_view file);
absl::Status PrivateKeyOfAnother(absl::string_view file, absl::string_view certificate_file);

class Credentials {
 public:
  enum class Kind { kEcdsa, kRsa };
  enum class Keys { kAll, kInlineOnly };

  // At least one pair, at most one of each kind. Keys: ECDSA P-256 or P-384, RSA 2048 to 4096.
  // kInlineOnly opens no file of a key that is the signer's: whether it fits is the signer's to
  // say. Errors name the flag and the file.
  static absl::StatusOr<std::shared_ptr<const Credentials>> Load(
      absl::Span<const CredentialFiles> files, Keys keys = Keys::kAll);

  struct Served {
    Kind kind;
    std::string file;
    std::string key_file;
    CertificateDetails details;
    std::vector<CertificateDetails> chain;  // of the certificates behind the leaf
  };
  const std::vector<Served>& served() const { return served_; }
  bool has(Kind kind) const { return Find(kind) != nullptr; }

  // Whether signatures of this key are quick enough for a core (P-256: 20 us). The others (P-384:
  // 20 times as long, RSA-2048: 30 times) go through Signer. `kind` is there (checked), here as
  // below.
  bool SignsInline(Kind kind) const;
  // Puts the chain of `kind` into `context`, and the key where it signs inline.
  absl::Status Install(Kind kind, ssl_ctx_st* context) const;
  absl::Status Install(Kind kind, ssl_st* ssl) const;  // for this connection alone
  evp_pkey_st* key(Kind kind) const;  // it was loaded (checked)
  // SHA-256 of its SubjectPublicKeyInfo: what the key is called between processes.
  const std::string& key_id(Kind kind) const;
  // The curve of the ECDSA key, as TLS numbers it (SSL_CURVE_SECP256R1 or SSL_CURVE_SECP384R1).
  uint16_t curve() const;

  ~Credentials();
  struct Pair;

 private:
  Credentials();
  const Pair* Find(Kind kind) const;

  std::vector<std::unique_ptr<Pair>> pairs_;
  std::vector<Served> served_;
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_CREDENTIALS_H_
