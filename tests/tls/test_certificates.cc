#include "tests/tls/test_certificates.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::tls {
namespace {

using KeyPtr = bssl::UniquePtr<EVP_PKEY>;

KeyPtr MakeKey(TestKey kind) {
  KeyPtr key(EVP_PKEY_new());
  if (kind == TestKey::kP256 || kind == TestKey::kP384 || kind == TestKey::kP521) {
    const int curve = kind == TestKey::kP256   ? NID_X9_62_prime256v1
                      : kind == TestKey::kP384 ? NID_secp384r1
                                               : NID_secp521r1;
    EC_KEY* const ec = EC_KEY_new_by_curve_name(curve);
    SLUICE_CHECK(EC_KEY_generate_key(ec) == 1);
    SLUICE_CHECK(EVP_PKEY_assign_EC_KEY(key.get(), ec) == 1);
    return key;
  }
  const int bits = kind == TestKey::kRsa1024 ? 1024 : kind == TestKey::kRsa2048 ? 2048 : 3072;
  const bssl::UniquePtr<BIGNUM> exponent(BN_new());
  SLUICE_CHECK(BN_set_word(exponent.get(), RSA_F4) == 1);
  RSA* const rsa = RSA_new();
  SLUICE_CHECK(RSA_generate_key_ex(rsa, bits, exponent.get(), nullptr) == 1);
  SLUICE_CHECK(EVP_PKEY_assign_RSA(key.get(), rsa) == 1);
  return key;
}

// One RSA key of each size does for a whole program: they take a second to make.
KeyPtr KeyFor(TestKey kind) {
  if (kind == TestKey::kP256 || kind == TestKey::kP384 || kind == TestKey::kP521) {
    return MakeKey(kind);
  }
  static std::array<KeyPtr, 3> made;
  KeyPtr& key = made[static_cast<size_t>(kind) - static_cast<size_t>(TestKey::kRsa1024)];
  if (key == nullptr) key = MakeKey(kind);
  return bssl::UpRef(key);
}

void AddToName(X509_NAME* name, int nid, const std::string& value) {
  if (value.empty()) return;
  SLUICE_CHECK(X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                          reinterpret_cast<const uint8_t*>(value.data()),
                                          static_cast<int>(value.size()), -1, 0) == 1);
}

bssl::UniquePtr<X509> Unsigned(const TestCertificateOptions& options, EVP_PKEY* key) {
  bssl::UniquePtr<X509> certificate(X509_new());
  SLUICE_CHECK(X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<uint8_t*>(&serial), sizeof(serial));
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
  ASN1_TIME_set_posix(X509_getm_notBefore(certificate.get()),
                      absl::ToUnixSeconds(options.not_before));
  ASN1_TIME_set_posix(X509_getm_notAfter(certificate.get()),
                      absl::ToUnixSeconds(options.not_after));
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  AddToName(subject, NID_countryName, options.country);
  AddToName(subject, NID_localityName, options.locality);
  AddToName(subject, NID_organizationName, options.organization);
  AddToName(subject, NID_commonName, options.common_name);
  SLUICE_CHECK(X509_set_pubkey(certificate.get(), key) == 1);
  if (!options.dns_names.empty()) {
    const bssl::UniquePtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
    for (const std::string& dns_name : options.dns_names) {
      ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
      ASN1_STRING_set(text, dns_name.data(), static_cast<ossl_ssize_t>(dns_name.size()));
      bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
      GENERAL_NAME_set0_value(name.get(), GEN_DNS, text);
      SLUICE_CHECK(bssl::PushToStack(names.get(), std::move(name)));
    }
    SLUICE_CHECK(X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names.get(), 0, 0) ==
                 1);
  }
  return certificate;
}

void Sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
  SLUICE_CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
  SLUICE_CHECK(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
}

void MakeAuthority(X509* certificate) {
  BASIC_CONSTRAINTS* const constraints = BASIC_CONSTRAINTS_new();
  constraints->ca = 1;
  SLUICE_CHECK(X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints, 1, 0) == 1);
  BASIC_CONSTRAINTS_free(constraints);
}

