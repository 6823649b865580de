#include "engine/admin/router.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"

namespace sluice::admin {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

absl::StatusOr<std::string> PercentDecode(absl::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return absl::InvalidArgumentError("the URL has a '%' without two hex digits behind it");
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError("the URL has a control character");
    }
    decoded.push_back(c);
  }
  return decoded;
}

// Of a path without its first slash.
std::vector<absl::string_view> SegmentsOf(absl::string_view path) {
  if (path.empty()) return {};
  return absl::StrSplit(path, '/');
}

bool IsVariable(absl::string_view segment) { return !segment.empty() && segment.front() == '{'; }

bool Matches(const std::vector<std::string>& pattern, const Target& target, std::string& variable) {
  if (pattern.size() != target.segments.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (IsVariable(pattern[i])) {
      variable = target.segments[i];
    } else if (pattern[i] != target.segments[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<Target> ParseTarget(absl::string_view raw) {
  if (raw.empty() || raw.front() != '/') {
    return absl::InvalidArgumentError("the URL must be a path that begins with '/'");
  }
  raw.remove_prefix(1);
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(raw, absl::MaxSplits('?', 1));
  Target target;
  for (const absl::string_view segment : SegmentsOf(parts.first)) {
    SLUICE_ASSIGN_OR_RETURN(std::string decoded, PercentDecode(segment, /*plus_is_space=*/false));
    if (decoded.empty() || decoded == "." || decoded == "..") {
      return absl::InvalidArgumentError("the URL has an empty segment, or one that is '.' or '..'");
    }
    target.segments.push_back(std::move(decoded));
  }
  for (const absl::string_view parameter : absl::StrSplit(parts.second, '&', absl::SkipEmpty())) {
    if (target.query.size() == kMaxQuery) {
      return absl::InvalidArgumentError(
          absl::StrCat("the URL has more than ", kMaxQuery, " parameters"));
    }
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(parameter, absl::MaxSplits('=', 1));
    SLUICE_ASSIGN_OR_RETURN(std::string name, PercentDecode(pair.first, /*plus_is_space=*/true));
    SLUICE_ASSIGN_OR_RETURN(std::string value, PercentDecode(pair.second, /*plus_is_space=*/true));
    target.query.emplace_back(std::move(name), std::move(value));
  }
  return target;
}

Access AccessOf(const Route& route) {
  if (route.access != Access::kByMethod) return route.access;
  return route.method == "GET" ? Access::kRead : Access::kWrite;
}

std::vector<const Route*> Router::routes() const {
  std::vector<const Route*> routes;
  for (const Entry& entry : entries_) routes.push_back(&entry.route);
  return routes;
}

void Router::Add(Route route) {
  const std::vector<absl::string_view> segments = SegmentsOf(route.path.substr(1));
  entries_.push_back({std::move(route), {segments.begin(), segments.end()}});
}

Router::Found Router::Find(absl::string_view method, const Target& target) const {
  Found found;
  std::vector<absl::string_view> methods;
  for (const Entry& entry : entries_) {
    if (!Matches(entry.segments, target, found.variable)) continue;
    if (entry.route.method == method) {
      found.route = &entry.route;
      return found;
    }
    methods.push_back(entry.route.method);
  }
  const std::string path =
      absl::Utf8SafeCEscape(absl::StrCat("/", absl::StrJoin(target.segments, "/")).substr(0, 128));
  if (methods.empty()) {
    found.refusal = ErrorReply(404, "not_found",
                               absl::StrCat("there is nothing at ", path,
                                            "; resources are /v1/domains, /v1/queue, /v1/history, "
                                            "/v1/certificates and /v1/status"));
    return found;
  }
  const std::string allowed = absl::StrJoin(methods, ", ");
  found.refusal = ErrorReply(
      405, "method_not_allowed",
      absl::StrCat(path, " takes ", allowed, ", not ", absl::CHexEscape(method.substr(0, 32))));
  found.refusal.headers.emplace_back("Allow", allowed);
  return found;
}

}  // namespace sluice::admin
