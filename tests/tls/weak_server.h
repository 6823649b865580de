// A server of ours that offers less of TLS than it would, or what nobody approves: the old and the
// odd ones that clients meet.
//
//   WeakServer::Weaken(*context, "ECDHE-ECDSA-AES128-SHA");
#ifndef SLUICE_TESTS_TLS_WEAK_SERVER_H_
#define SLUICE_TESTS_TLS_WEAK_SERVER_H_

#include <string>

#include "tls/context.h"

namespace sluice::tls {

class WeakServer {
 public:
  // From now on it speaks TLS 1.2 alone, with these suites (OpenSSL's names, ':' between them;
  // empty: with those of its policy).
  static void Weaken(const ServerContext& context, const std::string& suites);
};

}  // namespace sluice::tls

#endif  // SLUICE_TESTS_TLS_WEAK_SERVER_H_
