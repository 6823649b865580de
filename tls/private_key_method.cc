#include "tls/private_key_method.h"

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "tls/session.h"

namespace sluice::tls {
namespace {

ssl_private_key_result_t BeginSign(SSL* ssl, uint8_t* /*out*/, size_t* /*out_size*/,
                                   size_t /*out_limit*/, uint16_t algorithm, const uint8_t* in,
                                   size_t in_size) {
  Session::Of(ssl).AskSigner(/*decrypt=*/false, algorithm,
                             {reinterpret_cast<const char*>(in), in_size});
  return ssl_private_key_retry;
}

ssl_private_key_result_t BeginDecrypt(SSL* ssl, uint8_t* /*out*/, size_t* /*out_size*/,
                                      size_t /*out_limit*/, const uint8_t* in, size_t in_size) {
  Session::Of(ssl).AskSigner(/*decrypt=*/true, 0, {reinterpret_cast<const char*>(in), in_size});
  return ssl_private_key_retry;
}

ssl_private_key_result_t Complete(SSL* ssl, uint8_t* out, size_t* out_size, size_t out_limit) {
  const absl::StatusOr<std::string>* const answer = Session::Of(ssl).signer_answer();
  if (answer == nullptr) return ssl_private_key_retry;
  if (!answer->ok() || (*answer)->size() > out_limit) return ssl_private_key_failure;
  std::copy((*answer)->begin(), (*answer)->end(), out);
  *out_size = (*answer)->size();
  return ssl_private_key_success;
}

constexpr SSL_PRIVATE_KEY_METHOD kSignerMethod = {BeginSign, BeginDecrypt, Complete};

}  // namespace

const SSL_PRIVATE_KEY_METHOD& SignerMethod() { return kSignerMethod; }

}  // namespace sluice::tls
