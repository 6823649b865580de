// What a lane's connections do, one after the other; lane.cc's and lane_carrier.cc's own.
#ifndef SLUICE_ENGINE_RELAY_LANE_CARRIER_H_
#define SLUICE_ENGINE_RELAY_LANE_CARRIER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/clock.h"
#include "engine/io/socket_address.h"
#include "engine/io/task.h"
#include "engine/relay/attempt.h"
#include "engine/relay/counters.h"
#include "engine/relay/dane.h"
#include "engine/relay/hop_policy.h"
#include "engine/relay/lane.h"
#include "engine/relay/mta_sts.h"
#include "engine/relay/next_hop.h"
#include "engine/relay/outcome.h"
#include "engine/smtp/client_session.h"

namespace sluice::relay {

// One connection at a time: found, opened, used, closed.
class Lane::Carrier {
 public:
  explicit Carrier(Lane& lane) : lane_(lane), host_(lane.host_) {}

  io::Task<void> Run();

 private:
  // Waits, without a connection, until one may be opened. False: there is nothing to open it for.
  io::Task<bool> Clearance();
  // Unless the message that is held has addresses left to try.
  io::Task<void> FindHops();
  // Opens a session to the first address from `next_` on that will have one.
  io::Task<bool> OpenNext();
  // One address, as far as the policy insists or allows.
  io::Task<std::optional<smtp::Failure>> OpenAt(HopAddress hop);
  io::Task<std::optional<smtp::Failure>> TryAsDemanded(io::SocketAddress address, HopDemand demand);
  io::Task<std::optional<smtp::Failure>> TryOpen(io::SocketAddress address, smtp::TlsUse use);
  // Sends what waits over the session. True when a message is held that the next address is to try.
  io::Task<bool> SendWaiting();
  io::Task<std::optional<Attempt>> NextAttempt();
  // What the transaction says of the server, to the pace. False: it turned the connection away.
  bool Heed(const smtp::SendResult& result, MonoTime begun, bool first_message);
  bool MayCarryOn(int sent_messages) const;
  io::Task<void> CloseSession();
  void Count(const smtp::Failure& failure) {
    host_.counters().failures_by_reason[FailureIndex(failure)].Add();
  }
  // What the first try at an address came to; a second, with less TLS, is for the mail's sake alone.
  void CountTls(const HopAddress& hop, const DaneFinding& dane,
                const std::optional<smtp::Failure>& failed);
  void RememberFailure(const HopAddress& hop, smtp::Failure failure);
  AttemptReport Report() const;
  // What OpenAt came to.
  AddressTried Tried(const HopAddress& hop) const;

  Lane& lane_;
  LaneHost& host_;
  NextHops hops_;
  sts::Finding mta_sts_;  // of the domain
  size_t next_ = 0;       // of hops_.addresses
  std::unique_ptr<smtp::ClientSession> session_;
  std::optional<AddressTried> server_;       // of the session, or of failure_
  std::string decided_by_;                   // of what OpenAt tried last
  bool authenticated_ = false;               // of the session: AddressTried has it
  std::optional<smtp::Failure> failure_;     // the one that decides when no address is left
  bool all_for_tls_ = false;                 // each address that was tried failed for TLS
  std::optional<smtp::Failure> would_fail_;  // monitor: of the session
  std::optional<Attempt> held_;              // goes on to the next address
  MonoTime begun_;                           // the round of connections
  MonoTime opened_;                          // the session
  bool may_send_ = false;                    // one message, as far as the rate is concerned
  bool turned_away_ = false;                 // by 421, before it had carried anything
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_LANE_CARRIER_H_
