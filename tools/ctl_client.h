// sluicectl's end of the daemon's HTTP API (engine/admin/server.h), over its Unix socket or TCP.
//
//   Client client({.socket_path = "var/sluice.sock"});
//   SLUICE_ASSIGN_OR_RETURN(const Json entry, client.Get(Path({"domains", pattern})));
//
// Errors, the same for all: Unavailable (no daemon can be reached; sluicectl's exit code 3) and
// FailedPrecondition (the daemon refused; exit code 1). The message says what to do; faults of
// single rows stand in it, a line each. One thread.
#ifndef SLUICE_TOOLS_CTL_CLIENT_H_
#define SLUICE_TOOLS_CTL_CLIENT_H_

#include <cstdio>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "tools/ctl_endpoint.h"

namespace sluice::ctl {

using Json = nlohmann::ordered_json;
using Query = std::vector<std::pair<std::string, std::string>>;

// "/v1/domains/%2A.example.com?limit=5"; parameters whose value is empty are left out.
std::string Path(std::initializer_list<absl::string_view> segments, const Query& query = {});

class Client {
 public:
  explicit Client(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

  absl::StatusOr<Json> Get(const std::string& path) const;
  // What may take the daemon minutes.
  absl::StatusOr<Json> GetLong(const std::string& path) const;
  absl::StatusOr<Json> Delete(const std::string& path) const;
  absl::StatusOr<Json> Post(const std::string& path, const Json& body) const;
  absl::StatusOr<Json> Patch(const std::string& path, const Json& body) const;
  // A body that is no JSON, or a long one. It may take the daemon minutes.
  absl::StatusOr<Json> Upload(const std::string& path, const std::string& body,
                              const std::string& content_type) const;
  // Copies the answer to `out` as it comes.
  absl::Status Download(const std::string& path, FILE* out) const;

 private:
  struct Call {
    std::string method;
    std::string path;
    const std::string* body = nullptr;
    std::string content_type = "application/json";
    absl::Duration timeout;
    FILE* out = nullptr;  // where set, a good answer goes there
  };
  struct Answer {
    long status = 0;
    std::string body;
  };
  absl::StatusOr<Answer> Perform(const Call& call) const;
  absl::StatusOr<Json> PerformJson(const Call& call) const;

  const Endpoint endpoint_;
};

}  // namespace sluice::ctl

#endif  // SLUICE_TOOLS_CTL_CLIENT_H_
