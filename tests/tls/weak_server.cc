#include "tests/tls/weak_server.h"

#include <openssl/ssl.h>

#include "engine/base/check.h"
#include "tls/serving.h"

namespace sluice::tls {

void WeakServer::Weaken(const ServerContext& context, const std::string& suites) {
  for (SSL_CTX* const served : {context.serving_->ecdsa.get(), context.serving_->rsa.get()}) {
    if (served == nullptr) continue;
    SLUICE_CHECK(SSL_CTX_set_max_proto_version(served, TLS1_2_VERSION) == 1);
    if (suites.empty()) continue;
    SLUICE_CHECK(SSL_CTX_set_strict_cipher_list(served, suites.c_str()) == 1);
  }
}

}  // namespace sluice::tls
