// DANE: a server's certificate held against the TLSA records of its host (RFC 6698, as RFC 7671
// and, for SMTP, RFC 7672 have it).
//
//   dane.records = UsableTlsa(records_from_dns);
//   if (dane.records.empty()) …                        // nothing to authenticate with
//   std::optional<Failure> failed = VerifyDane(chain, dane, now);
//
// Where the records come from, and whether DNSSEC vouches for them, is the caller's to see to.
//
// Thread-safe: pure functions of their arguments.
#ifndef SLUICE_TLS_DANE_H_
#define SLUICE_TLS_DANE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "tls/failure.h"
#include "tls/peer_demand.h"

struct x509_st;

namespace sluice::tls {

// Those that SMTP can be authenticated by, in their order. Left out are:
//   - usages other than DANE-TA(2) and DANE-EE(3): PKIX-TA(0) and PKIX-EE(1) are none for SMTP
//     (RFC 7672 §3.1.3);
//   - unknown selectors and matching types, digests of another length, full certificates and keys
//     that are none (RFC 7671 §4);
//   - SHA2-256 digests beside SHA2-512 ones of the same usage and selector: the strongest alone
//     counts (digest algorithm agility, RFC 7671 §9).
std::vector<TlsaRecord> UsableTlsa(absl::Span<const TlsaRecord> records);

// `chain`: as the server sent it, leaf first, at least one. `dane.records`: usable, at least one.
// nullopt: one of the records matches.
//
// DANE-EE matches the leaf, and neither its names nor its dates are looked at (RFC 7672 §3.1.1).
// DANE-TA matches an authority that the server sent along, or that the record itself holds; from
// the leaf a chain has to lead to it, in date, and the leaf has one of `dane.names` (§3.1.2,
// §3.2.3).
std::optional<Failure> VerifyDane(absl::Span<x509_st* const> chain, const DaneDemand& dane,
                                  absl::Time now);

// "3 1 1 0b9fa5a5…": as zone files have it, the data cut short.
std::string TlsaText(const TlsaRecord& record);

}  // namespace sluice::tls

#endif  // SLUICE_TLS_DANE_H_
