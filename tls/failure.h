// Why a connection could not be secured, in the words that history, log and command line use.
#ifndef SLUICE_TLS_FAILURE_H_
#define SLUICE_TLS_FAILURE_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "tls/connection_info.h"

namespace sluice::tls {

enum class Reason {
  kNotOffered,         // EHLO without STARTTLS
  kRefused,            // STARTTLS answered with anything but 220
  kPlaintextInjected,  // bytes in clear behind the 220
  kHandshakeTimeout,
  kAlert,               // the peer sent a fatal alert
  kVersion,             // no common protocol version that is allowed
  kCipher,              // no common cipher that is allowed
  kUntrusted,           // the chain does not lead to a trusted root
  kNameMismatch,        // no name of the certificate is one that was asked for
  kExpiredCertificate,  // expired, or not yet valid
  kFingerprintMismatch,
  kDaneMismatch,   // none of the host's TLSA records is of this certificate
  kTlsaInvalid,    // none of the host's TLSA records can be used, and its policy needs one
  kDnssecInvalid,  // whether the host has TLSA records cannot be found out, or is forged
  kDaneRequired,   // policy needs DANE, and the host has none
  kStsMxMismatch,  // the domain's MTA-STS policy does not name the host
  kClosed,    // the peer went away during the handshake
  kProtocol,  // what the peer sent is not TLS, or breaks it
};
inline constexpr size_t kReasons = static_cast<size_t>(Reason::kProtocol) + 1;

// "not_offered", "refused", "plaintext_injected", "handshake_timeout", …
absl::string_view ReasonName(Reason reason);
// The reason of that name; nullopt for any other word.
std::optional<Reason> ParseReason(absl::string_view name);

struct Failure {
  Reason reason;
  std::string detail;  // for people: the alert's name, the names seen, the dates; printable ASCII
  // Where the handshake came far enough for it: what was agreed on and shown, and will not do.
  std::optional<ConnectionInfo> seen = std::nullopt;
  // Of a client's handshake: what was said in it (handshake_trace.h).
  std::string trace = {};
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_FAILURE_H_
