// What was said in a TLS handshake, for whoever has to find out why it failed: a line for each
// message and alert, in the order in which they were sent (">") and came ("<").
//
//   > ClientHello, 289 bytes: TLS 1.3, 1.2; TLS_AES_256_GCM_SHA384, …; groups P-256, P-384; SNI
//   mx.a.test < ServerHello, 118 bytes: TLS 1.2; TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 <
//   Certificate, 2210 bytes > alert fatal: unknown CA
//
// Redacted by being made of a few known fields: no randoms, session ids, tickets, key shares,
// signatures or application data are in it. Bounded, however much a peer sends: kMostLines lines of
// some kMostLine bytes. What is noted during a handshake is a short copy of the two hellos; the
// words are made when somebody asks.
//
// Thread-compatible.
#ifndef SLUICE_TLS_HANDSHAKE_TRACE_H_
#define SLUICE_TLS_HANDSHAKE_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sluice::tls {

class HandshakeTrace {
 public:
  static constexpr size_t kMostLines = 24;
  static constexpr size_t kMostLine = 600;

  // As BoringSSL's message callback has it: SSL3_RT_HANDSHAKE, SSL3_RT_ALERT, …; of any other type
  // (record headers) nothing is noted.
  void Note(bool sent, int content_type, absl::string_view message);

  // Lines, each with its line feed; printable ASCII. Empty when nothing was said.
  std::string ToString() const;

 private:
  struct Said {
    bool sent;
    uint8_t content_type;
    size_t size;       // of all of it
    std::string head;  // as far as words are made of it
  };

  std::vector<Said> said_;
  size_t unsaid_ = 0;  // beyond kMostLines
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_HANDSHAKE_TRACE_H_
