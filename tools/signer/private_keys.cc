#include "tools/signer/private_keys.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <string>
#include <utility>

namespace sluice::signer {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;

const uint8_t* Bytes(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
uint8_t* Bytes(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

// A SignatureScheme of TLS (RFC 8446 §4.2.3) that the gateway's policy can come to. In TLS 1.2 the
// curve of an ECDSA key is not tied to the hash.
struct Scheme {
  uint16_t number;
  int key_type;
  const EVP_MD* (*digest)();
  bool pss;
};
constexpr Scheme kSchemes[] = {
    {0x0401, EVP_PKEY_RSA, EVP_sha256, false}, {0x0501, EVP_PKEY_RSA, EVP_sha384, false},
    {0x0601, EVP_PKEY_RSA, EVP_sha512, false}, {0x0804, EVP_PKEY_RSA, EVP_sha256, true},
    {0x0805, EVP_PKEY_RSA, EVP_sha384, true},  {0x0806, EVP_PKEY_RSA, EVP_sha512, true},
    {0x0403, EVP_PKEY_EC, EVP_sha256, false},  {0x0503, EVP_PKEY_EC, EVP_sha384, false},
    {0x0603, EVP_PKEY_EC, EVP_sha512, false},
};

const Scheme* FindScheme(uint16_t number, int key_type) {
  for (const Scheme& scheme : kSchemes) {
    if (scheme.number == number && scheme.key_type == key_type) return &scheme;
  }
  return nullptr;
}

Fault Sign(EVP_PKEY* key, uint16_t algorithm, const std::string& input, std::string& output) {
  const Scheme* const scheme = FindScheme(algorithm, EVP_PKEY_get_base_id(key));
  if (scheme == nullptr) return Fault::kUnfit;
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* padding = nullptr;
  bool ok = context != nullptr &&
            EVP_DigestSignInit(context.get(), &padding, scheme->digest(), nullptr, key) == 1;
  if (ok && scheme->pss) {
    ok = EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key));
  output.resize(size);
  ok = ok && EVP_DigestSign(context.get(), Bytes(output), &size, Bytes(input), input.size()) == 1;
  output.resize(ok ? size : 0);
  return ok ? Fault::kNone : Fault::kFailed;
}

// The whole block, with its padding: the daemon's TLS removes that, in constant time.
Fault Decrypt(EVP_PKEY* key, const std::string& input, std::string& output) {
  const bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key));
  if (!rsa || input.size() != size) return Fault::kUnfit;
  const KeyContextPtr context(EVP_PKEY_CTX_new(key, nullptr));
  output.resize(size);
  const bool ok =
      context != nullptr && EVP_PKEY_decrypt_init(context.get()) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1 &&
      EVP_PKEY_decrypt(context.get(), Bytes(output), &size, Bytes(input), input.size()) == 1;
  output.resize(ok ? size : 0);
  return ok ? Fault::kNone : Fault::kFailed;
}

bool HasId(EVP_PKEY* key, const KeyId& id) {
  uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return false;
  KeyId found;
  static_assert(std::tuple_size_v<KeyId> == SHA256_DIGEST_LENGTH);
  SHA256(der, static_cast<size_t>(size), found.data());
  OPENSSL_free(der);
  return found == id;
}

Fault Read(const KeyFile& file, KeyPtr& key) {
  const BioPtr bio(BIO_new_file(file.path.c_str(), "r"));
  if (bio == nullptr) return Fault::kUnreadable;
  // A callback that knows no password, lest OpenSSL asks for one on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (key == nullptr) return Fault::kNoKey;
  if (!HasId(key.get(), file.key)) return Fault::kOtherKey;
  // Its public half is the right one: does its private half go with it?
  const KeyContextPtr context(EVP_PKEY_CTX_new(key.get(), nullptr));
  return context != nullptr && EVP_PKEY_pairwise_check(context.get()) == 1 ? Fault::kNone
                                                                           : Fault::kNoKey;
}

}  // namespace

std::shared_ptr<const PrivateKeys::Table> PrivateKeys::table() {
  const std::lock_guard lock(mutex_);
  return table_;
}

Response PrivateKeys::Perform(const Request& request) {
  ERR_clear_error();
  if (request.operation == Operation::kLoad) return Load(request);
  Response response;
  response.id = request.id;
  const std::shared_ptr<const Table> keys = table();
  const auto found = keys->find(request.key);
  if (found == keys->end()) {
    response.fault = Fault::kUnknownKey;
    return response;
  }
  EVP_PKEY* const key = found->second.get();
  response.fault = request.operation == Operation::kSign
                       ? Sign(key, request.algorithm, request.input, response.output)
                       : Decrypt(key, request.input, response.output);
  return response;
}

Response PrivateKeys::Load(const Request& request) {
  const std::lock_guard one_at_a_time(loading_);
  const std::shared_ptr<const Table> before = table();
  const auto next = std::make_shared<Table>();
  for (const KeyId& kept : request.keep) {
    if (const auto found = before->find(kept); found != before->end()) next->insert(*found);
  }
  Response response;
  response.id = request.id;
  for (size_t i = 0; i < request.files.size(); ++i) {
    KeyPtr key;
    response.fault = Read(request.files[i], key);
    if (response.fault != Fault::kNone) {
      response.file_index = static_cast<uint8_t>(i);
      return response;
    }
    (*next)[request.files[i].key] = std::move(key);
  }
  const std::lock_guard lock(mutex_);
  table_ = next;
  return response;
}

}  // namespace sluice::signer
