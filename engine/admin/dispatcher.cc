#include "engine/admin/dispatcher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/admin/reply.h"
#include "engine/base/check.h"
#include "engine/base/log.h"

namespace sluice::admin {
namespace {

// Requests that workers have or that wait for one.
constexpr int kMaxUnderWay = 128;

}  // namespace

Dispatcher::Dispatcher(int workers, const Clock& clock)
    : most_slow_(workers / 2), clock_(clock), workers_(io::NewThreadExecutor("admin", workers)) {
  SLUICE_CHECK(workers >= 2);
}

std::optional<Response> Dispatcher::Admit(const Route& route) {
  if (!route.slow || slow_.fetch_add(1) < most_slow_) return std::nullopt;
  --slow_;
  return ErrorReply(503, "busy",
                    absl::StrCat(most_slow_,
                                 " pings or imports are under way, and no more are taken at once; "
                                 "ask again in a moment"));
}

void Dispatcher::Leave(const Route& route) {
  if (route.slow) --slow_;
}

std::optional<Response> Dispatcher::Run(const Route& route, Request& request,
                                        const std::string& target, Done done) {
  const absl::MutexLock lock(&mutex_);
  if (workers_ == nullptr) {
    return ErrorReply(503, "unavailable", "the daemon stops; ask again when it is back");
  }
  // Only here one is added, under the lock, so the bound holds.
  if (under_way_.load() >= kMaxUnderWay) {
    return ErrorReply(503, "busy", "too many requests are under way; ask again in a moment");
  }
  ++under_way_;
  request.deadline = clock_.MonoNow() + route.time_limit;
  workers_->Post([this, &route, &request, &target, done = std::move(done)]() mutable {
    Response response = Handle(route, request, target);
    --under_way_;
    std::move(done)(std::move(response));
  });
  return std::nullopt;
}

Response Dispatcher::Handle(const Route& route, const Request& request,
                            const std::string& target) const {
  if (clock_.MonoNow() > request.deadline) {
    return ErrorReply(503, "busy", "the request waited too long for its turn; ask again");
  }
  absl::StatusOr<Response> response = route.handle(request);
  const Response answer = response.ok() ? *std::move(response) : ErrorReply(response.status());
  if (request.method != "GET") {
    log::Info("administration", {{"by", request.by},
                                 {"method", request.method},
                                 {"url", target},
                                 {"status", answer.status}});
  }
  return answer;
}

void Dispatcher::Stop() {
  std::unique_ptr<io::Executor> workers;
  {
    const absl::MutexLock lock(&mutex_);
    workers = std::move(workers_);
  }
}

}  // namespace sluice::admin
