// A policy that has been fetched, and the row that brings it over a restart (queue/key_codec.h,
// table mta_sts, under the domain):
//
//   row   = "1" LF id LF fetched LF used LF file
//   id    = 1*32( ALPHA / DIGIT )       ; of the TXT record that it was fetched for
//   fetched, used = [ "-" ] 1*19DIGIT   ; nanoseconds since 1970
//   file  = the policy as the domain served it (policy.h)
//
// The file and not what was read from it: there is one grammar of policies, and a later version may
// read more in it.
//
// Pure functions; thread-safe.
#ifndef SLUICE_ENGINE_STS_KEPT_POLICY_H_
#define SLUICE_ENGINE_STS_KEPT_POLICY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/sts/policy.h"

namespace sluice::sts {

struct KeptPolicy {
  std::string id;
  std::string file;
  Policy policy;  // of `file`
  absl::Time fetched_at;
  absl::Time used_at;  // for a delivery, roughly

  absl::Time expires_at() const { return fetched_at + policy.max_age; }
};

std::string EncodePolicy(const KeptPolicy& policy);
// DataLoss: this is no such row.
absl::StatusOr<KeptPolicy> DecodePolicy(absl::string_view row);

}  // namespace sluice::sts

#endif  // SLUICE_ENGINE_STS_KEPT_POLICY_H_
