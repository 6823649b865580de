// What one attempt to have TLS with a host is in a TLS report (RFC 8460 §4): which policy was
// applied, and whether the session was as it asks.
//
//   if (auto counted = CountedSessionOf({target, hop, dane, mta_sts, facts, failure})) …
//
// Each session is counted once, under the policy that decided: DANE where the host has TLSA records
// or cannot be asked for them, else MTA-STS, else none. The policy of a domain is its own; what the
// enforced-TLS list asks of it beyond that counts as under no policy, and what fails of it as what
// it is ("dane-required", "certificate-not-trusted", …).
//
// Where TLS itself came about: TLSA records of which none can be used are a failure all the same,
// and so is an MTA-STS policy that is announced and cannot be had or read, while none is kept.
// Where one is kept, that is what was applied.
//
// Not counted (nullopt): what failed before TLS could (§4.3.4); mail that was not sent by MX.
//
// Pure function; thread-safe.
#ifndef SLUICE_ENGINE_RELAY_TLS_SESSION_H_
#define SLUICE_ENGINE_RELAY_TLS_SESSION_H_

#include <optional>

#include "engine/relay/dane.h"
#include "engine/relay/next_hop.h"
#include "engine/smtp/client_result.h"
#include "engine/sts/keeper.h"
#include "engine/tlsrpt/tally.h"

namespace sluice::relay {

struct TlsSession {
  const HopTarget& target;
  const HopAddress& hop;
  const DaneFinding& dane;
  const sts::Finding& mta_sts;
  const smtp::SessionFacts* facts;  // null: nothing was connected to, policy forbade it
  const std::optional<smtp::Failure>& failure;
};

struct CountedSession {
  tlsrpt::Policy policy;
  std::optional<tlsrpt::Failure> failure;
};

std::optional<CountedSession> CountedSessionOf(const TlsSession& session);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_TLS_SESSION_H_
