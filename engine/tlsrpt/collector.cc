#include "engine/tlsrpt/collector.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "engine/tlsrpt/report.h"

namespace sluice::tlsrpt {

io::Task<absl::Status> Collector::Post(WebEndpoint endpoint, std::string gzip) {
  https::Request request;
  request.host = endpoint.host;
  request.port = endpoint.port;
  request.target = std::move(endpoint.target);
  request.content_type = kGzipType;
  request.body = std::move(gzip);
  const absl::StatusOr<https::Response> response =
      co_await client_.Run(std::move(request), kTimeout);
  if (!response.ok()) co_return response.status();
  if (response->status / 100 == 2) co_return absl::OkStatus();
  co_return absl::UnavailableError(
      absl::StrCat(endpoint.host, " answers with status ", response->status, " and not with 2xx"));
}

}  // namespace sluice::tlsrpt
