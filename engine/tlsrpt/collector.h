// Hands a report to the web server of one who asked for it (RFC 8460 §5.4): one POST, and any 2xx
// says that it was taken.
//
// The server's certificate has to be good for its name. §3 would let it be any; but a report says
// who sends mail to whom and from which addresses, and a server that cannot show who it is may not
// be the one that the domain named.
//
// One core.
#ifndef SLUICE_ENGINE_TLSRPT_COLLECTOR_H_
#define SLUICE_ENGINE_TLSRPT_COLLECTOR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/dns/resolver.h"
#include "engine/https/client.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/tlsrpt/record.h"
#include "tls/context.h"

namespace sluice::tlsrpt {

class Collector {
 public:
  static constexpr absl::Duration kTimeout = absl::Minutes(1);

  // All outlive it; `context` has the roots that web servers are held against.
  Collector(io::Core& core, dns::Resolver& resolver, tls::ClientContext& context)
      : client_(core, resolver, context) {}
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Errors as https::Exchange, and Unavailable for another status than 2xx.
  io::Task<absl::Status> Post(WebEndpoint endpoint, std::string gzip);

  // What is under way fails soon, and so does what is still asked for.
  void Abort() { client_.Abort(); }

 private:
  https::Client client_;
};

}  // namespace sluice::tlsrpt

#endif  // SLUICE_ENGINE_TLSRPT_COLLECTOR_H_
