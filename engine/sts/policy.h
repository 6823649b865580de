// An MTA-STS policy: which hosts may take a domain's mail, and how far that is to be enforced
// (RFC 8461 §3.2). The file, as the domain serves it:
//
//   file    = field *( term field ) [ term ]
//   term    = LF / CRLF
//   field   = name ":" *WSP value *WSP
//   version   "STSv1"
//   mode      "enforce" / "testing" / "none"
//   max_age   1*10DIGIT                   ; seconds
//   mx        [ "*." ] domain             ; one or more, unless the mode is none
//
// Fields of other names are passed over, and so is all but the first of a field that stands more
// than once, mx apart. Lines of nothing but space are taken: files are written by hand.
// Everything in it comes from strangers.
//
// Pure functions of their arguments; thread-safe.
#ifndef SLUICE_ENGINE_STS_POLICY_H_
#define SLUICE_ENGINE_STS_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sluice::sts {

// Files longer than this are not taken (§3.3 suggests the bound).
inline constexpr size_t kMostPolicyBytes = 64 * 1024;
// §3.2: "maximum value of 31557600". A larger one is taken for this: refusing the policy would turn
// a slip of the domain's into mail without protection.
inline constexpr absl::Duration kMostMaxAge = absl::Seconds(31'557'600);

enum class Mode : uint8_t {
  kEnforce,  // mail goes to hosts that match and show a good certificate, or it waits
  kTesting,  // it goes all the same; failures are reported
  kNone,     // as without a policy
};
absl::string_view ModeName(Mode mode);

struct Policy {
  Mode mode = Mode::kNone;
  absl::Duration max_age;
  std::vector<std::string> mx;  // lower case, no trailing dot; "*." stands for exactly one label

  // Whether `host`, the name in an MX record, is one of `mx` (§4.1).
  bool Names(absl::string_view host) const;
};

// InvalidArgument says which line or field is at fault.
absl::StatusOr<Policy> ReadPolicy(absl::string_view file);

}  // namespace sluice::sts

#endif  // SLUICE_ENGINE_STS_POLICY_H_
