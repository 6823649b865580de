// Which handler answers a request: one table of methods and paths.
//
//   Router router;
//   router.Add({.method = "GET", .path = "/v1/queue/{id}",
//               .handle = [this](const Request& request) { return Show(request); }});
//   absl::StatusOr<Target> target = ParseTarget("/v1/queue/01J9?x=%C3%A9");
//   Router::Found found = router.Find("GET", *target);
//
// A path names a resource; "resource:verb" is an operation on it that is no plain reading, adding,
// changing or removing. Paths are compared segment by segment after percent-decoding, so an encoded
// slash is part of its segment and never parts two. Built once, then immutable and thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_ROUTER_H_
#define SLUICE_ENGINE_ADMIN_ROUTER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/admin/http_message.h"

namespace sluice::admin {

// The parts of a request target (RFC 9112 §3.2.1), decoded; "/" has no segments.
struct Target {
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;
};

// InvalidArgument for anything but an absolute path without control characters (encoded ones too),
// without empty segments, "." and "..", and for more than kMaxQuery parameters.
inline constexpr size_t kMaxQuery = 32;
absl::StatusOr<Target> ParseTarget(absl::string_view raw);

// Who may ask.
enum class Access {
  kByMethod,  // GET: kRead; anything else: kWrite
  kPublic,    // everybody: what tells nothing of this gateway
  kRead,
  kWrite,
  kLocal,  // whoever may open the control socket, and nobody else
};

struct Route {
  absl::string_view method;
  absl::string_view path;  // at most one segment is a variable: "{…}", not empty
  std::function<absl::StatusOr<Response>(const Request&)> handle;
  size_t max_body_bytes = size_t{1} << 20;
  absl::Duration time_limit = absl::Seconds(30);  // for the handler
  bool slow = false;  // may take all of its time limit: few of these run at once
  Access access = Access::kByMethod;
};

// Of what kByMethod stands for.
Access AccessOf(const Route& route);

class Router {
 public:
  struct Found {
    const Route* route = nullptr;
    std::string variable;
    Response refusal;  // 404 or 405, when `route` is null
  };

  void Add(Route route);
  Found Find(absl::string_view method, const Target& target) const;
  std::vector<const Route*> routes() const;

 private:
  struct Entry {
    Route route;
    std::vector<std::string> segments;
  };
  std::vector<Entry> entries_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_ROUTER_H_
