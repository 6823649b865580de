#include "tls/signer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "tls/openssl_error.h"

namespace sluice::tls {
namespace {

const uint8_t* Bytes(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

absl::StatusOr<std::string> Decrypt(EVP_PKEY* key, const std::string& input) {
  RSA* const rsa = EVP_PKEY_get0_RSA(key);
  std::string output(RSA_size(rsa), '\0');
  size_t size = 0;
  // Without padding: BoringSSL removes PKCS #1's itself, in constant time (Bleichenbacher, 1998).
  if (RSA_decrypt(rsa, &size, reinterpret_cast<uint8_t*>(output.data()), output.size(),
                  Bytes(input), input.size(), RSA_NO_PADDING) != 1) {
    return absl::InternalError(absl::StrCat("decrypt: ", TakeError()));
  }
  output.resize(size);
  return output;
}

absl::StatusOr<std::string> Sign(EVP_PKEY* key, uint16_t algorithm, const std::string& input) {
  bssl::ScopedEVP_MD_CTX context;
  EVP_PKEY_CTX* padding = nullptr;
  bool ok = EVP_DigestSignInit(context.get(), &padding,
                               SSL_get_signature_algorithm_digest(algorithm), nullptr, key) == 1;
  if (ok && SSL_is_signature_algorithm_rsa_pss(algorithm) == 1) {
    ok = EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, -1 /* as long as the digest */) == 1;
  }
  std::string output(static_cast<size_t>(EVP_PKEY_size(key)), '\0');
  size_t size = output.size();
  ok = ok && EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(output.data()), &size,
                            Bytes(input), input.size()) == 1;
  if (!ok) return absl::InternalError(absl::StrCat("sign: ", TakeError()));
  output.resize(size);
  return output;
}

}  // namespace

absl::StatusOr<std::string> UsePrivateKey(const PrivateKeyRequest& request) {
  ERR_clear_error();
  EVP_PKEY* const key = request.credentials->key(request.key);
  return request.decrypt ? Decrypt(key, request.input)
                         : Sign(key, request.algorithm, request.input);
}

absl::StatusOr<std::shared_ptr<const Credentials>> InlineSigner::Load(
    absl::Span<const CredentialFiles> files, MonoTime /*deadline*/) {
  return Credentials::Load(files);
}

void InlineSigner::Work(PrivateKeyRequest request, MonoTime /*deadline*/,
                        absl::AnyInvocable<void(absl::StatusOr<std::string>) &&> done) {
  executor_.Post([request = std::move(request), done = std::move(done)]() mutable {
    std::move(done)(UsePrivateKey(request));
  });
}

}  // namespace sluice::tls
