// How BoringSSL uses a private key that is the Signer's: a Session is asked, which stops its
// handshake until its caller has the answer. For the .cc files of this folder.
#ifndef SLUICE_TLS_PRIVATE_KEY_METHOD_H_
#define SLUICE_TLS_PRIVATE_KEY_METHOD_H_

#include <openssl/ssl.h>

namespace sluice::tls {

// For SSLs that are a Session's, as server and as client.
const SSL_PRIVATE_KEY_METHOD& SignerMethod();

}  // namespace sluice::tls

#endif  // SLUICE_TLS_PRIVATE_KEY_METHOD_H_
