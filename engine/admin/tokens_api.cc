#include "engine/admin/tokens_api.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

ordered_json ToJson(const Token& token, absl::Time now) {
  ordered_json json = {{"name", token.name},
                       {"role", std::string(RoleName(token.role))},
                       {"created_at", TimeText(token.created_at)},
                       {"created_by", token.created_by}};
  if (token.expires_at) json["expires_at"] = TimeText(*token.expires_at);
  json["expired"] = token.expires_at && *token.expires_at <= now;
  return json;
}

}  // namespace

void TokensApi::AddTo(Router& router) {
  const auto add = [this, &router](absl::string_view method, absl::string_view path,
                                   absl::StatusOr<Response> (TokensApi::*handle)(const Request&)) {
    router.Add(
        {.method = method,
         .path = path,
         .handle = [this, handle](const Request& request) { return (this->*handle)(request); },
         .access = Access::kLocal});
  };
  add("GET", "/v1/tokens", &TokensApi::List);
  add("POST", "/v1/tokens", &TokensApi::Add);
  add("DELETE", "/v1/tokens/{name}", &TokensApi::Remove);
}

absl::StatusOr<Response> TokensApi::List(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  const absl::Time now = clock_.WallNow();
  ordered_json rows = ordered_json::array();
  for (const Token& token : tokens_.List()) rows.push_back(ToJson(token, now));
  return JsonReply({{"tokens", std::move(rows)}});
}

absl::StatusOr<Response> TokensApi::Add(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(Parameters parameters, Parameters::OfBody(request));
  NewToken wanted;
  wanted.name = parameters.Text("name");
  const std::optional<Role> role = parameters.Parsed("role", &ParseRole);
  if (const absl::Time until = parameters.Time("expires_at", absl::InfiniteFuture());
      until != absl::InfiniteFuture()) {
    wanted.expires_at = until;
  }
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  if (!role) return absl::InvalidArgumentError("role: must be read or write");
  wanted.role = *role;
  wanted.by = request.by;
  SLUICE_ASSIGN_OR_RETURN(const std::string secret, tokens_.Add(wanted));
  ordered_json json = {
      {"token", secret}, {"name", wanted.name}, {"role", std::string(RoleName(wanted.role))}};
  if (wanted.expires_at) json["expires_at"] = TimeText(*wanted.expires_at);
  return JsonReply(json, 201);
}

absl::StatusOr<Response> TokensApi::Remove(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  SLUICE_RETURN_IF_ERROR(tokens_.Remove(request.variable));
  return JsonReply({{"removed", request.variable}});
}

}  // namespace sluice::admin
