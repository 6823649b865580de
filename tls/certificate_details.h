// A certificate as people look at it: what an administrator hands to a partner, and what history
// keeps of a peer's. Every string is printable ASCII, whatever the certificate holds.
#ifndef SLUICE_TLS_CERTIFICATE_DETAILS_H_
#define SLUICE_TLS_CERTIFICATE_DETAILS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

struct x509_st;

namespace sluice::tls {

struct CertificateDetails {
  std::string common_name;
  std::vector<std::string> subject_alternative_names;  // "DNS:mail.example.com", "IP:192.0.2.1"
  std::string organization;
  std::string location;             // "Berlin, BE, DE": locality, state, country
  std::string serial_number;        // "04:A3:…"
  std::string signature_algorithm;  // "ecdsa-with-SHA256"
  std::string subject;              // distinguished name, RFC 4514
  std::string issuer;
  absl::Time not_before;
  absl::Time not_after;
  std::string key;                     // "ECDSA P-256", "RSA 2048"
  std::string fingerprint_sha256;      // of the certificate, 64 hex digits
  std::string key_fingerprint_sha256;  // of its SubjectPublicKeyInfo
};

CertificateDetails DetailsOf(x509_st* certificate);
std::string SubjectOf(x509_st* certificate);  // the same as in its details

// The DNS names among the subject alternative names, lower-case; where there are none, the common
// name, as RFC 6125 §6.4.4 still allows.
std::vector<std::string> DnsNamesOf(x509_st* certificate);

}  // namespace sluice::tls

#endif  // SLUICE_TLS_CERTIFICATE_DETAILS_H_
