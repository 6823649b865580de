// What a host announces of its certificates in DNS: opportunistic DANE for SMTP (RFC 7672).
//
//   DaneFinding dane = co_await FindDane(core, resolver, hop.dane, hop.address.port(), deadline);
//
// TLSA records are asked for only where DNSSEC vouches for what led to the host: the MX records (a
// static route is the administrator's word), the host's addresses, and every alias on the way
// (§2.1.3). Elsewhere they would prove nothing, and there are name servers that fail on the
// question. One exception: a host that is itself an alias in a signed zone, of a host in one that
// is not. It is the records under its own name that say who takes its mail, wherever that is
// (§2.2.2).
//
// What cannot be found out never makes a demand weaker: such a host takes no mail until it can
// (§2.1.2).
#ifndef SLUICE_ENGINE_RELAY_DANE_H_
#define SLUICE_ENGINE_RELAY_DANE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/dns/resolver.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "tls/peer_demand.h"

namespace sluice::relay {

// A host, as far as DANE is concerned with it.
struct DaneHost {
  std::string no_dane_because;  // for people; empty: DNSSEC vouches for all that led here
  // Where the records may be: the host with its aliases followed, then the host itself (§2.2.3).
  std::vector<std::string> base_domains;
  // What it is an alias of is not signed, and `base_domains` is the host alone: DNSSEC has to vouch
  // for its alias.
  bool leads_out = false;
  // Further names that a certificate under a DANE-TA record may have: the domain that the mail is
  // for, and what it is an alias of (§3.2.3).
  std::vector<std::string> names;
};

struct DaneFinding {
  enum class State {
    kAbsent,    // no TLSA records that DNSSEC vouches for: DANE asks for nothing
    kUsable,    // a record has to match
    kUnusable,  // records, of which none can be used: TLS is mandatory all the same (§2.2)
    kUnknown,   // the lookup failed or was forged: this host takes no mail now (§2.1.2)
  };
  State state = State::kAbsent;
  tls::DaneDemand demand;   // kUsable
  std::string base_domain;  // kUsable and kUnusable: where the records are; it is the SNI (§8.1)
  // kUsable and kUnusable: all of the records as zone files have them ("3 1 1 0b9f…"), for reports;
  // of endless ones the beginning.
  std::vector<std::string> texts;
  std::string detail;  // for people: why it is what it is
};

io::Task<DaneFinding> FindDane(io::Core& core, dns::Resolver& resolver, DaneHost host,
                               uint16_t port, MonoTime deadline);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_DANE_H_
