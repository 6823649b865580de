// Files that the daemon carries in itself and serves as they stand, to everybody: a web page's.
//
//   const StaticFiles files("default-src 'self'");
//   files.Add({.path = "/", .content_type = "text/html; charset=utf-8", .content = kIndexHtml},
//             router);
//
// A client may keep one, and asks each time whether it is still the same (an ETag: RFC 9110
// §8.8.3); so a page and its scripts are always of one version. Nothing of a gateway stands in
// them: what a page shows it asks of the API.
#ifndef SLUICE_ENGINE_ADMIN_STATIC_FILES_H_
#define SLUICE_ENGINE_ADMIN_STATIC_FILES_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "engine/admin/router.h"

namespace sluice::admin {

struct StaticFile {
  absl::string_view path;          // "/", "/page/app.js"
  absl::string_view content_type;  // "text/javascript; charset=utf-8"
  absl::string_view content;
};

class StaticFiles {
 public:
  // The header of that name (CSP level 3), of all of them.
  explicit StaticFiles(std::string content_security_policy)
      : content_security_policy_(std::move(content_security_policy)) {}

  // What `file` refers to outlives `router`.
  void Add(const StaticFile& file, Router& router) const;

 private:
  const std::string content_security_policy_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_STATIC_FILES_H_
