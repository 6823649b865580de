// The parts of judging a certificate: where its chain leads, and whose it is.
//
// Thread-safe: pure functions of their arguments.
#ifndef SLUICE_TLS_CERTIFICATE_CHECKS_H_
#define SLUICE_TLS_CERTIFICATE_CHECKS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "tls/failure.h"

struct x509_st;
struct x509_store_st;

namespace sluice::tls {

// What a chain may end at.
enum class Anchors {
  kRoots,  // a certificate of the store that issued itself
  kAny,    // any certificate of the store
};

// A chain from the first of `chain` leads to `anchors`, through others of it, and all of it is in
// date at `now`; else kUntrusted or kExpiredCertificate.
std::optional<Failure> CheckChain(absl::Span<x509_st* const> chain, x509_store_st* anchors,
                                  Anchors kind, absl::Time now);

// One of the leaf's names is one of `wanted`; else kNameMismatch.
std::optional<Failure> CheckNames(x509_st* leaf, const std::vector<std::string>& wanted);

// RFC 6125 §6.4, RFC 7817 §3: `presented` is a name of the certificate; "*." in front of it stands
// for exactly one label. `wanted` is an A-label name; one that begins with "." takes any name
// below.
bool NameMatches(absl::string_view presented, absl::string_view wanted);

}  // namespace sluice::tls

#endif  // SLUICE_TLS_CERTIFICATE_CHECKS_H_
