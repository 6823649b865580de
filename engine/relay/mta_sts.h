// MTA-STS on one core: the keeper of policies (sts/keeper.h), with the store and the policy hosts
// that it needs.
//
//   MtaSts mta_sts(core, resolver, spool, std::move(https_context), check_interval);
//   mta_sts.Remember(domain, row);           // for each that is in the store
//   mta_sts.Start();
//   const sts::Finding found = co_await mta_sts.PolicyFor("example.com");
//   mta_sts.Stop();
//
// One core, but for the constructor and Remember, which come first.
#ifndef SLUICE_ENGINE_RELAY_MTA_STS_H_
#define SLUICE_ENGINE_RELAY_MTA_STS_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/dns/resolver.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/relay/control.h"
#include "engine/relay/next_hop.h"
#include "engine/sts/keeper.h"
#include "engine/sts/policy_host.h"
#include "queue/spool.h"
#include "tls/context.h"

namespace sluice::relay {

class MtaSts final : private sts::KeeperHost {
 public:
  // `core`, `resolver` and `spool` outlive it.
  MtaSts(io::Core& core, dns::Resolver& resolver, queue::Spool& spool,
         std::unique_ptr<tls::ClientContext> context, absl::Duration check_interval);

  // A row of the store. What cannot be read is fetched anew when there is mail.
  void Remember(const std::string& domain, absl::string_view row);
  // Looks after what is kept, until Stop().
  void Start();
  // What is being fetched fails soon.
  void Stop();

  // As of sts::Keeper.
  io::Task<sts::Finding> PolicyFor(std::string domain);
  std::shared_ptr<const sts::KeptPolicy> Known(absl::string_view domain) const {
    return keeper_.Known(domain);
  }
  // PolicyFor for an administrator. `done` is called once, on this core.
  void Explain(std::string domain, absl::AnyInvocable<void(MtaStsState) &&> done);

 private:
  io::Task<void> RunExplain(std::string domain, absl::AnyInvocable<void(MtaStsState) &&> done);
  io::Task<absl::StatusOr<std::string>> FetchPolicy(std::string domain) override;
  absl::Time Now() const override { return spool_.Now(); }
  void Store(absl::string_view domain, const sts::KeptPolicy* policy) override;

  io::Core& core_;
  queue::Spool& spool_;
  const std::unique_ptr<tls::ClientContext> context_;
  sts::PolicyHost host_;
  sts::Keeper keeper_;
};

// What is known of the domain that `target` stands for. Nothing where the next hop was not found by
// MX: a static route is the administrator's word, and an address literal has no domain; and where
// `mta_sts` is null.
io::Task<sts::Finding> FindMtaSts(MtaSts* mta_sts, HopTarget target);
// Whether that is still what is known, so far as it decides anything; nothing is asked for.
bool IsStillKnown(const sts::Finding& found, const MtaSts* mta_sts, const HopTarget& target);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_MTA_STS_H_
