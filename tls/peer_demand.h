// What a client demands of the server it speaks to, and what it shows to it, worked out by the
// caller from its policy.
#ifndef SLUICE_TLS_PEER_DEMAND_H_
#define SLUICE_TLS_PEER_DEMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tls {

enum class Version : uint16_t { kTls12 = 0x0303, kTls13 = 0x0304 };

// How far the server's certificate is checked. Cipher policy and version floor always hold.
enum class PeerCheck {
  kNone,         // any certificate (Postfix's "may" and "encrypt")
  kNames,        // a chain to the trust store, in date, and one of `names` (RFC 6125, RFC 7817)
  kFingerprint,  // one of `fingerprints`; chain, names and dates are not looked at
};

// A TLSA record (RFC 6698 §2.1), its fields as they came.
struct TlsaRecord {
  uint8_t usage = 0;
  uint8_t selector = 0;
  uint8_t matching_type = 0;
  std::string data;  // octets
  friend bool operator==(const TlsaRecord&, const TlsaRecord&) = default;
};

// What DANE asks of a certificate (dane.h).
struct DaneDemand {
  std::vector<TlsaRecord> records;  // usable ones; at least one has to match
  std::vector<std::string> names;   // with DANE-TA(2): one of them; A-labels
  friend bool operator==(const DaneDemand&, const DaneDemand&) = default;
};

struct PeerDemand {
  PeerCheck check = PeerCheck::kNone;
  Version minimum_version = Version::kTls12;
  std::string server_name;                // SNI; empty sends none. A-labels, no trailing dot
  std::vector<std::string> names;         // A-labels; ".example.com" also takes any name below it
  std::vector<std::string> fingerprints;  // SHA-256 of the certificate or of its public key
                                          // (SubjectPublicKeyInfo), 64 lower-case hex digits
  // Where set, this has to hold as well as `check`.
  std::optional<DaneDemand> dane;
  // Likewise: a chain to the trust store, in date, and this very name (RFC 8461 §4.1).
  std::string mta_sts_host;

  // The certificate of its own that it shows where the server asks for one, by name
  // (client_certificates.h); empty: none.
  std::string client_certificate;

  // Whether the server's certificate decides anything.
  bool authenticates() const {
    return check != PeerCheck::kNone || dane.has_value() || !mta_sts_host.empty();
  }

  // It is to show its certificate in this very connection: no session is resumed, though this one may
  // be later. No part of the digest.
  bool full_handshake = false;

  // The same demand gives the same digest: a TLS session is resumed only under the digest it was
  // made under, so one made under a weaker demand never serves a stronger one.
  std::string Digest() const;
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_PEER_DEMAND_H_
