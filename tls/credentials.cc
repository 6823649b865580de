#include "tls/credentials.h"

#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "tls/openssl_error.h"

namespace sluice::tls {

struct Credentials::Pair {
  Kind kind;
  std::vector<bssl::UniquePtr<X509>> chain;  // leaf first
  bssl::UniquePtr<EVP_PKEY> public_key;
  std::string key_id;
  bssl::UniquePtr<EVP_PKEY> key;  // null where the signer has it
};

namespace {

absl::Status Bad(absl::string_view flag, absl::string_view file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", file, ": ", what));
}

absl::StatusOr<std::vector<bssl::UniquePtr<X509>>> LoadChain(const std::string& file) {
  ERR_clear_error();
  const bssl::UniquePtr<BIO> bio(BIO_new_file(file.c_str(), "r"));
  if (bio == nullptr) {
    ERR_clear_error();
    return Bad("--tls_certificate", file,
               "cannot be read: is it there, and readable for this user?");
  }
  std::vector<bssl::UniquePtr<X509>> chain;
  while (true) {
    bssl::UniquePtr<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) break;
    chain.push_back(std::move(certificate));
  }
  const uint32_t error = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (chain.empty() || !at_end) {
    return Bad("--tls_certificate", file,
               chain.empty() ? "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
                             : "has a certificate that cannot be read, behind good ones");
  }
  return chain;
}

absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> LoadKey(const std::string& file) {
  ERR_clear_error();
  const bssl::UniquePtr<BIO> bio(BIO_new_file(file.c_str(), "r"));
  if (bio == nullptr) {
    ERR_clear_error();
    return PrivateKeyUnreadable(file);
  }
  // A callback that knows no password, lest BoringSSL asks for one on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (key == nullptr) return PrivateKeyMissing(file);
  return key;
}

// Of a certificate's key.
absl::StatusOr<Credentials::Kind> KindOf(const EVP_PKEY* key, const std::string& file) {
  if (key != nullptr && EVP_PKEY_id(key) == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_bits(key);
    if (bits < 2048 || bits > 4096) {
      return Bad("--tls_certificate", file,
                 absl::StrCat("has an RSA key of ", bits, " bits; 2048 to 4096 are accepted"));
    }
    return Credentials::Kind::kRsa;
  }
  if (const EC_KEY* ec = key == nullptr ? nullptr : EVP_PKEY_get0_EC_KEY(key)) {
    const int curve = EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));
    if (curve == NID_X9_62_prime256v1 || curve == NID_secp384r1) return Credentials::Kind::kEcdsa;
  }
  return Bad("--tls_certificate", file,
             "has neither an ECDSA key on P-256 or P-384 nor an RSA key, which FIPS approves");
}

uint16_t CurveOf(const EVP_PKEY* key) {
  const EC_GROUP* const group = EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key));
  return EC_GROUP_get_curve_name(group) == NID_X9_62_prime256v1 ? SSL_CURVE_SECP256R1
                                                                : SSL_CURVE_SECP384R1;
}

std::string IdOf(const EVP_PKEY* key) {
  uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  SLUICE_CHECK(size > 0);
  const bssl::UniquePtr<uint8_t> owned(der);
  std::string id(SHA256_DIGEST_LENGTH, '\0');
  SHA256(der, static_cast<size_t>(size), reinterpret_cast<uint8_t*>(id.data()));
  return id;
}

absl::Status Installed(bool ok) {
  if (ok) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("install a certificate: ", TakeError()));
}

bool SignsQuickly(Credentials::Kind kind, const EVP_PKEY* key) {
  return kind == Credentials::Kind::kEcdsa && CurveOf(key) == SSL_CURVE_SECP256R1;
}

}  // namespace

absl::Status PrivateKeyUnreadable(absl::string_view file) {
  return Bad("--tls_private_key", file, "cannot be read: is it there, and readable for this user?");
}

absl::Status PrivateKeyMissing(absl::string_view file) {
  return Bad("--tls_private_key", file,
             "holds no private key in PEM that can be read without a password");
}

absl::Status PrivateKeyOfAnother(absl::string_view file, absl::string_view certificate_file) {
  return Bad("--tls_private_key", file,
             absl::StrCat("is not the key of the first certificate in ", certificate_file));
}

Credentials::Credentials() = default;
Credentials::~Credentials() = default;

