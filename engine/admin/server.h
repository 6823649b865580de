// The HTTP API of the daemon, on its control socket.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<admin::Server> server,
//                           admin::Server::Start({.socket = {.path = "var/sluice.sock"}}, control,
//                                                SystemClock()));
//   …
//   server->Stop();
//
// What it serves stands in domains_api.h, domain_files_api.h, domain_checks_api.h, queue_api.h,
// history_api.h, certificates_api.h, status_api.h and metrics_api.h; reply.h has the form of
// errors. HTTP/1.1, JSON bodies, everything but /metrics under /v1.
//
// Threads. One thread of libmicrohttpd's moves bytes for all connections; a request that is there
// as a whole is handed to a few workers, which may block in relay::Control, while its connection
// rests. Connections, headers, bodies, requests under way and slow requests are bounded; what is
// beyond a bound is refused or waits in the kernel, and an idle or stuck connection is closed.
// Nothing of it runs on a core.
#ifndef SLUICE_ENGINE_ADMIN_SERVER_H_
#define SLUICE_ENGINE_ADMIN_SERVER_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/admin/control_socket.h"
#include "engine/base/clock.h"
#include "engine/relay/control.h"

namespace sluice::admin {

struct ServerOptions {
  ControlSocketOptions socket;
  int workers = 8;  // at least 2
  unsigned max_connections = 256;
  absl::Duration idle_timeout = absl::Seconds(30);   // without a byte in either direction
  absl::Duration upload_timeout = absl::Minutes(5);  // for a whole body
};

class Server {
 public:
  // `control` and `clock` outlive the server. Errors: those of ControlSocket::Listen, and Internal
  // when the HTTP library does not start.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       relay::Control& control, const Clock& clock);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Takes no more requests, lets those under way finish (each is bounded by its deadline; `control`
  // should answer Unavailable once the gateway stops), and removes the socket. Again: does nothing.
  void Stop();

 private:
  class Service;
  explicit Server(std::unique_ptr<Service> service);

  std::unique_ptr<Service> service_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_SERVER_H_
