#include "engine/admin/reply.h"

#include "engine/base/check.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

struct ErrorKind {
  int http_status;
  absl::string_view code;
};

ErrorKind KindOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return {400, "invalid_argument"};
    case absl::StatusCode::kNotFound:
      return {404, "not_found"};
    case absl::StatusCode::kAlreadyExists:
      return {409, "already_exists"};
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
      return {409, "failed_precondition"};
    case absl::StatusCode::kDeadlineExceeded:
      return {504, "deadline_exceeded"};
    case absl::StatusCode::kResourceExhausted:
      return {503, "busy"};
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
      return {503, "unavailable"};
    default:
      return {500, "internal"};
  }
}

ordered_json ErrorDocument(absl::string_view code, absl::string_view message) {
  return {{"error", {{"code", std::string(code)}, {"message", std::string(message)}}}};
}

}  // namespace

Response JsonReply(const ordered_json& document, int http_status) {
  Response response;
  response.status = http_status;
  // What came from the network may be no UTF-8: such bytes become U+FFFD.
  response.body = document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  response.body.push_back('\n');
  return response;
}

Response ErrorReply(int http_status, absl::string_view code, absl::string_view message) {
  return JsonReply(ErrorDocument(code, message), http_status);
}

Response ErrorReply(const absl::Status& status) {
  SLUICE_CHECK(!status.ok());
  const ErrorKind kind = KindOf(status.code());
  return ErrorReply(kind.http_status, kind.code, status.message());
}

Response FaultsReply(absl::string_view message, const std::vector<policy::Fault>& faults) {
  SLUICE_CHECK(!faults.empty());
  ordered_json document = ErrorDocument("rejected", message);
  ordered_json& rows = document["error"]["faults"] = ordered_json::array();
  for (const policy::Fault& fault : faults) {
    rows.push_back({{"line", fault.line}, {"reason", fault.reason}});
  }
  return JsonReply(document, 422);
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

int64_t DaysLeft(absl::Time until, absl::Time now) {
  return absl::ToInt64Hours(absl::Floor(until - now, absl::Hours(24))) / 24;
}

}  // namespace sluice::admin
