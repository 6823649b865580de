#include "engine/admin/http_listener.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/connection_table.h"
#include "engine/admin/failure_table.h"
#include "engine/admin/http_answer.h"
#include "engine/admin/reply.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"

namespace sluice::admin {
namespace {

// For the request line and all header fields of one connection.
constexpr size_t kConnectionMemory = 32 * 1024;
// What an answer to one wrong token too many waits for.
constexpr absl::Duration kLate = absl::Seconds(1);

// One request and its way through the library's callbacks.
struct Exchange {
  enum class Stage { kHeader, kBody, kAnswer };

  std::string target;
  Stage stage = Stage::kHeader;
  const Route* route = nullptr;  // from when it has its place at the dispatcher
  Request request;
  std::optional<Response> response;  // kAnswer: what the connection rested for
};

const char* Header(MHD_Connection* connection, const char* name) {
  const char* const value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? "" : value;
}

// Of the fields that decide about a request each stands once: nobody in front of us is to go by
// another one of two than we do.
bool StandsTwice(MHD_Connection* connection, const char* name) {
  struct Search {
    const char* name;
    int found = 0;
  } search = {name};
  MHD_get_connection_values(
      connection, MHD_HEADER_KIND,
      [](void* context, MHD_ValueKind, const char* key, const char*) {
        Search& self = *static_cast<Search*>(context);
        self.found += static_cast<int>(absl::EqualsIgnoreCase(key, self.name));
        return MHD_YES;
      },
      &search);
  return search.found > 1;
}

const MHD_ConnectionInfo& InfoOf(MHD_Connection* connection, MHD_ConnectionInfoType type) {
  const MHD_ConnectionInfo* const info = MHD_get_connection_info(connection, type);
  SLUICE_CHECK(info != nullptr);
  return *info;
}

OpenConnection* OpenOf(MHD_Connection* connection) {
  return static_cast<OpenConnection*>(
      InfoOf(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT).socket_context);
}

// Unix sockets' peers have none.
std::optional<io::SocketAddress> AddressOf(const sockaddr* address) {
  switch (address == nullptr ? AF_UNSPEC : address->sa_family) {
    case AF_INET:
      return io::SocketAddress::FromSockaddr(address, sizeof(sockaddr_in));
    case AF_INET6:
      return io::SocketAddress::FromSockaddr(address, sizeof(sockaddr_in6));
    default:
      return std::nullopt;
  }
}

// The certificate is given to each session as it begins (OnConnection); without it there is none.
int NoCertificate(gnutls_session_t, const gnutls_datum_t*, int, const gnutls_pk_algorithm_t*, int,
                  gnutls_pcert_st**, unsigned*, gnutls_privkey_t*) {
  return -1;
}

std::optional<Response> CheckBody(MHD_Connection* connection, const Route& route) {
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

}  // namespace

class HttpListener::Library {
 public:
  Library(const HttpListenerOptions& options, const HttpService& service,
          std::unique_ptr<Doorman> doorman, const ServerCertificate* certificate)
      : options_(options),
        service_(service),
        doorman_(std::move(doorman)),
        certificate_(certificate),
        table_(options.max_connections_per_client) {}
  ~Library() { Stop(); }

  absl::Status Start(int fd);
  void Tend() { table_.Tend(Now()); }
  void Quiesce();
  void Stop();

 private:
  static MHD_Result OnAccept(void* context, const sockaddr* address, socklen_t size);
  static void OnConnection(void* context, MHD_Connection* connection, void** open_slot,
                           MHD_ConnectionNotificationCode what);
  static void* OnRequestLine(void* context, const char* target, MHD_Connection* connection);
  static MHD_Result OnRequest(void* context, MHD_Connection* connection, const char* url,
                              const char* method, const char* version, const char* body,
                              size_t* body_size, void** exchange);
  static void OnEnd(void* context, MHD_Connection* connection, void** exchange,
                    MHD_RequestTerminationCode why);
  static void OnLog(void* context, const char* format, va_list arguments);

  // What there is to refuse before the body; nullopt: go on, or (the stage is kAnswer) rest.
  std::optional<Response> Begin(MHD_Connection* connection, const char* method, Exchange& exchange);
  std::optional<Response> AnswerLate(MHD_Connection* connection, Exchange& exchange,
                                     Response response);
  // Hands the request to a worker; the connection rests until it is answered.
  void Dispatch(MHD_Connection* connection, Exchange& exchange);
  MHD_Result Send(MHD_Connection* connection, Response response);
  MonoTime Now() const { return service_.clock.MonoNow(); }

