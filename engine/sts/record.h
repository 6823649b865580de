// The TXT record `_mta-sts.<domain>` by which a domain announces that it has an MTA-STS policy
// (RFC 8461 §3.1): "v=STSv1" with the fields of engine/dns/text_record.h, of which
// "id=" 1*32( ALPHA / DIGIT ) counts and the others are ignored.
//
// Pure function; thread-safe.
#ifndef SLUICE_ENGINE_STS_RECORD_H_
#define SLUICE_ENGINE_STS_RECORD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::sts {

// The id of the policy that is announced: another id is another policy.
//
// `texts` are all TXT records of the name. Those that are no MTA-STS records are passed over;
// NotFound: none is left. InvalidArgument: several are (§3.1 takes none of them then), or the one
// is not what the grammar says, or has no id, or two.
absl::StatusOr<std::string> ReadPolicyId(const std::vector<std::string>& texts);

// 1*32( ALPHA / DIGIT )
bool IsPolicyId(absl::string_view text);

}  // namespace sluice::sts

#endif  // SLUICE_ENGINE_STS_RECORD_H_