std::string Contents(BIO* bio) {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  SLUICE_CHECK(BIO_mem_contents(bio, &bytes, &size) == 1);
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

std::string Pem(X509* certificate) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  SLUICE_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return Contents(bio.get());
}

std::string Pem(EVP_PKEY* key) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  SLUICE_CHECK(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) ==
               1);
  return Contents(bio.get());
}

}  // namespace

struct TestAuthority::Pair {
  KeyPtr key;
  bssl::UniquePtr<X509> certificate;
};

TestAuthority::TestAuthority(const std::string& name) : pair_(new Pair) {
  pair_->key = KeyFor(TestKey::kP256);
  pair_->certificate = Unsigned({.common_name = name}, pair_->key.get());
  MakeAuthority(pair_->certificate.get());
  Sign(pair_->certificate.get(), pair_->certificate.get(), pair_->key.get());
  certificate_pem_ = Pem(pair_->certificate.get());
}

TestAuthority::TestAuthority(const std::string& name, const TestAuthority& above)
    : pair_(new Pair) {
  pair_->key = KeyFor(TestKey::kP256);
  pair_->certificate = Unsigned({.common_name = name}, pair_->key.get());
  MakeAuthority(pair_->certificate.get());
  Sign(pair_->certificate.get(), above.pair_->certificate.get(), above.pair_->key.get());
  certificate_pem_ = Pem(pair_->certificate.get());
  chain_pem_ = certificate_pem_ + above.chain_pem_;
}

TestAuthority::~TestAuthority() = default;

TestCertificate TestAuthority::Issue(const TestCertificateOptions& options) const {
  const KeyPtr key = KeyFor(options.key);
  const bssl::UniquePtr<X509> certificate = Unsigned(options, key.get());
  Sign(certificate.get(), pair_->certificate.get(), pair_->key.get());
  return {Pem(certificate.get()) + chain_pem_, Pem(key.get())};
}

TestCertificate SelfSigned(const TestCertificateOptions& options) {
  const KeyPtr key = KeyFor(options.key);
  const bssl::UniquePtr<X509> certificate = Unsigned(options, key.get());
  Sign(certificate.get(), certificate.get(), key.get());
  return {Pem(certificate.get()), Pem(key.get())};
}

std::string WriteTestFile(const std::string& directory, const std::string& name,
                          absl::string_view content) {
  std::string path = absl::StrCat(directory, "/", name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

CredentialFiles WriteTestCredentials(const std::string& directory, const std::string& name,
                                     const TestCertificate& certificate) {
  return {WriteTestFile(directory, absl::StrCat(name, ".pem"), certificate.certificate_pem),
          WriteTestFile(directory, absl::StrCat(name, ".key"), certificate.key_pem)};
}

std::shared_ptr<const Credentials> LoadTestCredentials(
    const std::vector<TestCertificate>& certificates) {
  static std::atomic<int> calls = 0;
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() /
      absl::StrCat("sluice-test-credentials-", getpid(), "-", calls++);
  std::filesystem::create_directory(directory);
  std::vector<CredentialFiles> files;
  for (const TestCertificate& certificate : certificates) {
    files.push_back(
        WriteTestCredentials(directory.string(), absl::StrCat(files.size()), certificate));
  }
  absl::StatusOr<std::shared_ptr<const Credentials>> loaded = Credentials::Load(files);
  std::filesystem::remove_all(directory);
  SLUICE_CHECK(loaded.ok());
  return *std::move(loaded);
}

std::shared_ptr<const TrustStore> TrustOnly(const TestAuthority& authority) {
  const std::string path = WriteTestFile(std::filesystem::temp_directory_path().string(),
                                         absl::StrCat("sluice-test-root-", getpid(), ".pem"),
                                         authority.certificate_pem());
  absl::StatusOr<std::shared_ptr<const TrustStore>> trust = TrustStore::Load(path);
  std::filesystem::remove(path);
  SLUICE_CHECK(trust.ok());
  return *std::move(trust);
}

}  // namespace sluice::tls
