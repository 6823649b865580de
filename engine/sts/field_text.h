// What the texts of MTA-STS have in common: its records and its policies (RFC 8461 §3.1, §3.2).
//
// Pure functions; thread-safe.
#ifndef SLUICE_ENGINE_STS_FIELD_TEXT_H_
#define SLUICE_ENGINE_STS_FIELD_TEXT_H_

#include "absl/strings/string_view.h"

namespace sluice::sts {

// ( ALPHA / DIGIT ) *31( ALPHA / DIGIT / "_" / "-" / "." )
bool IsFieldName(absl::string_view text);

// 1*32( ALPHA / DIGIT )
bool IsPolicyId(absl::string_view text);

// Without the space and the tabs at its ends.
absl::string_view WithoutSpace(absl::string_view text);

}  // namespace sluice::sts

#endif  // SLUICE_ENGINE_STS_FIELD_TEXT_H_
