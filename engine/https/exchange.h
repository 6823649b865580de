// One HTTPS request and its response, over a connection of its own.
//
//   https::Exchange exchange(core, resolver, context);
//   absl::StatusOr<https::Response> response = co_await exchange.Run(request, deadline);
//
// The server's certificate has to lead to the trust store of `context`, to be in date, and to name
// the host; TLS is 1.2 or later, under the same cipher policy as mail. Addresses come from the
// gateway's own resolver, and are tried in turn until one has answered. No redirect is followed, no
// proxy used, nothing cached.
//
// Why not libcurl: Debian's draws OpenSSL's libcrypto into the process (third_party/README.md), and
// would need a thread for what a core does anyway.
//
// One core.
#ifndef SLUICE_ENGINE_HTTPS_EXCHANGE_H_
#define SLUICE_ENGINE_HTTPS_EXCHANGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/clock.h"
#include "engine/dns/resolver.h"
#include "engine/https/response_reader.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "tls/context.h"
#include "tls/stream.h"

namespace sluice::https {

struct Request {
  std::string host;  // A-labels, lower case
  uint16_t port = 443;
  std::string target = "/";  // path and query, as they go onto the wire
  std::string content_type;  // with a body: POST; without: GET
  std::string body;
  size_t most_response_bytes = 0;  // 0: the status alone is wanted
};

class Exchange {
 public:
  // All outlive the exchange.
  Exchange(io::Core& core, dns::Resolver& resolver, tls::ClientContext& context);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Once. Errors, each in words for an administrator:
  //   Unauthenticated  the certificate is not trusted, out of date, or another's
  //   InvalidArgument  what came back is no HTTP response, or too long
  //   Unavailable      anything else: the host is not found, does not answer, breaks off
  io::Task<absl::StatusOr<Response>> Run(Request request, MonoTime deadline);

  // From another coroutine of this core: what is under way fails soon.
  void Abort();

 private:
  io::Task<absl::StatusOr<Response>> RunAt(const Request& request, io::SocketAddress address,
                                           MonoTime deadline);
  io::Task<absl::StatusOr<Response>> Converse(const Request& request, MonoTime deadline);

  io::Core& core_;
  dns::Resolver& resolver_;
  tls::ClientContext& context_;
  std::unique_ptr<tls::Stream> stream_;  // set while connected
  bool aborted_ = false;
};

}  // namespace sluice::https

#endif  // SLUICE_ENGINE_HTTPS_EXCHANGE_H_
