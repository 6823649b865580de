// The HTTP API of the daemon: on its control socket, and on TCP where --admin_listen says so.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<admin::Server> server,
//                           admin::Server::Start({.socket = {.path = "var/sluice.sock"}}, control,
//                                                SystemClock()));
//   …
//   server->Stop();
//
// What it serves stands in the *_api.h beside this, and in openapi.json, which it serves too;
// reply.h has the form of errors. HTTP/1.1, JSON bodies, everything but /metrics and the page under
// /v1. doorman.h says who may ask.
//
// Threads. Each listener has one (http_listener.h); they share a few workers, which may block in
// relay::Control, and one that watches over deadlines. Nothing of it runs on a core.
#ifndef SLUICE_ENGINE_ADMIN_SERVER_H_
#define SLUICE_ENGINE_ADMIN_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/admin/control_socket.h"
#include "engine/admin/ping_rounds.h"
#include "engine/admin/router.h"
#include "engine/base/clock.h"
#include "engine/io/socket_address.h"
#include "engine/relay/control.h"

namespace sluice::admin {

struct TcpOptions {
  std::vector<io::SocketAddress> listen;  // --admin_listen
  std::string certificate_file;           // both empty: no TLS, and then loopback addresses only
  std::string key_file;
  std::string hostname;                      // --hostname
  unsigned max_connections_per_client = 32;  // client: failure_table.h
};

struct ServerOptions {
  ControlSocketOptions socket;
  TcpOptions tcp;
  PingRoundsOptions ping_rounds;
  std::string tokens_file = "var/admin_tokens";  // --admin_tokens
  int workers = 8;                               // at least 2
  unsigned max_connections = 256;                // of each listener
  absl::Duration idle_timeout = absl::Seconds(30);
};

// Whether a server could start with these: FailedPrecondition, naming the flags, for an address
// that other machines can reach without a certificate, and for files that cannot be read. Starts
// nothing.
absl::Status CheckOptions(const ServerOptions& options);

class Server {
 public:
  // `control` and `clock` outlive the server. Errors: those of CheckOptions, ControlSocket::Listen
  // and ListenOnTcp, and Internal when the HTTP library does not start.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       relay::Control& control, const Clock& clock);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens on TCP, with the ports that the kernel picked: "127.0.0.1:8025".
  std::vector<std::string> listeners() const;

  // All that it serves.
  const Router& router() const;

  // Reads the files of --admin_tls_certificate anew, if there is one. On an error what was there
  // stays.
  absl::Status ReloadCertificate();

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
