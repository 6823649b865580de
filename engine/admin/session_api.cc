#include "engine/admin/session_api.h"

#include <string>

#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/admin/tokens.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

absl::StatusOr<Response> Show(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  const Role role = request.may_write ? Role::kWrite : Role::kRead;
  return JsonReply({{"by", request.by}, {"role", std::string(RoleName(role))}});
}

}  // namespace

void AddSession(Router& router) {
  router.Add({.method = "GET", .path = "/v1/session", .handle = &Show});
}

}  // namespace sluice::admin
