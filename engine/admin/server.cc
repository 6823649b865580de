#include "engine/admin/server.h"

#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "engine/admin/certificates_api.h"
#include "engine/admin/dispatcher.h"
#include "engine/admin/domain_checks_api.h"
#include "engine/admin/domain_files_api.h"
#include "engine/admin/domains_api.h"
#include "engine/admin/doorman.h"
#include "engine/admin/failure_table.h"
#include "engine/admin/history_api.h"
#include "engine/admin/http_listener.h"
#include "engine/admin/metrics_api.h"
#include "engine/admin/openapi.h"
#include "engine/admin/page/page.h"
#include "engine/admin/pings_api.h"
#include "engine/admin/policy_editor.h"
#include "engine/admin/queue_api.h"
#include "engine/admin/router.h"
#include "engine/admin/server_certificate.h"
#include "engine/admin/session_api.h"
#include "engine/admin/status_api.h"
#include "engine/admin/tcp_socket.h"
#include "engine/admin/tls_reports_api.h"
#include "engine/admin/tokens.h"
#include "engine/admin/tokens_api.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace sluice::admin {
namespace {

// How often deadlines of connections are looked at.
constexpr absl::Duration kTending = absl::Milliseconds(200);

absl::Status CheckTcp(const TcpOptions& options) {
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return absl::FailedPreconditionError(
        "--admin_tls_certificate and --admin_tls_key: one is of no use without the other; name "
        "both, or neither");
  }
  for (const io::SocketAddress& address : options.listen) {
    if (IsLoopback(address) || !options.certificate_file.empty()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "--admin_listen: ", address.ToString(),
        " can be reached from other machines, so it needs TLS: name --admin_tls_certificate and "
        "--admin_tls_key, or listen on 127.0.0.1 or [::1]"));
  }
  return absl::OkStatus();
}

// Null: there is none.
absl::StatusOr<std::unique_ptr<ServerCertificate>> LoadCertificate(const TcpOptions& options) {
  if (options.certificate_file.empty()) return nullptr;
  return ServerCertificate::Load(options.certificate_file, options.key_file);
}

}  // namespace

class Server::Service {
 public:
  Service(const ServerOptions& options, std::unique_ptr<TokenStore> tokens, relay::Control& control,
          const Clock& clock)
      : options_(options),
        clock_(clock),
        tokens_(std::move(tokens)),
        editor_(control, clock),
        domains_(control, editor_, clock),
        domain_files_(control, editor_),
        domain_checks_(control),
        queue_(control),
        history_(control, clock),
        certificates_(control, clock, [this] { return ReloadCertificate(); }),
        status_api_(control),
        metrics_(control, clock),
        rounds_(control, clock, options.ping_rounds),
        pings_(rounds_),
        tls_reports_(control),
        tokens_api_(*tokens_, clock),
        dispatcher_(options.workers, clock) {
    domains_.AddTo(router_);
    domain_files_.AddTo(router_);
    domain_checks_.AddTo(router_);
    queue_.AddTo(router_);
    history_.AddTo(router_);
    certificates_.AddTo(router_);
    status_api_.AddTo(router_);
    metrics_.AddTo(router_);
    pings_.AddTo(router_);
    tls_reports_.AddTo(router_);
    tokens_api_.AddTo(router_);
    AddSession(router_);
    AddOpenApi(router_);
    page_.AddTo(router_);
  }
  ~Service() { Stop(); }

  absl::Status Start();
  void Stop();
  absl::Status ReloadCertificate();
  const std::vector<std::string>& addresses() const { return addresses_; }
  const Router& router() const { return router_; }

 private:
  absl::Status ListenOnSocket();
  absl::Status ListenOn(const io::SocketAddress& address);
  HttpService Shared() { return {.router = router_, .dispatcher = dispatcher_, .clock = clock_}; }
  HttpListenerOptions OptionsFor(std::string name) const;
  void Tend();

  const ServerOptions options_;
  const Clock& clock_;
  const std::unique_ptr<TokenStore> tokens_;
  FailureTable failures_;
  PolicyEditor editor_;
  DomainsApi domains_;
  DomainFilesApi domain_files_;
  DomainChecksApi domain_checks_;
  QueueApi queue_;
  HistoryApi history_;
  CertificatesApi certificates_;
  StatusApi status_api_;
  MetricsApi metrics_;
  PingRounds rounds_;
  PingsApi pings_;
  TlsReportsApi tls_reports_;
  TokensApi tokens_api_;
  const Page page_;
  Router router_;
  Dispatcher dispatcher_;
  std::unique_ptr<ServerCertificate> certificate_;  // null: no TLS
  std::unique_ptr<ControlSocket> socket_;
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<HttpListener>> listeners_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread tending_;
};

