#include "tls/signing_key.h"

#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/sha256.h"

namespace sluice::tls {
namespace {

constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 4096;

absl::Status Bad(const std::string& file, absl::string_view what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", what));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const SigningKey>> SigningKey::Load(const std::string& file) {
  ERR_clear_error();
  const bssl::UniquePtr<BIO> bio(BIO_new_file(file.c_str(), "r"));
  if (bio == nullptr) return Bad(file, "cannot be read: is it there, and readable for this user?");
  // A callback that knows no password, lest BoringSSL asks for one on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (key == nullptr) {
    return Bad(file, "holds no private key in PEM that can be read without a password");
  }
  const int kind = EVP_PKEY_id(key.get());
  const int bits = EVP_PKEY_bits(key.get());
  const bool rsa = kind == EVP_PKEY_RSA && bits >= kLeastRsaBits && bits <= kMostRsaBits;
  if (!rsa && kind != EVP_PKEY_ED25519) {
    return Bad(file, "is neither an RSA key of 2048 to 4096 bits nor an Ed25519 key");
  }
  ERR_clear_error();
  return std::shared_ptr<const SigningKey>(new SigningKey(key.release()));
}

SigningKey::~SigningKey() { EVP_PKEY_free(key_); }

absl::string_view SigningKey::dkim_algorithm() const {
  return EVP_PKEY_id(key_) == EVP_PKEY_RSA ? "rsa-sha256" : "ed25519-sha256";
}

std::string SigningKey::Sign(absl::string_view text) const {
  const bool rsa = EVP_PKEY_id(key_) == EVP_PKEY_RSA;
  const std::string hash = Sha256({text});
  const absl::string_view input = rsa ? text : absl::string_view(hash);
  const auto* const octets = reinterpret_cast<const uint8_t*>(input.data());
  bssl::ScopedEVP_MD_CTX context;
  SLUICE_CHECK(
      EVP_DigestSignInit(context.get(), nullptr, rsa ? EVP_sha256() : nullptr, nullptr, key_) == 1);
  size_t size = 0;
  SLUICE_CHECK(EVP_DigestSign(context.get(), nullptr, &size, octets, input.size()) == 1);
  std::string signature(size, '\0');
  SLUICE_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()), &size,
                              octets, input.size()) == 1);
  signature.resize(size);
  return signature;
}

}  // namespace sluice::tls
