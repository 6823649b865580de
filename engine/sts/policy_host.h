// Fetches a domain's policy from https://mta-sts.<domain>/.well-known/mta-sts.txt (RFC 8461 §3.3):
// the certificate has to be good for that name, the response is a 200 of type text/plain, no
// redirect is followed, and it is over within kFetchTimeout and kMostPolicyBytes.
//
// One core.
#ifndef SLUICE_ENGINE_STS_POLICY_HOST_H_
#define SLUICE_ENGINE_STS_POLICY_HOST_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/dns/resolver.h"
#include "engine/https/client.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "tls/context.h"

namespace sluice::sts {

class PolicyHost {
 public:
  static constexpr absl::Duration kFetchTimeout = absl::Minutes(1);

  // All outlive it; `context` has the roots that policy hosts are held against.
  PolicyHost(io::Core& core, dns::Resolver& resolver, tls::ClientContext& context)
      : client_(core, resolver, context) {}
  PolicyHost(const PolicyHost&) = delete;
  PolicyHost& operator=(const PolicyHost&) = delete;

  // The file as it is served; whether it is a policy is for policy.h. Errors as https::Exchange,
  // and Unavailable for a response that is not what it has to be.
  io::Task<absl::StatusOr<std::string>> Fetch(std::string domain);

  // What is under way fails soon, and so does what is still asked for.
  void Abort() { client_.Abort(); }

 private:
  https::Client client_;
};

}  // namespace sluice::sts

#endif  // SLUICE_ENGINE_STS_POLICY_HOST_H_
