#include "engine/admin/server.h"

#include <microhttpd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "engine/admin/certificates_api.h"
#include "engine/admin/domain_checks_api.h"
#include "engine/admin/domain_files_api.h"
#include "engine/admin/domains_api.h"
#include "engine/admin/history_api.h"
#include "engine/admin/http_message.h"
#include "engine/admin/metrics_api.h"
#include "engine/admin/policy_editor.h"
#include "engine/admin/queue_api.h"
#include "engine/admin/reply.h"
#include "engine/admin/router.h"
#include "engine/admin/status_api.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/io/executor.h"

namespace sluice::admin {
namespace {

// For the request line and all header fields of one connection.
constexpr size_t kConnectionMemory = 32 * 1024;
constexpr size_t kStreamBlock = 64 * 1024;
// Requests that workers have or that wait for one.
constexpr int kMaxUnderWay = 128;

// One request and its way through the library's callbacks.
struct Exchange {
  enum class Stage { kHeader, kBody, kHandling };

  std::string target;
  Stage stage = Stage::kHeader;
  const Route* route = nullptr;
  Request request;
  MonoTime upload_deadline;
  bool is_slow = false;              // and counted as such
  std::optional<Response> response;  // written by a worker while the connection rests
};

const char* Header(MHD_Connection* connection, const char* name) {
  const char* const value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? "" : value;
}

// A body whose pieces are made as the connection takes them.
struct Stream {
  Response::Source source;
  std::string piece;
  size_t sent = 0;

  static ssize_t Read(void* stream, uint64_t /*position*/, char* out, size_t room) {
    Stream& self = *static_cast<Stream*>(stream);
    if (self.sent == self.piece.size()) {
      self.piece.clear();
      self.sent = 0;
      while (self.piece.empty()) {
        if (!self.source(self.piece) && self.piece.empty()) return MHD_CONTENT_READER_END_OF_STREAM;
      }
    }
    const size_t n = std::min(room, self.piece.size() - self.sent);
    memcpy(out, self.piece.data() + self.sent, n);
    self.sent += n;
    return static_cast<ssize_t>(n);
  }
  static void Free(void* stream) { delete static_cast<Stream*>(stream); }
};

MHD_Result Send(MHD_Connection* connection, Response response) {
  MHD_Response* const answer =
      response.source ? MHD_create_response_from_callback(
                            MHD_SIZE_UNKNOWN, kStreamBlock, &Stream::Read,
                            new Stream{std::move(response.source), "", 0}, &Stream::Free)
                      : MHD_create_response_from_buffer(response.body.size(), response.body.data(),
                                                        MHD_RESPMEM_MUST_COPY);
  SLUICE_CHECK(answer != nullptr);
  MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  MHD_add_response_header(answer, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header(answer, "X-Content-Type-Options", "nosniff");
  if (!response.allow.empty()) {
    MHD_add_response_header(answer, MHD_HTTP_HEADER_ALLOW, response.allow.c_str());
  }
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), answer);
  MHD_destroy_response(answer);
  return queued;
}

void LogLibrary(void* /*context*/, const char* format, va_list arguments) {
  char line[512];
  vsnprintf(line, sizeof(line), format, arguments);
  log::Debug("control socket", {{"library", absl::StripAsciiWhitespace(line)}});
}

}  // namespace

class Server::Service {
 public:
  Service(const ServerOptions& options, relay::Control& control, const Clock& clock)
      : options_(options),
        clock_(clock),
        editor_(control, clock),
        domains_(control, editor_),
        domain_files_(control, editor_),
        domain_checks_(control),
        queue_(control),
        history_(control),
        certificates_(control, clock),
        status_(control),
        metrics_(control, clock),
        workers_(io::NewThreadExecutor("admin", options.workers)) {
    domains_.AddTo(router_);
    domain_files_.AddTo(router_);
    domain_checks_.AddTo(router_);
    queue_.AddTo(router_);
    history_.AddTo(router_);
    certificates_.AddTo(router_);
    status_.AddTo(router_);
    metrics_.AddTo(router_);
  }
  ~Service() { Stop(); }

  absl::Status Start();
  void Stop();

 private:
  static void* OnRequestLine(void* context, const char* target, MHD_Connection* connection);
  static MHD_Result OnRequest(void* context, MHD_Connection* connection, const char* url,
                              const char* method, const char* version, const char* body,
                              size_t* body_size, void** exchange);
  static void OnEnd(void* context, MHD_Connection* connection, void** exchange,
                    MHD_RequestTerminationCode why);

