// Reads JSON that a client sent: an object, no deeper than any request of the API needs.
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_JSON_BODY_H_
#define SLUICE_ENGINE_ADMIN_JSON_BODY_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace sluice::admin {

// InvalidArgument for what is no JSON, no object, or nested more than `kMaxDepth` deep.
inline constexpr int kMaxDepth = 8;
absl::StatusOr<nlohmann::ordered_json> ParseObject(absl::string_view body);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_JSON_BODY_H_
