#include "engine/admin/doorman.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/admin/control_socket.h"
#include "engine/admin/reply.h"
#include "engine/admin/tcp_socket.h"
#include "engine/base/log.h"

namespace sluice::admin {
namespace {

std::string Shown(absl::string_view text) { return absl::CHexEscape(text.substr(0, 64)); }

// Of a Host field (RFC 9110 §7.2), without port, brackets and the dot at the end.
absl::string_view NameOf(absl::string_view host) {
  if (absl::ConsumePrefix(&host, "[")) {
    const size_t end = host.find(']');
    return end == absl::string_view::npos ? "" : host.substr(0, end);
  }
  host = host.substr(0, host.rfind(':'));
  absl::ConsumeSuffix(&host, ".");
  return host;
}

Admission Refusal(int http_status, absl::string_view code, absl::string_view message) {
  return {.by = "", .refusal = ErrorReply(http_status, code, message)};
}

// The token of an Authorization field (RFC 6750 §2.1); empty: there is none.
absl::string_view BearerOf(absl::string_view authorization) {
  constexpr absl::string_view kScheme = "Bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) return "";
  return absl::StripAsciiWhitespace(authorization.substr(kScheme.size()));
}

bool IsEnough(Role role, Access access) { return access == Access::kRead || role == Role::kWrite; }

}  // namespace

Admission LocalDoorman::Admit(const Visit& visit, Access /*access*/) const {
  return {.by = PeerName(visit.fd), .may_write = true};
}

bool TcpDoorman::IsOwnHost(absl::string_view host) const {
  // Elsewhere a browser holds the name against the certificate, and nobody knows all names.
  if (!IsLoopback(options_.listening)) return true;
  const absl::string_view name = NameOf(host);
  return name == options_.listening.ip() || absl::EqualsIgnoreCase(name, "localhost") ||
         (!name.empty() && absl::EqualsIgnoreCase(name, options_.hostname));
}

bool TcpDoorman::IsOwnOrigin(absl::string_view origin, absl::string_view host) const {
  // In clear only a proxy on this machine may be in front, and that may speak TLS.
  const bool known_scheme = absl::ConsumePrefix(&origin, "https://") ||
                            (!options_.tls && absl::ConsumePrefix(&origin, "http://"));
  return known_scheme && absl::EqualsIgnoreCase(origin, host);
}

Admission TcpDoorman::Admit(const Visit& visit, Access access) const {
  if (!IsOwnHost(visit.host)) {
    return Refusal(421, "misdirected",
                   absl::StrCat("this is not '", Shown(visit.host), "'; ask for ",
                                options_.listening.ToString(),
                                ", localhost or the gateway's own "
                                "name (--hostname)"));
  }
  if (!visit.origin.empty() && !IsOwnOrigin(visit.origin, visit.host)) {
    return Refusal(403, "forbidden",
                   absl::StrCat("requests from pages of another site (", Shown(visit.origin),
                                ") are not taken"));
  }
  if (access == Access::kPublic) return {.by = "anybody"};
  const absl::string_view secret = BearerOf(visit.authorization);
  if (secret.empty()) {
    Admission admission = Refusal(401, "unauthorized",
                                  "send a token, 'Authorization: Bearer …'; 'sluicectl token add' "
                                  "on the gateway makes one");
    admission.refusal->headers.emplace_back("WWW-Authenticate", "Bearer realm=\"sluice\"");
    return admission;
  }
  const absl::StatusOr<Token> token = tokens_.Find(secret);
  if (!token.ok()) return Refuse(visit, token.status());
  if (access == Access::kLocal) {
    return Refusal(403, "forbidden",
                   "this is done on the gateway itself, over its control socket (sluicectl)");
  }
  if (!IsEnough(token->role, access)) {
    return Refusal(403, "forbidden",
                   absl::StrCat("the token ", token->name,
                                " is for reading alone; changes need one with the role write"));
  }
  return {.by = absl::StrCat("token ", token->name), .may_write = token->role == Role::kWrite};
}

Admission TcpDoorman::Refuse(const Visit& visit, const absl::Status& why) const {
  const FailureTable::Verdict verdict = failures_.Add(visit.client, clock_.MonoNow());
  if (verdict.worth_a_line) {
    log::Warning("token_refused", {{"client", visit.client.ip()},
                                   {"listener", options_.listening.ToString()},
                                   {"because", why.message()}});
  }
  Admission admission = Refusal(
      401, "unauthorized",
      absl::StrCat(why.message(), "; 'sluicectl token list' on the gateway shows which there are"));
  admission.late = verdict.too_many;
  admission.refusal->headers.emplace_back("WWW-Authenticate",
                                          "Bearer realm=\"sluice\", error=\"invalid_token\"");
  return admission;
}

}  // namespace sluice::admin
