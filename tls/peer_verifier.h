// Whether a server's certificate is what was demanded.
#ifndef SLUICE_TLS_PEER_VERIFIER_H_
#define SLUICE_TLS_PEER_VERIFIER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "tls/context.h"
#include "tls/failure.h"
#include "tls/peer_demand.h"

struct x509_st;

namespace sluice::tls {

// `chain`: as the peer sent it, leaf first, at least one. nullopt: it is.
//
// kNames looks at the chain first, then at dates, then at names, and reports the first that fails.
// kFingerprint looks at nothing but the leaf: its certificate's or its key's SHA-256.
std::optional<Failure> VerifyPeer(absl::Span<x509_st* const> chain, const PeerDemand& demand,
                                  const TrustStore& trust, absl::Time now);

// RFC 6125 §6.4, RFC 7817 §3: `presented` is a name of the certificate; "*." in front of it stands
// for exactly one label. `wanted` is an A-label name; one that begins with "." takes any name
// below.
bool NameMatches(absl::string_view presented, absl::string_view wanted);

}  // namespace sluice::tls

#endif  // SLUICE_TLS_PEER_VERIFIER_H_
