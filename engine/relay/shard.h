// A shard: what the relay has on one core. Its listeners and sessions, its lanes, its copy of the list
// and of the TLS contexts, its counters.
//
// A message that arrives here leaves from here, unless its domain is found by MX: such a domain has one
// lane in all, on the core that its name falls to, and the message is moved there, once.
//
// One core, but for the constructor and counters().
#ifndef SLUICE_ENGINE_RELAY_SHARD_H_
#define SLUICE_ENGINE_RELAY_SHARD_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/dns/resolver.h"
#include "engine/io/connection.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/relay/attempt.h"
#include "engine/relay/control.h"
#include "engine/relay/counters.h"
#include "engine/relay/lane.h"
#include "engine/relay/lane_pace.h"
#include "engine/relay/mta_sts.h"
#include "engine/relay/outcome.h"
#include "engine/relay/parking.h"
#include "engine/relay/ping.h"
#include "engine/relay/reception.h"
#include "engine/relay/settings.h"
#include "engine/relay/starttls_memory.h"
#include "engine/relay/tls_reports.h"
#include "engine/smtp/server_session.h"
#include "policy/snapshot.h"
#include "queue/spool.h"
#include "tls/context.h"

namespace sluice::relay {

// Which of so many shards mail for `domain` belongs to, where it is found by MX.
size_t OwnerIndex(absl::string_view domain, size_t shards);

class Shard final : private LaneHost,
                    private ReceptionHost,
                    private ParkingHost,
                    private TlsReportHost {
 public:
  struct Parts {
    io::Core& core;
    const Settings& settings;
    queue::Spool& spool;
    dns::Resolver& resolver;
    std::unique_ptr<tls::ServerContext> server_context;
    std::unique_ptr<tls::ClientContext> client_context;
    std::unique_ptr<MtaSts> mta_sts;  // null: switched off
    std::unique_ptr<tls::ClientContext> report_context;  // set where Settings::tls_reports is
    std::shared_ptr<const policy::Snapshot> list;
  };
  // What `parts` refers to outlives the shard.
  explicit Shard(Parts parts);
  ~Shard();

  // The others, this one included, in the order of their cores; before the first message.
  void MeetOthers(absl::Span<Shard* const> shards);
  // Serves clients from `listener` until Drain().
  void Serve(std::unique_ptr<io::Listener> listener);

  // Before the first message: what is parked in the store, of this core and of others.
  void RestoreParked(absl::Span<const queue::ParkedDestination> parked) {
    parking_.Restore(parked);
  }

  // Sends it: from here, or from the shard that it belongs to.
  void Dispatch(Attempt attempt) override;
  // Its deadline has come: it goes, and its sender is told where that is owed.
  void Expire(queue::Envelope envelope);
  // An administrator gives it back to its sender. `done` is called once, with true, on this core.
  void Return(queue::Envelope envelope, queue::Reason reason,
              absl::AnyInvocable<void(bool) &&> done);

  // `done` is called once, on this core.
  void Ping(PingOrder order, MonoTime deadline, absl::AnyInvocable<void(PingResult) &&> done);
  // Any thread.
  CoreStatus StatusOfCore() const;

  // TLS of a domain was found to be as demanded.
  void Heal(const std::string& domain, const char* how) { parking_.Heal(domain, how); }
  // When it is probed next, in the queue's own time; unset where no breaker is open here.
  std::optional<absl::Time> NextProbe(absl::string_view destination) const;

  // How the destination is pressed at this moment, as far as this core has mail for it.
  struct PaceNow {
    std::optional<absl::Time> paused_until;  // in the queue's own time
    bool rate_limited = false;
  };
  PaceNow PaceOf(absl::string_view destination) const;

  // An administrator wants it tried now: ends the pauses that it waits for here, if any. Returns how
  // many messages did.
  size_t TryNow(const queue::Selection& selection);
  // An administrator has other plans for it: what is in the lanes here and in no connection's hands
  // goes back to the queue for a while, which leaves alone what it does not have. `done` is called
  // once, on any thread, when the queue has all of it.
  void Withdraw(const queue::Selection& selection, absl::AnyInvocable<void(bool) &&> done);

  void UseList(std::shared_ptr<const policy::Snapshot> list);
  absl::Status UseCertificates(std::shared_ptr<const tls::Credentials> own,
                               std::shared_ptr<const tls::ClientCertificates> as_client);

  // Takes no new clients and starts no new transactions, in or out; what runs may finish.
  void Drain();
  // Ends what still runs.
  void Abort();

  io::Core& core() override { return core_; }
  dns::Resolver& resolver() override { return resolver_; }
  tls::ClientContext& client_context() override { return *client_context_; }
  MtaSts* mta_sts() override { return mta_sts_.get(); }
  const Settings& settings() const override { return settings_; }
  const smtp::ClientOptions& client_options() const override { return client_options_; }
  OutboundPolicy PolicyFor(absl::string_view domain) const override;
  Counters& counters() override { return counters_; }
  TlsReports* tls_reports() { return tls_reports_.get(); }  // null: switched off
  const Counters& counters() const { return counters_; }

 private:
  // What goes back to the queue untried (its body cannot be read now; somebody is about to change
  // it) is looked at again after this.
  static constexpr absl::Duration kPutBackFor = absl::Seconds(30);

  io::Task<void> AcceptClients(std::unique_ptr<io::Listener> listener);
  io::Task<void> ServeClient(std::unique_ptr<io::Connection> connection);
  io::Task<void> SweepLanes();
  io::Task<void> RunPing(PingOrder order, MonoTime deadline,
                         absl::AnyInvocable<void(PingResult) &&> done);

  // LaneHost.
  io::Task<bool> LoadBody(Attempt& attempt) override;
  void DropBody(Attempt& attempt) override;
  void Conclude(Attempt attempt, const AttemptReport& report) override;
  void Redirect(Attempt attempt) override;
  void PutBack(Attempt attempt) override;
  // `done` is called, on the store, when the queue has it again, unless the gateway stops.
  void PutBackFor(Attempt attempt, absl::Duration time,
                  absl::AnyInvocable<void() &&> done = nullptr);

  // ReceptionHost.
  const policy::Snapshot& list() const override { return *list_; }
  queue::Spool& spool() override { return spool_; }
  queue::MessageIdSource& ids() override { return ids_; }
  void Send(std::vector<Attempt> attempts) override;

  // ParkingHost (shard_parking.cc).
  size_t Waiting(absl::string_view destination) override;
  bool Owns(absl::string_view destination) const override;
  bool LeavesFromAnyCore(absl::string_view destination) const override;
  void OnOwner(absl::string_view destination, std::function<void(Parking&)> function) override;
  void OnOthers(std::function<void(Parking&)> function) override;
  void ParkInstead(Attempt attempt, const Breaker& breaker);
  io::Task<void> RecordParked(OutcomeWriter::Written written, std::optional<io::Body> body);
  std::optional<AttemptReport> SuspectStripping(const AttemptReport& report);

  // Of TLS reports (shard_reports.cc).
  const std::string& hostname() const override { return settings_.hostname; }
  std::unique_ptr<TlsReports> NewTlsReports(std::unique_ptr<tls::ClientContext> context);
  void CountTlsSession(const TlsSession& session) override;
  io::Task<absl::StatusOr<std::string>> QueueReport(std::string from, std::string to,
                                                    std::string message) override;

  size_t CoreOf(absl::string_view destination) const;
  Shard& OwnerOf(const HopTarget& target);
  std::shared_ptr<LanePace> PaceFor(const HopTarget& target);
  void DispatchHere(Attempt attempt, HopTarget target);
  void LeaveToSuccessor(const queue::Envelope& envelope);
  void KeepBody(Attempt& attempt);
  // The body is no longer counted as kept.
  std::optional<io::Body> TakeBody(Attempt& attempt);
  bool MakeRoom(uint64_t bytes);
  io::Task<void> Record(OutcomeWriter::Written written, std::optional<io::Body> body);
  io::Task<void> RecordReturn(OutcomeWriter::Written written,
                              absl::AnyInvocable<void(bool) &&> done);
  io::Task<absl::Status> AddNotifications(OutcomeWriter::Written& written,
                                          std::optional<io::Body> body,
                                          std::vector<Attempt>& notifications);
  io::Task<absl::Status> ReadBody(Attempt& attempt);
  void CountExpiry(const OutcomeWriter::Written& written);
  void Count(const OutcomeWriter::Written& written);

  io::Core& core_;
  const Settings& settings_;
  queue::Spool& spool_;
  dns::Resolver& resolver_;
  const std::unique_ptr<tls::ServerContext> server_context_;
  const std::unique_ptr<tls::ClientContext> client_context_;
  const std::unique_ptr<MtaSts> mta_sts_;
  std::shared_ptr<const policy::Snapshot> list_;
  const smtp::ServerOptions server_options_;
  const smtp::ClientOptions client_options_;

  Counters counters_;
  queue::MessageIdSource ids_;
  OutcomeWriter writer_;
  Parking parking_;
  const std::unique_ptr<TlsReports> tls_reports_;
  StartTlsMemory starttls_memory_;
  Reception reception_;
  smtp::BodyBudget body_budget_;
  std::vector<Shard*> shards_;

  std::unordered_set<io::Listener*> listeners_;
  std::unordered_set<smtp::ServerSession*> sessions_;
  absl::flat_hash_map<std::string, std::unique_ptr<Lane>> lanes_;  // by LaneKeyOf()
  absl::flat_hash_map<std::string, std::shared_ptr<LanePace>> paces_;  // by target
  bool draining_ = false;
  io::Event drained_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_SHARD_H_
