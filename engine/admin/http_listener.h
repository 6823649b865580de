// HTTP/1.1 on one listening socket, by libmicrohttpd, with TLS where it has a certificate.
//
//   auto listener = HttpListener::Start(fd, options, {.router = router, …});
//   listener->Tend();       // now and then (several times a second)
//   listener->Quiesce();    // takes no more connections
//   listener->Stop();       // once nothing of it is under way at the dispatcher
//
// One thread of the library's moves bytes for all connections; a request that is there as a whole
// is handed to the dispatcher, and its connection rests. Connections, headers, bodies, and the time
// for each are bounded; what is beyond a bound is refused or closed. A listener that is full takes
// nobody new, which does not touch the others: each has a thread and bounds of its own.
#ifndef SLUICE_ENGINE_ADMIN_HTTP_LISTENER_H_
#define SLUICE_ENGINE_ADMIN_HTTP_LISTENER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/admin/dispatcher.h"
#include "engine/admin/doorman.h"
#include "engine/admin/router.h"
#include "engine/admin/server_certificate.h"
#include "engine/base/clock.h"

namespace sluice::admin {

struct HttpListenerOptions {
  std::string name;  // in errors and the log: "--admin_listen=127.0.0.1:8025"
  unsigned max_connections = 256;
  unsigned max_connections_per_client = 0;            // 0: as many as there are
  absl::Duration idle_timeout = absl::Seconds(30);    // without a byte in either direction
  absl::Duration header_timeout = absl::Minutes(1);   // from the connection or the last answer on
  absl::Duration upload_timeout = absl::Minutes(5);   // for a whole body
  absl::Duration answer_timeout = absl::Minutes(10);  // for a client to take a whole answer
};

// Shared by all listeners, and outlives them.
struct HttpService {
  const Router& router;
  Dispatcher& dispatcher;
  const Clock& clock;
};

class HttpListener {
 public:
  // Takes over `fd` in any case. `certificate` (null: no TLS) outlives the listener. Internal when
  // the library does not start.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Start(int fd,
                                                             const HttpListenerOptions& options,
                                                             const HttpService& service,
                                                             std::unique_ptr<Doorman> doorman,
                                                             const ServerCertificate* certificate);
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  void Tend();
  void Quiesce();
  void Stop();

 private:
  class Library;
  explicit HttpListener(std::unique_ptr<Library> library);

  std::unique_ptr<Library> library_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_HTTP_LISTENER_H_
