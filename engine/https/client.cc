#include "engine/https/client.h"

#include <utility>

#include "absl/status/status.h"

namespace sluice::https {

io::Task<absl::StatusOr<Response>> Client::Run(Request request, absl::Duration timeout) {
  if (aborted_) co_return absl::UnavailableError("the gateway stops");
  Exchange exchange(core_, resolver_, context_);
  running_.insert(&exchange);
  absl::StatusOr<Response> response =
      co_await exchange.Run(std::move(request), core_.Now() + timeout);
  running_.erase(&exchange);
  co_return response;
}

void Client::Abort() {
  aborted_ = true;
  for (Exchange* const exchange : running_) exchange->Abort();
}

}  // namespace sluice::https