HttpListenerOptions Server::Service::OptionsFor(std::string name) const {
  HttpListenerOptions options;
  options.name = std::move(name);
  options.max_connections = options_.max_connections;
  options.idle_timeout = options_.idle_timeout;
  return options;
}

absl::Status Server::Service::ListenOnSocket() {
  SLUICE_ASSIGN_OR_RETURN(socket_, ControlSocket::Listen(options_.socket));
  SLUICE_ASSIGN_OR_RETURN(
      auto listener,
      HttpListener::Start(socket_->TakeFd(),
                          OptionsFor(absl::StrCat("--control_socket=", options_.socket.path)),
                          Shared(), std::make_unique<LocalDoorman>(), /*certificate=*/nullptr));
  listeners_.push_back(std::move(listener));
  return absl::OkStatus();
}

absl::Status Server::Service::ListenOn(const io::SocketAddress& address) {
  SLUICE_ASSIGN_OR_RETURN(const TcpSocket socket, ListenOnTcp(address));
  HttpListenerOptions options =
      OptionsFor(absl::StrCat("--admin_listen=", socket.address.ToString()));
  options.max_connections_per_client = options_.tcp.max_connections_per_client;
  TcpDoormanOptions doorman = {.listening = socket.address,
                               .tls = certificate_ != nullptr,
                               .hostname = options_.tcp.hostname};
  SLUICE_ASSIGN_OR_RETURN(
      auto listener, HttpListener::Start(socket.fd, options, Shared(),
                                         std::make_unique<TcpDoorman>(std::move(doorman), *tokens_,
                                                                      failures_, clock_),
                                         certificate_.get()));
  listeners_.push_back(std::move(listener));
  addresses_.push_back(socket.address.ToString());
  return absl::OkStatus();
}

absl::Status Server::Service::Start() {
  SLUICE_RETURN_IF_ERROR(CheckTcp(options_.tcp));
  SLUICE_ASSIGN_OR_RETURN(certificate_, LoadCertificate(options_.tcp));
  SLUICE_RETURN_IF_ERROR(ListenOnSocket());
  for (const io::SocketAddress& address : options_.tcp.listen) {
    SLUICE_RETURN_IF_ERROR(ListenOn(address));
  }
  rounds_.Start();
  tending_ = std::thread([this] { Tend(); });
  return absl::OkStatus();
}

void Server::Service::Tend() {
  const absl::MutexLock lock(&mutex_);
  while (!mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kTending)) {
    for (const auto& listener : listeners_) listener->Tend();
  }
}

void Server::Service::Stop() {
  rounds_.Stop();
  for (const auto& listener : listeners_) listener->Quiesce();
  socket_.reset();
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (tending_.joinable()) tending_.join();
  dispatcher_.Stop();
  listeners_.clear();
}

absl::Status Server::Service::ReloadCertificate() {
  return certificate_ == nullptr ? absl::OkStatus() : certificate_->Reload();
}

absl::Status CheckOptions(const ServerOptions& options) {
  SLUICE_RETURN_IF_ERROR(CheckTcp(options.tcp));
  SLUICE_RETURN_IF_ERROR(LoadCertificate(options.tcp).status());
  return TokenStore::Open(options.tokens_file, SystemClock()).status();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      relay::Control& control, const Clock& clock) {
  SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<TokenStore> tokens,
                          TokenStore::Open(options.tokens_file, clock));
  auto service = std::make_unique<Service>(options, std::move(tokens), control, clock);
  SLUICE_RETURN_IF_ERROR(service->Start());
  return std::unique_ptr<Server>(new Server(std::move(service)));
}

Server::Server(std::unique_ptr<Service> service) : service_(std::move(service)) {}
Server::~Server() = default;
std::vector<std::string> Server::listeners() const { return service_->addresses(); }
const Router& Server::router() const { return service_->router(); }
absl::Status Server::ReloadCertificate() { return service_->ReloadCertificate(); }
void Server::Stop() { service_->Stop(); }

}  // namespace sluice::admin
