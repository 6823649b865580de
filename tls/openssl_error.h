// BoringSSL's error queue as text. For the .cc files of this folder.
//
// The queue is one of the thread. SSL_get_error() and what is read after a failure look at its
// oldest entry, so it is emptied in front of each call whose failure is looked at, and left empty
// behind.
#ifndef SLUICE_TLS_OPENSSL_ERROR_H_
#define SLUICE_TLS_OPENSSL_ERROR_H_

#include <string>

namespace sluice::tls {

// The oldest error of this thread's queue in words, and an empty queue.
std::string TakeError();

}  // namespace sluice::tls

#endif  // SLUICE_TLS_OPENSSL_ERROR_H_
