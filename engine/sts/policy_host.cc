#include "engine/sts/policy_host.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/sts/policy.h"

namespace sluice::sts {
namespace {

constexpr size_t kMostShown = 100;

// Whether a Content-Type is text/plain, whatever its parameters (RFC 8461 §3.3).
bool IsPlainText(absl::string_view content_type) {
  const absl::string_view media = content_type.substr(0, content_type.find(';'));
  return absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(media), "text/plain");
}

}  // namespace

io::Task<absl::StatusOr<std::string>> PolicyHost::Fetch(std::string domain) {
  https::Request request;
  request.host = absl::StrCat("mta-sts.", domain);
  request.target = "/.well-known/mta-sts.txt";
  request.most_response_bytes = kMostPolicyBytes;
  absl::StatusOr<https::Response> response =
      co_await client_.Run(std::move(request), kFetchTimeout);
  if (!response.ok()) co_return response.status();
  if (response->status != 200) {
    co_return absl::UnavailableError(absl::StrCat("mta-sts.", domain, " answers with status ",
                                                  response->status, " and not with 200"));
  }
  if (!IsPlainText(response->content_type)) {
    co_return absl::UnavailableError(absl::StrCat(
        "mta-sts.", domain, " serves its policy as '",
        absl::CHexEscape(response->content_type.substr(0, kMostShown)), "' and not as text/plain"));
  }
  co_return std::move(response->body);
}

}  // namespace sluice::sts
