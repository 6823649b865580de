// As whom one asks, over HTTP: for a client that offers only what it may do.
//
//   GET /v1/session     {"by": "token backup", "role": "read"|"write"}
//
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_SESSION_API_H_
#define SLUICE_ENGINE_ADMIN_SESSION_API_H_

#include "engine/admin/router.h"

namespace sluice::admin {

void AddSession(Router& router);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_SESSION_API_H_