  const HttpListenerOptions options_;
  const HttpService service_;
  const std::unique_ptr<Doorman> doorman_;
  const ServerCertificate* const certificate_;
  ConnectionTable table_;
  MHD_Daemon* daemon_ = nullptr;
  MHD_socket quiesced_ = MHD_INVALID_SOCKET;
};

absl::Status HttpListener::Library::Start(int fd) {
  const unsigned tls = certificate_ == nullptr ? 0u : static_cast<unsigned>(MHD_USE_TLS);
  const auto idle_seconds = static_cast<unsigned>(absl::ToInt64Seconds(options_.idle_timeout));
  const MHD_OptionItem tls_options[] = {
      {MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>(kTlsPriorities)},
      {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, reinterpret_cast<void*>(&NoCertificate)},
      {MHD_OPTION_END, 0, nullptr}};
  const MHD_OptionItem no_options[] = {{MHD_OPTION_END, 0, nullptr}};
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | tls,
      /*port=*/0, &Library::OnAccept, this, &Library::OnRequest, this,  //
      MHD_OPTION_EXTERNAL_LOGGER, &Library::OnLog, this,                //
      MHD_OPTION_LISTEN_SOCKET, fd,                                     //
      MHD_OPTION_NOTIFY_CONNECTION, &Library::OnConnection, this,       //
      MHD_OPTION_URI_LOG_CALLBACK, &Library::OnRequestLine, this,       //
      MHD_OPTION_NOTIFY_COMPLETED, &Library::OnEnd, this,               //
      MHD_OPTION_CONNECTION_LIMIT, options_.max_connections,            //
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,            //
      MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds,                      //
      MHD_OPTION_ARRAY, tls == 0 ? no_options : tls_options,            //
      MHD_OPTION_END);
  if (daemon_ != nullptr) return absl::OkStatus();
  close(fd);
  return absl::InternalError(absl::StrCat(options_.name, ": the HTTP library did not start"));
}

void HttpListener::Library::Quiesce() {
  if (daemon_ != nullptr && quiesced_ == MHD_INVALID_SOCKET) {
    quiesced_ = MHD_quiesce_daemon(daemon_);
  }
}

void HttpListener::Library::Stop() {
  if (daemon_ == nullptr) return;
  Quiesce();
  // Every resting connection must be woken before the library may stop, and none rest anew.
  table_.WakeAll();
  MHD_stop_daemon(daemon_);
  daemon_ = nullptr;
  if (quiesced_ != MHD_INVALID_SOCKET) close(quiesced_);
}

void HttpListener::Library::OnLog(void* context, const char* format, va_list arguments) {
  char line[512];
  vsnprintf(line, sizeof(line), format, arguments);
  log::Debug("http", {{"listener", static_cast<Library*>(context)->options_.name},
                      {"library", absl::StripAsciiWhitespace(line)}});
}

MHD_Result HttpListener::Library::OnAccept(void* context, const sockaddr* address, socklen_t) {
  const std::optional<io::SocketAddress> client = AddressOf(address);
  if (!client) return MHD_YES;
  return static_cast<Library*>(context)->table_.HasRoomFor(ClientKey(*client)) ? MHD_YES : MHD_NO;
}

void HttpListener::Library::OnConnection(void* context, MHD_Connection* connection,
                                         void** open_slot, MHD_ConnectionNotificationCode what) {
  Library& self = *static_cast<Library*>(context);
  if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
    self.table_.Remove(static_cast<OpenConnection*>(*open_slot));
    return;
  }
  OpenConnection open;
  open.fd = InfoOf(connection, MHD_CONNECTION_INFO_CONNECTION_FD).connect_fd;
  if (const auto address =
          AddressOf(InfoOf(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS).client_addr)) {
    open.address = *address;
    open.client = ClientKey(*address);
  }
  if (self.certificate_ != nullptr) {
    open.credentials = self.certificate_->Use(static_cast<gnutls_session_t>(
        InfoOf(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION).tls_session));
  }
  open.deadline = self.Now() + self.options_.header_timeout;
  *open_slot = self.table_.Add(std::move(open));
}

void* HttpListener::Library::OnRequestLine(void* /*context*/, const char* target, MHD_Connection*) {
  auto* const exchange = new Exchange;
  exchange->target = target;
  return exchange;
}

void HttpListener::Library::OnEnd(void* context, MHD_Connection* connection, void** exchange_slot,
                                  MHD_RequestTerminationCode) {
  const std::unique_ptr<Exchange> exchange(static_cast<Exchange*>(*exchange_slot));
  *exchange_slot = nullptr;
  if (exchange == nullptr) return;
  Library& self = *static_cast<Library*>(context);
  if (exchange->route != nullptr) self.service_.dispatcher.Leave(*exchange->route);
  self.table_.SetDeadline(OpenOf(connection), self.Now() + self.options_.header_timeout);
}