absl::StatusOr<std::shared_ptr<const Credentials>> Credentials::Load(
    absl::Span<const CredentialFiles> files, Keys keys) {
  if (files.empty()) {
    return absl::InvalidArgumentError(
        "--tls_certificate: no certificate; name a chain (PEM) here and its key in "
        "--tls_private_key, an ECDSA and an RSA one separated by a comma");
  }
  std::shared_ptr<Credentials> result(new Credentials);
  for (const CredentialFiles& pair_files : files) {
    auto pair = std::make_unique<Pair>();
    SLUICE_ASSIGN_OR_RETURN(pair->chain, LoadChain(pair_files.certificate));
    pair->public_key.reset(X509_get_pubkey(pair->chain.front().get()));
    ERR_clear_error();  // a key of a kind that BoringSSL does not know is null
    EVP_PKEY* const public_key = pair->public_key.get();
    SLUICE_ASSIGN_OR_RETURN(pair->kind, KindOf(public_key, pair_files.certificate));
    pair->key_id = IdOf(public_key);
    if (keys == Keys::kAll || SignsQuickly(pair->kind, public_key)) {
      SLUICE_ASSIGN_OR_RETURN(pair->key, LoadKey(pair_files.private_key));
      if (X509_check_private_key(pair->chain.front().get(), pair->key.get()) != 1) {
        ERR_clear_error();
        return PrivateKeyOfAnother(pair_files.private_key, pair_files.certificate);
      }
    }
    if (result->has(pair->kind)) {
      return Bad("--tls_certificate", pair_files.certificate,
                 "is the second certificate of its kind; one ECDSA and one RSA are served");
    }
    Served served{pair->kind, pair_files.certificate, pair_files.private_key,
                  DetailsOf(pair->chain.front().get()), {}};
    for (size_t i = 1; i < pair->chain.size(); ++i) {
      served.chain.push_back(DetailsOf(pair->chain[i].get()));
    }
    result->served_.push_back(std::move(served));
    result->pairs_.push_back(std::move(pair));
  }
  return std::shared_ptr<const Credentials>(std::move(result));
}

const Credentials::Pair* Credentials::Find(Kind kind) const {
  for (const auto& pair : pairs_) {
    if (pair->kind == kind) return pair.get();
  }
  return nullptr;
}

evp_pkey_st* Credentials::key(Kind kind) const {
  const Pair* const pair = Find(kind);
  SLUICE_CHECK(pair != nullptr && pair->key != nullptr);
  return pair->key.get();
}

const std::string& Credentials::key_id(Kind kind) const {
  const Pair* const pair = Find(kind);
  SLUICE_CHECK(pair != nullptr);
  return pair->key_id;
}

uint16_t Credentials::curve() const {
  const Pair* const pair = Find(Kind::kEcdsa);
  SLUICE_CHECK(pair != nullptr);
  return CurveOf(pair->public_key.get());
}

bool Credentials::SignsInline(Kind kind) const {
  const Pair* const pair = Find(kind);
  SLUICE_CHECK(pair != nullptr);
  return SignsQuickly(kind, pair->public_key.get());
}

absl::Status Credentials::Install(Kind kind, ssl_ctx_st* context) const {
  const Pair* const pair = Find(kind);
  SLUICE_CHECK(pair != nullptr);
  ERR_clear_error();
  bool ok = SSL_CTX_use_certificate(context, pair->chain.front().get()) == 1;
  for (size_t i = 1; ok && i < pair->chain.size(); ++i) {
    ok = SSL_CTX_add1_chain_cert(context, pair->chain[i].get()) == 1;
  }
  if (ok && SignsInline(kind)) ok = SSL_CTX_use_PrivateKey(context, pair->key.get()) == 1;
  return Installed(ok);
}

absl::Status Credentials::Install(Kind kind, ssl_st* ssl) const {
  const Pair* const pair = Find(kind);
  SLUICE_CHECK(pair != nullptr);
  ERR_clear_error();
  bool ok = SSL_use_certificate(ssl, pair->chain.front().get()) == 1;
  for (size_t i = 1; ok && i < pair->chain.size(); ++i) {
    ok = SSL_add1_chain_cert(ssl, pair->chain[i].get()) == 1;
  }
  if (ok && SignsInline(kind)) ok = SSL_use_PrivateKey(ssl, pair->key.get()) == 1;
  return Installed(ok);
}

}  // namespace sluice::tls
