// A key that tests sign with, and whoever holds signatures against it: BoringSSL's own verifier.
#ifndef SLUICE_TESTS_TLS_SIGNING_PEER_H_
#define SLUICE_TESTS_TLS_SIGNING_PEER_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/base/sha256.h"
#include "gtest/gtest.h"
#include "tls/signing_key.h"

namespace sluice::tls {

class SigningPeer {
 public:
  // Of a new Ed25519 key.
  SigningPeer() : SigningPeer(NewEd25519()) {}
  explicit SigningPeer(const std::string& pem)
      : file_(testing::TempDir() + "signing_peer_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".pem") {
    std::FILE* const out = std::fopen(file_.c_str(), "w");
    SLUICE_CHECK(out != nullptr);
    SLUICE_CHECK(std::fwrite(pem.data(), 1, pem.size(), out) == pem.size());
    SLUICE_CHECK(std::fclose(out) == 0);
    const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    key_.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    SLUICE_CHECK(key_ != nullptr);
  }
  ~SigningPeer() { std::remove(file_.c_str()); }

  const std::string& file() const { return file_; }
  std::shared_ptr<const SigningKey> Load() const { return *SigningKey::Load(file_); }

  // As RFC 6376 and RFC 8463 have it.
  bool Verifies(absl::string_view text, absl::string_view signature) const {
    const bool rsa = EVP_PKEY_id(key_.get()) == EVP_PKEY_RSA;
    const std::string signed_octets = rsa ? std::string(text) : Sha256({text});
    bssl::ScopedEVP_MD_CTX context;
    SLUICE_CHECK(EVP_DigestVerifyInit(context.get(), nullptr, rsa ? EVP_sha256() : nullptr, nullptr,
                                      key_.get()) == 1);
    return EVP_DigestVerify(
               context.get(), reinterpret_cast<const uint8_t*>(signature.data()), signature.size(),
               reinterpret_cast<const uint8_t*>(signed_octets.data()), signed_octets.size()) == 1;
  }

 private:
  static std::string NewEd25519() {
    const bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
    EVP_PKEY* made = nullptr;
    SLUICE_CHECK(EVP_PKEY_keygen_init(context.get()) == 1);
    SLUICE_CHECK(EVP_PKEY_keygen(context.get(), &made) == 1);
    const bssl::UniquePtr<EVP_PKEY> key(made);
    const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
    SLUICE_CHECK(PEM_write_bio_PrivateKey(bio.get(), made, nullptr, nullptr, 0, nullptr, nullptr) ==
                 1);
    const uint8_t* octets = nullptr;
    size_t size = 0;
    SLUICE_CHECK(BIO_mem_contents(bio.get(), &octets, &size) == 1);
    return std::string(reinterpret_cast<const char*>(octets), size);
  }

  const std::string file_;
  bssl::UniquePtr<EVP_PKEY> key_;
};

}  // namespace sluice::tls

#endif  // SLUICE_TESTS_TLS_SIGNING_PEER_H_
