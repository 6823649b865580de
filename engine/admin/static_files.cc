#include "engine/admin/static_files.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/parameters.h"
#include "engine/base/sha256.h"
#include "engine/base/status_macros.h"

namespace sluice::admin {

void StaticFiles::Add(const StaticFile& file, Router& router) const {
  // Half of the digest: to tell versions apart, not to withstand anybody.
  const std::string digest = absl::BytesToHexString(Sha256({file.content}));
  const std::string etag = absl::StrCat("\"", digest.substr(0, 32), "\"");
  auto handle = [file, etag, policy = content_security_policy_](
                    const Request& request) -> absl::StatusOr<Response> {
    SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
    Response response;
    response.content_type = std::string(file.content_type);
    response.headers = {
        {"Cache-Control", "no-cache"}, {"ETag", etag}, {"Content-Security-Policy", policy}};
    // A list of them, or a weak one (a proxy's), has it in it.
    if (absl::StrContains(request.if_none_match, etag)) {
      response.status = 304;
    } else {
      response.body = std::string(file.content);
    }
    return response;
  };
  router.Add(
      {.method = "GET", .path = file.path, .handle = std::move(handle), .access = Access::kPublic});
}

}  // namespace sluice::admin
