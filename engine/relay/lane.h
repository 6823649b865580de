// A lane: the connections, the backlog and the health of one next hop under one policy, on one core.
//
//   lane.Offer(attempt);       // a connection that is free takes it, or another is opened
//
// Mail shares a connection only where its next hop, the policy it travels under and what is shown
// of this gateway are the same (identity.h), so a connection never crosses policies. Which policy
// that is was decided when the message came to the lane, and is decided again in front of its MAIL
// FROM: after a change of the list the message is handed back, to the lane that it now belongs to.
//
// Each connection is a carrier: a coroutine that finds the addresses of the next hop, opens a session
// to the first that will have one, and sends what waits until nothing does.
//
// When no address will have a session, and no other carrier has one or is about to, all that waits
// in the lane has failed by it, and is deferred (or bounced) at once: a dead next hop costs one round
// of connections, not one for each message. How many carriers there may be, how often they may
// connect and send, and when they are to leave the next hop alone, its pace says (lane_pace.h): they
// wait for that without a connection, and when the server turned this gateway away, the mail with
// them.
//
// One core.
#ifndef SLUICE_ENGINE_RELAY_LANE_H_
#define SLUICE_ENGINE_RELAY_LANE_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/dns/resolver.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/relay/attempt.h"
#include "engine/relay/counters.h"
#include "engine/relay/identity.h"
#include "engine/relay/lane_pace.h"
#include "engine/relay/mta_sts.h"
#include "engine/relay/next_hop.h"
#include "engine/relay/outbound_policy.h"
#include "engine/relay/overflow.h"
#include "engine/relay/settings.h"
#include "engine/smtp/client_session.h"
#include "queue/queue_view.h"

namespace sluice::relay {

struct TlsSession;

// What a lane needs of the core it lives on.
class LaneHost {
 public:
  virtual io::Core& core() = 0;
  virtual dns::Resolver& resolver() = 0;
  virtual tls::ClientContext& client_context() = 0;
  virtual MtaSts* mta_sts() = 0;  // null: switched off
  virtual const Settings& settings() const = 0;
  virtual const smtp::ClientOptions& client_options() const = 0;
  virtual Counters& counters() = 0;
  // TLS with a host was tried, for mail: for reports (tls_session.h).
  virtual void CountTlsSession(const TlsSession& session) = 0;
  // The policy in force for a domain at this moment.
  virtual OutboundPolicy PolicyFor(absl::string_view domain) const = 0;
  // Brings the body into memory where it is not; false: it cannot be had now.
  virtual io::Task<bool> LoadBody(Attempt& attempt) = 0;
  // Out of memory with it, to make room: it is loaded again in front of its DATA.
  virtual void DropBody(Attempt& attempt) = 0;
  // The attempt is over: its outcome goes to the store, and the attempt is gone.
  virtual void Conclude(Attempt attempt, const AttemptReport& report) = 0;
  // Neither is counted as a try. The list has changed, and another lane is to have it:
  virtual void Redirect(Attempt attempt) = 0;
  // It cannot be sent from here now (its body cannot be read, the gateway stops): back to the queue.
  virtual void PutBack(Attempt attempt) = 0;

 protected:
  ~LaneHost() = default;
};

class Lane {
 public:
  // `pace`: that of all lanes to `target` on this core.
  Lane(LaneHost& host, HopTarget target, OutboundPolicy policy, std::shared_ptr<LanePace> pace);
  ~Lane();  // idle() (checked)
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // False when the backlog is full; `attempt` is then left as it was. Where an administrator wants
  // it tried (Envelope::past_breaker) a pause is over all the same.
  bool Offer(Attempt& attempt);
  // He wants all that is selected tried now: where some of it waits here for the end of a pause, that
  // is over. Returns how many messages did.
  size_t TryNow(const queue::Selection& selection);
  // What is selected and waits here, in no connection's hands: it is the caller's from now on.
  std::vector<Attempt> Withdraw(const queue::Selection& selection);

  // When the backlog is full: when an attempt that found no room is to be offered again.
  MonoTime NextRoom();

  // The bodies of what waits make room for others.
  void DropBodies();

  // Takes nothing new up: what waits is put back, running sends go on.
  void Drain();
  // Ends running sends as well.
  void Abort();

  // No carrier runs and nothing waits.
  bool idle() const { return carriers_ == 0 && backlog_.empty(); }
  size_t backlog() const { return backlog_.size(); }
  // How full it is, on the scale of --lane_backlog, of which a rate leaves it a part only.
  size_t Load() const;

 private:
  class Carrier;
  class Waiting;
  // The message that a round of connections was begun for.
  enum class AtHand { kWaits, kConcluded };

  io::Task<void> Carry();
  // Opens a further connection where more waits than those there are will soon have sent.
  void AddCarrier();
  void EndPause();
  static bool IsSelected(const Attempt& attempt, const queue::Selection& selection) {
    return selection.Matches(attempt.envelope.id, attempt.envelope.destination);
  }
  std::optional<Attempt> Take();
  // What holds for it at this moment.
  OutboundPolicy PolicyOf(const Attempt& attempt) const;
  // Whether the policy it came under still holds.
  bool StillOurs(const Attempt& attempt) const;
  void Fail(Attempt attempt, AttemptReport report);
  void FailBacklog(const AttemptReport& report);
  // No carrier has a session, nor is about to have one that it began to open by `begun`: of many
  // that are opened at once a server may take the first and turn the others away.
  bool NoneStands(MonoTime begun) const {
    return open_sessions_ == 0 && (opening_.empty() || *opening_.begin() > begun);
  }
  // No address would have a session, and none stands.
  void RoundFailed(const AttemptReport& report, MonoTime begun, AtHand at_hand);
  void LogPause(const AttemptReport& report) const;

  LaneHost& host_;
  const HopTarget target_;
  const OutboundPolicy policy_;
  const std::string digest_;
  const Identity identity_;
  const std::shared_ptr<LanePace> pace_;
  std::deque<Attempt> backlog_;
  Overflow overflow_;
  bool has_bodies_ = false;  // some of the backlog, perhaps
  io::Event arrived_;
  io::Event cleared_;  // what carriers wait for of the pace may be over
  size_t carriers_ = 0;
  size_t waiting_carriers_ = 0;  // with an open session and nothing to send
  std::multiset<MonoTime> opening_;  // when each began that is
  size_t open_sessions_ = 0;
  size_t paused_carriers_ = 0;   // that wait for the end of a pause
  size_t limited_carriers_ = 0;  // that wait for what the rates allow
  std::unordered_set<smtp::ClientSession*> sessions_;
  bool draining_ = false;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_LANE_H_
