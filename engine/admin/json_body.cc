#include "engine/admin/json_body.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {

using nlohmann::ordered_json;

absl::StatusOr<ordered_json> ParseObject(absl::string_view body) {
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, ordered_json::parse_event_t, ordered_json&) {
    if (depth > kMaxDepth) too_deep = true;
    return !too_deep;  // what is too deep is not kept
  };
  ordered_json parsed = ordered_json::parse(body.begin(), body.end(), watch_depth,
                                            /*allow_exceptions=*/false);
  if (too_deep) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body nests more than ", kMaxDepth, " levels deep"));
  }
  if (!parsed.is_object()) {
    return absl::InvalidArgumentError(
        "the body must be one JSON object, in UTF-8: {\"name\": \"value\", ...}");
  }
  return parsed;
}

}  // namespace sluice::admin