  // What there is to refuse before the body; nullopt: go on.
  std::optional<Response> Begin(MHD_Connection* connection, const char* method, Exchange& exchange);
  std::optional<Response> CheckBody(MHD_Connection* connection, const Route& route) const;
  // Hands the request to a worker; the connection rests until it is answered.
  std::optional<Response> Dispatch(MHD_Connection* connection, Exchange& exchange);
  Response Handle(const Exchange& exchange) const;

  const ServerOptions options_;
  const Clock& clock_;
  PolicyEditor editor_;
  DomainsApi domains_;
  DomainFilesApi domain_files_;
  DomainChecksApi domain_checks_;
  QueueApi queue_;
  HistoryApi history_;
  CertificatesApi certificates_;
  StatusApi status_;
  MetricsApi metrics_;
  Router router_;
  std::unique_ptr<ControlSocket> socket_;
  MHD_Daemon* daemon_ = nullptr;
  int slow_under_way_ = 0;  // touched by the library's thread alone
  std::atomic<int> under_way_{0};
  absl::Mutex mutex_;
  std::unique_ptr<io::Executor> workers_ ABSL_GUARDED_BY(mutex_);  // null: stopped
};

absl::Status Server::Service::Start() {
  SLUICE_ASSIGN_OR_RETURN(socket_, ControlSocket::Listen(options_.socket));
  const int fd = socket_->TakeFd();
  const auto idle_seconds = static_cast<unsigned>(absl::ToInt64Seconds(options_.idle_timeout));
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, /*port=*/0,
      /*apc=*/nullptr, /*apc_cls=*/nullptr, &Service::OnRequest, this,  //
      MHD_OPTION_EXTERNAL_LOGGER, &LogLibrary, nullptr,                 //
      MHD_OPTION_LISTEN_SOCKET, fd,                                     //
      MHD_OPTION_URI_LOG_CALLBACK, &Service::OnRequestLine, this,       //
      MHD_OPTION_NOTIFY_COMPLETED, &Service::OnEnd, this,               //
      MHD_OPTION_CONNECTION_LIMIT, options_.max_connections,            //
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,            //
      MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds,                      //
      MHD_OPTION_END);
  if (daemon_ == nullptr) {
    close(fd);
    return absl::InternalError("--control_socket: the HTTP library did not start");
  }
  return absl::OkStatus();
}

void Server::Service::Stop() {
  if (daemon_ == nullptr) return;
  const MHD_socket listening = MHD_quiesce_daemon(daemon_);
  socket_.reset();
  // Every resting connection must be woken before the library may stop, and none rest anew.
  std::unique_ptr<io::Executor> workers;
  {
    const absl::MutexLock lock(&mutex_);
    workers = std::move(workers_);
  }
  workers.reset();
  MHD_stop_daemon(daemon_);
  daemon_ = nullptr;
  if (listening != MHD_INVALID_SOCKET) close(listening);
}

void* Server::Service::OnRequestLine(void* /*context*/, const char* target, MHD_Connection*) {
  auto* const exchange = new Exchange;
  exchange->target = target;
  return exchange;
}

void Server::Service::OnEnd(void* context, MHD_Connection*, void** exchange_slot,
                            MHD_RequestTerminationCode) {
  auto* const exchange = static_cast<Exchange*>(*exchange_slot);
  if (exchange == nullptr) return;
  if (exchange->is_slow) --static_cast<Service*>(context)->slow_under_way_;
  delete exchange;
  *exchange_slot = nullptr;
}

MHD_Result Server::Service::OnRequest(void* context, MHD_Connection* connection,
                                      const char* /*url*/, const char* method,
                                      const char* /*version*/, const char* body, size_t* body_size,
                                      void** exchange_slot) {
  Service& self = *static_cast<Service*>(context);
  Exchange& exchange = *static_cast<Exchange*>(*exchange_slot);
  std::optional<Response> refusal;
  switch (exchange.stage) {
    case Exchange::Stage::kHeader:
      exchange.stage = Exchange::Stage::kBody;
      refusal = self.Begin(connection, method, exchange);
      break;
    case Exchange::Stage::kBody:
      if (*body_size > 0) {
        // Content-Length was held to the route's bound, and the library to Content-Length.
        if (self.clock_.MonoNow() > exchange.upload_deadline) return MHD_NO;
        exchange.request.body.append(body, *body_size);
        *body_size = 0;
        return MHD_YES;
      }
      exchange.stage = Exchange::Stage::kHandling;
      refusal = self.Dispatch(connection, exchange);
      break;
    case Exchange::Stage::kHandling:
      SLUICE_CHECK(exchange.response.has_value());
      return Send(connection, *std::move(exchange.response));
  }
  return refusal ? Send(connection, *std::move(refusal)) : MHD_YES;
}

