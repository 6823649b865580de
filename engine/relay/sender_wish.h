// What the sender asks of the way its message takes (RFC 8689), laid over what the list demands of
// it.
//
//   OutboundPolicy policy = WithWishOf(envelope, host.PolicyFor(envelope.destination));
//   …
//   if (auto failure = Unmet(policy, session.facts())) …       // connected, but not to this server
//
// REQUIRETLS: TLS, with a certificate in the server's own name, to a server that offers REQUIRETLS
// itself (§4.2.1). It makes a demand stricter, never weaker. Where no server of the destination
// offers it, the message goes back at once (5.7.30). Where TLS is what fails, the message waits
// like that of an enforced domain, and goes back at its deadline (5.7.10). From the null sender it
// demands nothing, and is passed on where it is understood (§5): a notification shall not be lost.
//
// TLS-Required: No: what the recipient's domain publishes (DANE, MTA-STS) is not to keep the
// message back. The list and --default_tls_level are this gateway's own, and hold as ever.
#ifndef SLUICE_ENGINE_RELAY_SENDER_WISH_H_
#define SLUICE_ENGINE_RELAY_SENDER_WISH_H_

#include <optional>

#include "engine/relay/outbound_policy.h"
#include "engine/smtp/client_result.h"
#include "queue/envelope.h"

namespace sluice::relay {

OutboundPolicy WithWishOf(const queue::Envelope& envelope, OutboundPolicy policy);

// Of a session that is open, under `policy`: what speaks against sending over it all the same.
std::optional<smtp::Failure> Unmet(const OutboundPolicy& policy, const smtp::SessionFacts& facts);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_SENDER_WISH_H_