MHD_Result HttpListener::Library::OnRequest(void* context, MHD_Connection* connection,
                                            const char* /*url*/, const char* method,
                                            const char* /*version*/, const char* body,
                                            size_t* body_size, void** exchange_slot) {
  Library& self = *static_cast<Library*>(context);
  Exchange& exchange = *static_cast<Exchange*>(*exchange_slot);
  switch (exchange.stage) {
    case Exchange::Stage::kHeader: {
      exchange.stage = Exchange::Stage::kBody;
      std::optional<Response> refusal = self.Begin(connection, method, exchange);
      return refusal ? self.Send(connection, *std::move(refusal)) : MHD_YES;
    }
    case Exchange::Stage::kBody:
      if (*body_size == 0) {
        self.Dispatch(connection, exchange);
        return MHD_YES;
      }
      // Content-Length was held to the route's bound, and the library holds the body to that.
      exchange.request.body.append(body, *body_size);
      *body_size = 0;
      return MHD_YES;
    case Exchange::Stage::kAnswer:
      SLUICE_CHECK(exchange.response.has_value());
      return self.Send(connection, *std::move(exchange.response));
  }
  return MHD_NO;
}

std::optional<Response> HttpListener::Library::Begin(MHD_Connection* connection, const char* method,
                                                     Exchange& exchange) {
  for (const char* const name : {MHD_HTTP_HEADER_HOST, MHD_HTTP_HEADER_AUTHORIZATION,
                                 MHD_HTTP_HEADER_CONTENT_LENGTH, "Origin"}) {
    if (!StandsTwice(connection, name)) continue;
    return ErrorReply(400, "invalid_argument", absl::StrCat("the field ", name, " stands twice"));
  }
  absl::StatusOr<Target> target = ParseTarget(exchange.target);
  Router::Found found;
  if (target.ok()) found = service_.router.Find(method, *target);
  OpenConnection* const open = OpenOf(connection);
  const Visit visit = {.fd = open->fd,
                       .client = open->address,
                       .host = Header(connection, MHD_HTTP_HEADER_HOST),
                       .origin = Header(connection, "Origin"),
                       .authorization = Header(connection, MHD_HTTP_HEADER_AUTHORIZATION)};
  // Who may not come in is not told what there is and is not.
  Admission admission =
      doorman_->Admit(visit, found.route == nullptr ? Access::kRead : AccessOf(*found.route));
  if (admission.refusal && admission.late) {
    return AnswerLate(connection, exchange, *std::move(admission.refusal));
  }
  if (admission.refusal) return std::move(admission.refusal);
  if (!target.ok()) return ErrorReply(target.status());
  if (found.route == nullptr) return std::move(found.refusal);
  if (auto refusal = CheckBody(connection, *found.route)) return refusal;
  // Before the body is taken: those of slow requests may be large.
  if (auto refusal = service_.dispatcher.Admit(*found.route)) return refusal;

  exchange.route = found.route;
  table_.SetDeadline(open, Now() + options_.upload_timeout);
  Request& request = exchange.request;
  request.method = method;
  request.variable = std::move(found.variable);
  request.query = std::move(target->query);
  const absl::string_view content_type = Header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
  request.content_type = absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';'))));
  request.if_none_match = Header(connection, MHD_HTTP_HEADER_IF_NONE_MATCH);
  request.by = std::move(admission.by);
  request.may_write = admission.may_write;
  return std::nullopt;
}

std::optional<Response> HttpListener::Library::AnswerLate(MHD_Connection* connection,
                                                          Exchange& exchange, Response response) {
  exchange.stage = Exchange::Stage::kAnswer;
  exchange.response = std::move(response);
  MHD_suspend_connection(connection);
  OpenConnection* const open = OpenOf(connection);
  table_.SetDeadline(open, MonoTime::Never());
  table_.Rest(open, Now() + kLate, [connection] { MHD_resume_connection(connection); });
  return std::nullopt;
}

void HttpListener::Library::Dispatch(MHD_Connection* connection, Exchange& exchange) {
  exchange.stage = Exchange::Stage::kAnswer;
  table_.SetDeadline(OpenOf(connection), MonoTime::Never());  // the handler has one
  MHD_suspend_connection(connection);
  auto refusal = service_.dispatcher.Run(
      *exchange.route, exchange.request, exchange.target,
      [connection, &exchange](Response response) {
        exchange.response = std::move(response);
        MHD_resume_connection(connection);  // from here on the exchange is the library's thread's
      });
  if (!refusal) return;
  exchange.response = std::move(refusal);
  MHD_resume_connection(connection);
}

MHD_Result HttpListener::Library::Send(MHD_Connection* connection, Response response) {
  table_.SetDeadline(OpenOf(connection), Now() + options_.answer_timeout);
  return SendAnswer(connection, std::move(response));
}

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Start(
    int fd, const HttpListenerOptions& options, const HttpService& service,
    std::unique_ptr<Doorman> doorman, const ServerCertificate* certificate) {
  auto library = std::make_unique<Library>(options, service, std::move(doorman), certificate);
  SLUICE_RETURN_IF_ERROR(library->Start(fd));
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(library)));
}

HttpListener::HttpListener(std::unique_ptr<Library> library) : library_(std::move(library)) {}
HttpListener::~HttpListener() = default;
void HttpListener::Tend() { library_->Tend(); }
void HttpListener::Quiesce() { library_->Quiesce(); }
void HttpListener::Stop() { library_->Stop(); }

}  // namespace sluice::admin