std::optional<Response> Server::Service::Begin(MHD_Connection* connection, const char* method,
                                               Exchange& exchange) {
  absl::StatusOr<Target> target = ParseTarget(exchange.target);
  if (!target.ok()) return ErrorReply(target.status());
  Router::Found found = router_.Find(method, *target);
  if (found.route == nullptr) return std::move(found.refusal);
  if (auto refusal = CheckBody(connection, *found.route)) return refusal;
  // Before the body is taken: those of slow requests may be large.
  if (found.route->slow) {
    const int at_once = std::max(1, options_.workers / 2);
    if (slow_under_way_ >= at_once) {
      return ErrorReply(503, "busy",
                        absl::StrCat(at_once,
                                     " pings or imports are under way, and no more are "
                                     "taken at once; ask again in a moment"));
    }
    ++slow_under_way_;
    exchange.is_slow = true;
  }

  exchange.route = found.route;
  exchange.upload_deadline = clock_.MonoNow() + options_.upload_timeout;
  Request& request = exchange.request;
  request.method = method;
  request.variable = std::move(found.variable);
  request.query = std::move(target->query);
  const absl::string_view content_type = Header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
  request.content_type = absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';'))));
  const MHD_ConnectionInfo* const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  SLUICE_CHECK(info != nullptr);
  request.by = PeerName(info->connect_fd);
  return std::nullopt;
}

std::optional<Response> Server::Service::CheckBody(MHD_Connection* connection,
                                                   const Route& route) const {
  // A length that is told beforehand is refused before the body is sent.
  if (*Header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING) != '\0') {
    return ErrorReply(411, "length_required",
                      "send the body with a Content-Length, not with a Transfer-Encoding");
  }
  const absl::string_view length = Header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
  uint64_t octets = 0;
  if (!length.empty() && !absl::SimpleAtoi(length, &octets)) {
    return ErrorReply(400, "invalid_argument", "Content-Length must be a number");
  }
  if (octets > route.max_body_bytes) {
    return ErrorReply(413, "too_large",
                      absl::StrCat("the body has ", octets, " octets; ", route.path,
                                   " takes at most ", route.max_body_bytes));
  }
  return std::nullopt;
}

std::optional<Response> Server::Service::Dispatch(MHD_Connection* connection, Exchange& exchange) {
  const absl::MutexLock lock(&mutex_);
  if (workers_ == nullptr) {
    return ErrorReply(503, "unavailable", "the daemon stops; ask again when it is back");
  }
  // Only this thread adds, so the bound holds.
  if (under_way_.load() >= kMaxUnderWay) {
    return ErrorReply(503, "busy", "too many requests are under way; ask again in a moment");
  }
  ++under_way_;
  exchange.request.deadline = clock_.MonoNow() + exchange.route->time_limit;
  MHD_suspend_connection(connection);
  workers_->Post([this, connection, &exchange] {
    exchange.response = Handle(exchange);
    --under_way_;
    MHD_resume_connection(connection);  // from here on the exchange is the library's thread's
  });
  return std::nullopt;
}

Response Server::Service::Handle(const Exchange& exchange) const {
  if (clock_.MonoNow() > exchange.request.deadline) {
    return ErrorReply(503, "busy", "the request waited too long for its turn; ask again");
  }
  absl::StatusOr<Response> response = exchange.route->handle(exchange.request);
  const Response answer = response.ok() ? *std::move(response) : ErrorReply(response.status());
  if (exchange.request.method != "GET") {
    log::Info("administration", {{"by", exchange.request.by},
                                 {"method", exchange.request.method},
                                 {"url", exchange.target},
                                 {"status", answer.status}});
  }
  return answer;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      relay::Control& control, const Clock& clock) {
  SLUICE_CHECK(options.workers >= 2);
  auto service = std::make_unique<Service>(options, control, clock);
  SLUICE_RETURN_IF_ERROR(service->Start());
  return std::unique_ptr<Server>(new Server(std::move(service)));
}

Server::Server(std::unique_ptr<Service> service) : service_(std::move(service)) {}
Server::~Server() = default;
void Server::Stop() { service_->Stop(); }

}  // namespace sluice::admin
