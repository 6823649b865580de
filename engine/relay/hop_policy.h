// What is demanded of one host that takes mail for a domain: the strictest of what the list says of
// the domain (OutboundPolicy), what the domain says of its hosts (MTA-STS, RFC 8461), and what the
// host says of itself in signed DNS (DANE, RFC 7672).
//
//   HopPolicy policy = HopPolicyOf(outbound_policy, "mx1.example.com", dane, mta_sts);
//   if (policy.demand.unfit.has_value()) …              // not to this host, now
//   use = policy.demand.mandatory ? TlsUse::Must(policy.demand.peer) :
//   TlsUse::May(policy.demand.peer);
//
// Where several demand something, all of it has to hold: an entry of level verify and DANE ask for
// a trusted chain and for a matching TLSA record. What a host publishes holds for domains on no
// entry too, and nothing that it publishes makes a demand weaker.
//
// Where DANE has something to say of how a host is authenticated, or cannot be asked, MTA-STS has
// not: RFC 8461 §2 has DANE take precedence. Otherwise a policy in mode enforce asks for a host
// that it names, and a certificate of that name that leads to the trust store. In mode testing the
// same is tried first and only told.
//
// Pure; no I/O.
#ifndef SLUICE_ENGINE_RELAY_HOP_POLICY_H_
#define SLUICE_ENGINE_RELAY_HOP_POLICY_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/relay/dane.h"
#include "engine/relay/outbound_policy.h"
#include "engine/smtp/client_result.h"
#include "engine/sts/policy.h"
#include "tls/peer_demand.h"

namespace sluice::relay {

// What holds for a connection.
struct HopDemand {
  bool mandatory = false;  // TLS, or nothing; else TLS where it is offered
  tls::PeerDemand peer;
  // Set where no connection could be what is demanded, as the failure that it is.
  std::optional<smtp::Failure> unfit;
};

struct HopPolicy {
  HopDemand demand;
  // Under Force::kMonitor, and where MTA-STS is being tested: what `demand` would be if that were
  // enforced. Tried first.
  std::optional<HopDemand> monitored;
  // Whose demand it is: "default" (no entry, and nothing published), "entry", "dane", "mta-sts";
  // "entry+dane", "entry+mta-sts" where each asks for something of its own. For history, log and
  // command line.
  std::string decided_by;
};

// `mta_sts`: the domain's policy; null: none is known.
HopPolicy HopPolicyOf(const OutboundPolicy& policy, absl::string_view host,
                      const DaneFinding& found, const sts::Policy* mta_sts = nullptr);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_HOP_POLICY_H_
