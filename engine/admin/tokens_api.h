// The tokens of the listeners of --admin_listen, over the control socket alone: whoever could make
// tokens with a token could give himself one that outlives it.
//
//   GET    /v1/tokens            {"tokens": [{"name", "role", "created_at", "created_by",
//                                "expires_at", "expired"}]}
//   POST   /v1/tokens            {"name", "role": "read"|"write", "expires_at"}       201, the
//                                same and "token", which is shown this once
//   DELETE /v1/tokens/{name}     {"removed": "name"}
//
// No expires_at: it does not expire. There are at most kMaxTokens, so that lists have no pages.
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_TOKENS_API_H_
#define SLUICE_ENGINE_ADMIN_TOKENS_API_H_

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/admin/tokens.h"
#include "engine/base/clock.h"

namespace sluice::admin {

class TokensApi {
 public:
  TokensApi(TokenStore& tokens, const Clock& clock) : tokens_(tokens), clock_(clock) {}
  void AddTo(Router& router);

 private:
  absl::StatusOr<Response> List(const Request& request);
  absl::StatusOr<Response> Add(const Request& request);
  absl::StatusOr<Response> Remove(const Request& request);

  TokenStore& tokens_;
  const Clock& clock_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_TOKENS_API_H_
