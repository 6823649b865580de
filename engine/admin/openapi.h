// The description of the API (OpenAPI 3.1), for everybody.
//
//   GET /v1/openapi.json
//
// It is written by hand (openapi.json, beside this) and carried in the daemon; a test holds it to
// the router's table, and another the daemon's answers to it.
#ifndef SLUICE_ENGINE_ADMIN_OPENAPI_H_
#define SLUICE_ENGINE_ADMIN_OPENAPI_H_

#include "absl/strings/string_view.h"
#include "engine/admin/router.h"

namespace sluice::admin {

absl::string_view OpenApiText();
void AddOpenApi(Router& router);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_OPENAPI_H_
