// From a Response to the HTTP library's: body, stream, and the headers that every answer has.
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_HTTP_ANSWER_H_
#define SLUICE_ENGINE_ADMIN_HTTP_ANSWER_H_

#include <microhttpd.h>

#include "engine/admin/http_message.h"

namespace sluice::admin {

// What a callback of the library's returns.
MHD_Result SendAnswer(MHD_Connection* connection, Response response);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_HTTP_ANSWER_H_
