// The TXT record `_mta-sts.<domain>` by which a domain announces that it has an MTA-STS policy
// (RFC 8461 §3.1):
//
//   record    = "v=STSv1" 1*( delimiter field ) [ delimiter ]
//   delimiter = *WSP ";" *WSP
//   field     = "id=" 1*32( ALPHA / DIGIT )  /  name "=" value    ; others are ignored
//   name      = ( ALPHA / DIGIT ) *31( ALPHA / DIGIT / "_" / "-" / "." )
//   value     = 1*( %x21-3A / %x3C / %x3E-7E )
//
// Versions and names are compared as they are written. Everything in it comes from strangers.
//
// Pure function; thread-safe.
#ifndef SLUICE_ENGINE_STS_RECORD_H_
#define SLUICE_ENGINE_STS_RECORD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sluice::sts {

// The id of the policy that is announced: another id is another policy.
//
// `texts` are all TXT records of the name. Those that are no MTA-STS records are passed over;
// NotFound: none is left. InvalidArgument: several are (§3.1 takes none of them then), or the one
// is not what the grammar says, or has no id, or two.
absl::StatusOr<std::string> ReadPolicyId(const std::vector<std::string>& texts);

}  // namespace sluice::sts

#endif  // SLUICE_ENGINE_STS_RECORD_H_
