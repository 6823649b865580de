// What a handshake agreed on, and whom it was with. Plain data.
#ifndef SLUICE_TLS_CONNECTION_INFO_H_
#define SLUICE_TLS_CONNECTION_INFO_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tls/peer_demand.h"

namespace sluice::tls {

struct ConnectionInfo {
  Version version = Version::kTls12;
  std::string version_name;  // "TLSv1.2", "TLSv1.3"
  std::string cipher;        // OpenSSL's name: "ECDHE-ECDSA-AES128-GCM-SHA256",
                             // "TLS_AES_256_GCM_SHA384"
  int cipher_bits = 0;       // 128 or 256
  std::string group;         // "P-256"; empty for static RSA
  bool resumed = false;
  // A client, in a handshake that was no resumption: the server asked for a certificate, and got
  // one that says more than "none".
  bool certificate_asked = false;
  bool certificate_shown = false;
  // The peer's leaf certificate, as a client sees it; empty on a server. Printable ASCII.
  std::string peer_subject;
  std::string peer_issuer;
  std::string peer_fingerprint;  // SHA-256 of the certificate, 64 hex digits
  absl::Time peer_not_after = absl::InfiniteFuture();
  std::vector<std::string> peer_names;  // "DNS:mx.example.com", the first kNamesShown
  std::vector<std::string> peer_chain;  // subjects, leaf first, the first kChainShown
  static constexpr size_t kNamesShown = 32;
  static constexpr size_t kChainShown = 8;
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_CONNECTION_INFO_H_
