#include "tls/failure.h"

namespace sluice::tls {

absl::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kNotOffered:
      return "not_offered";
    case Reason::kRefused:
      return "refused";
    case Reason::kPlaintextInjected:
      return "plaintext_injected";
    case Reason::kHandshakeTimeout:
      return "handshake_timeout";
    case Reason::kAlert:
      return "alert";
    case Reason::kVersion:
      return "version";
    case Reason::kCipher:
      return "cipher";
    case Reason::kUntrusted:
      return "untrusted";
    case Reason::kNameMismatch:
      return "name_mismatch";
    case Reason::kExpiredCertificate:
      return "expired_certificate";
    case Reason::kFingerprintMismatch:
      return "fingerprint_mismatch";
    case Reason::kDaneMismatch:
      return "dane_mismatch";
    case Reason::kTlsaInvalid:
      return "tlsa_invalid";
    case Reason::kDnssecInvalid:
      return "dnssec_invalid";
    case Reason::kDaneRequired:
      return "dane_required";
    case Reason::kStsMxMismatch:
      return "sts_mx_mismatch";
    case Reason::kClosed:
      return "closed";
    case Reason::kProtocol:
      return "protocol";
  }
  return "protocol";
}

std::optional<Reason> ParseReason(absl::string_view name) {
  for (size_t i = 0; i < kReasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    if (ReasonName(reason) == name) return reason;
  }
  return std::nullopt;
}

}  // namespace sluice::tls
