#include "engine/tlsrpt/collector.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "engine/tlsrpt/report.h"

namespace sluice::tlsrpt {

Collector::Collector(io::Core& core, dns::Resolver& resolver, tls::ClientContext& context)
    : core_(core), resolver_(resolver), context_(context) {}

io::Task<absl::Status> Collector::Post(WebEndpoint endpoint, std::string gzip) {
  if (aborted_) co_return absl::UnavailableError("the gateway stops");
  https::Request request;
  request.host = endpoint.host;
  request.port = endpoint.port;
  request.target = std::move(endpoint.target);
  request.content_type = kGzipType;
  request.body = std::move(gzip);
  https::Exchange exchange(core_, resolver_, context_);
  running_.insert(&exchange);
  const absl::StatusOr<https::Response> response =
      co_await exchange.Run(std::move(request), core_.Now() + kTimeout);
  running_.erase(&exchange);
  if (!response.ok()) co_return response.status();
  if (response->status / 100 == 2) co_return absl::OkStatus();
  co_return absl::UnavailableError(
      absl::StrCat(endpoint.host, " answers with status ", response->status, " and not with 2xx"));
}

void Collector::Abort() {
  aborted_ = true;
  for (https::Exchange* const exchange : running_) exchange->Abort();
}

}  // namespace sluice::tlsrpt
