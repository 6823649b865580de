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

PolicyHost::PolicyHost(io::Core& core, dns::Resolver& resolver, tls::ClientContext& context)
    : core_(core), resolver_(resolver), context_(context) {}

io::Task<absl::StatusOr<std::string>> PolicyHost::Fetch(std::string domain) {
  if (aborted_) co_return absl::UnavailableError("the gateway stops");
  https::Request request;
  request.host = absl::StrCat("mta-sts.", domain);
  request.target = "/.well-known/mta-sts.txt";
  request.most_response_bytes = kMostPolicyBytes;
  https::Exchange exchange(core_, resolver_, context_);
  running_.insert(&exchange);
  absl::StatusOr<https::Response> response =
      co_await exchange.Run(std::move(request), core_.Now() + kFetchTimeout);
  running_.erase(&exchange);
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

void PolicyHost::Abort() {
  aborted_ = true;
  for (https::Exchange* const exchange : running_) exchange->Abort();
}

}  // namespace sluice::sts
