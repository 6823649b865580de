// Whether a server's certificate is what was demanded.
#ifndef SLUICE_TLS_PEER_VERIFIER_H_
#define SLUICE_TLS_PEER_VERIFIER_H_

#include <optional>

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
// kFingerprint looks at nothing but the leaf: its certificate's or its key's SHA-256. DANE, where it
// is demanded, has to hold as well, and comes first.
std::optional<Failure> VerifyPeer(absl::Span<x509_st* const> chain, const PeerDemand& demand,
                                  const TrustStore& trust, absl::Time now);

}  // namespace sluice::tls

#endif  // SLUICE_TLS_PEER_VERIFIER_H_
