// HTTPS for as long as its owner lives: requests one beside the other, each an Exchange of its own,
// and an end to all of them.
//
// One core.
#ifndef SLUICE_ENGINE_HTTPS_CLIENT_H_
#define SLUICE_ENGINE_HTTPS_CLIENT_H_

#include <unordered_set>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/dns/resolver.h"
#include "engine/https/exchange.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "tls/context.h"

namespace sluice::https {

class Client {
 public:
  // All outlive it; `context` has the roots that servers are held against.
  Client(io::Core& core, dns::Resolver& resolver, tls::ClientContext& context)
      : core_(core), resolver_(resolver), context_(context) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Over within `timeout`. Errors as Exchange::Run, and Unavailable after Abort.
  io::Task<absl::StatusOr<Response>> Run(Request request, absl::Duration timeout);

  // What is under way fails soon, and so does what is still asked for.
  void Abort();

 private:
  io::Core& core_;
  dns::Resolver& resolver_;
  tls::ClientContext& context_;
  std::unordered_set<Exchange*> running_;
  bool aborted_ = false;
};

}  // namespace sluice::https

#endif  // SLUICE_ENGINE_HTTPS_CLIENT_H_
