// The gateway as a whole: store, list, resolver, signer, cores, and a shard on each; started in order,
// drained, and stopped in reverse.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<Gateway> gateway,
//                           Gateway::Start(std::move(options), io::RealMachine()));
//   … until a signal comes …
//   gateway->Drain();
//
// Start, Drain and the destructor from one thread that is no core; the rest of Control from any.
#ifndef SLUICE_ENGINE_RELAY_GATEWAY_H_
#define SLUICE_ENGINE_RELAY_GATEWAY_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/clock.h"
#include "engine/dns/resolver.h"
#include "engine/io/engine.h"
#include "engine/io/executor.h"
#include "engine/io/machine.h"
#include "engine/relay/control.h"
#include "engine/relay/mta_sts.h"
#include "engine/relay/scheduler.h"
#include "engine/relay/settings.h"
#include "engine/relay/shard.h"
#include "policy/table.h"
#include "queue/spool.h"
#include "tls/cipher_policy.h"
#include "tls/client_certificates.h"
#include "tls/context.h"
#include "tls/credentials.h"
#include "tls/signer.h"
#include "tls/ticket_keys.h"

namespace sluice::relay {

struct GatewayOptions {
  std::string version;
  Settings settings;
  io::EngineOptions engine;
  queue::SpoolOptions spool;  // `clock` and the executors are filled in
  // Called once, when the cores run.
  std::function<absl::StatusOr<std::unique_ptr<dns::Resolver>>()> start_resolver;
  tls::CipherPolicy ciphers;
  std::vector<tls::CredentialFiles> credential_files;
  std::vector<tls::ClientCertificateFiles> client_certificate_files;
  std::string trust_store;
  std::string mta_sts_trust_store;  // of the hosts of policies, and of those that take TLS reports
  absl::Duration ticket_lifetime = absl::Hours(12);
  // Who has the private keys. Unset: this process, on `signer_threads` of the machine's.
  std::function<absl::StatusOr<std::unique_ptr<tls::Signer>>()> start_signer;
  int signer_threads = 1;
};

class Gateway final : public Control {
 public:
  // The error is the first that was met; what had been started is stopped again.
  // `machine` outlives the gateway.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(GatewayOptions options,
                                                        io::Machine& machine);
  ~Gateway() override;

  // Takes no new mail; lets what runs finish within Settings::drain_timeout, then ends it; syncs and
  // closes the store. Once.
  void Drain();

  // Where clients are served: with port 0 in --listen, the ports that the kernel gave.
  std::vector<std::string> listeners() const { return listeners_; }

  // Control.
  std::shared_ptr<const policy::Snapshot> PolicyList() const override { return table_->current(); }
  absl::StatusOr<PolicyResult> ApplyPolicy(policy::Transaction transaction, DryRun dry_run,
                                           MonoTime deadline) override;
  std::vector<std::string> WarningsOf(const policy::Entry& entry) override;
  absl::StatusOr<Explanation> Explain(absl::string_view domain, MonoTime deadline) override;
  absl::StatusOr<PingResult> Ping(absl::string_view domain, MonoTime deadline) override;
  absl::StatusOr<PingResult> PingEntry(const policy::Entry& entry, MonoTime deadline) override;
  absl::StatusOr<PingResult> PingSelf(MonoTime deadline) override;
  absl::StatusOr<std::vector<policy::PingFindings>> PingsOf(const policy::Pattern& pattern,
                                                            MonoTime deadline) override;
  absl::StatusOr<PolicyChangePage> PolicyChanges(const PolicyChangeQuery& query,
                                                 MonoTime deadline) override;
  absl::Duration WallAhead() const override { return spool_->WallAhead(); }
  absl::StatusOr<queue::QueueTotals> CountQueue(size_t most_destinations,
                                                MonoTime deadline) override;
  absl::StatusOr<queue::QueuePage> ListQueue(const queue::QueueQuery& query,
                                             MonoTime deadline) override;
  absl::StatusOr<std::string> ReadQueuedHeader(const queue::MessageId& id,
                                               MonoTime deadline) override;
  absl::StatusOr<std::vector<queue::QueueItem>> FindQueued(const queue::MessageId& id,
                                                           MonoTime deadline) override;
  absl::StatusOr<uint64_t> RetryQueued(const queue::Selection& selection,
                                       MonoTime deadline) override;
  absl::StatusOr<uint64_t> HoldQueued(const queue::Selection& selection,
                                      const queue::Reason& reason, MonoTime deadline) override;
  absl::StatusOr<uint64_t> ReleaseQueued(const queue::Selection& selection,
                                         MonoTime deadline) override;
  absl::StatusOr<uint64_t> RemoveQueued(const queue::Selection& selection,
                                        const queue::Reason& reason, MonoTime deadline) override;
  absl::StatusOr<uint64_t> ReturnQueued(const queue::Selection& selection,
                                        const queue::Reason& reason, MonoTime deadline) override;
  absl::StatusOr<queue::QueueSummary> SummarizeQueue(absl::string_view destination, size_t most,
                                                     MonoTime deadline) override;
  absl::StatusOr<queue::HistoryPage> QueryHistory(const queue::HistoryQuery& query,
                                                  MonoTime deadline) override;
  absl::StatusOr<queue::HistoryRows> ReadHistoryRows(const queue::HistoryRowQuery& query,
                                                     MonoTime deadline) override;
  absl::StatusOr<TlsReportList> ListTlsReports(size_t most, MonoTime deadline) override;
  absl::StatusOr<std::string> ShowTlsReport(absl::string_view domain, absl::string_view day,
                                            MonoTime deadline) override;
  absl::StatusOr<TlsReportSent> SendTlsReport(absl::string_view domain, absl::string_view day,
                                              MonoTime deadline) override;
  absl::StatusOr<std::vector<ServedCertificate>> Certificates(MonoTime deadline) override;
  absl::Status ReloadCertificates(absl::string_view by, MonoTime deadline) override;
  absl::StatusOr<Status> GetStatus(MonoTime deadline) override;
  // At once.
  std::vector<CoreStatus> GetCores() const;

 private:
  Gateway(GatewayOptions options, io::Machine& machine);
  absl::Status OpenStore();
  absl::Status LoadList();
  absl::Status StartSigner();
  // What is at fault with `transaction` as the flags stand, beyond what its entries say by
  // themselves.
  std::vector<policy::Fault> FaultsOf(const policy::Transaction& transaction) const;
  // In the log, of those that expire within `certificate_warning`.
  void WarnOfOwnCertificates();
  absl::Status StartShards();
  // Null where MTA-STS is switched off.
  absl::StatusOr<std::unique_ptr<MtaSts>> NewMtaSts(
      io::Core& core, std::shared_ptr<const tls::TrustStore> trust) const;
  absl::Status LoadMtaSts();
  absl::Status LoadTlsReports();
  absl::Status CheckTlsReports() const;
  absl::StatusOr<MtaStsState> MtaStsOf(absl::string_view domain, MonoTime deadline);
  // The shard that mail for `domain` belongs to where it is found by MX.
  Shard& OwnerOf(absl::string_view domain) const;
  absl::Status Listen();
  // Calls `function` on every core with its shard and waits for all, until `deadline`.
  absl::Status OnEveryCore(std::function<absl::Status(Shard&)> function, MonoTime deadline);
  // False when `deadline` came first.
  bool WaitUntilIdle(MonoTime deadline);
  size_t LiveTasks();
  absl::Status Commit(const policy::Proposal& proposal, queue::PolicyUpdate update)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(policy_mutex_);
  absl::Status UseOnEveryCore(std::shared_ptr<const policy::Snapshot> list, MonoTime deadline);
  absl::StatusOr<PingResult> Ping(PingOrder order, MonoTime deadline);
  // Adds its warnings, and keeps it with its entry.
  void KeepPing(PingResult& result);
  void Heal(const PingResult& result);
  absl::Status KeepPing(const policy::Pattern& pattern, const policy::PingFindings& findings);
  void AddNextProbes(std::vector<queue::QueueItem>& items, MonoTime deadline);
  void AddPaces(queue::QueueSummary& summary, MonoTime deadline);
  // When each of `destinations` is probed next, as far as its breaker is open.
  std::map<std::string, absl::Time> NextProbes(std::set<std::string> destinations,
                                               MonoTime deadline);
  absl::Status WithdrawFromLanes(const queue::Selection& selection, MonoTime deadline);
  absl::Status Return(std::vector<queue::Envelope> items, const queue::Reason& reason,
                      MonoTime deadline);

  const GatewayOptions options_;
  io::Machine& machine_;
  const Clock& clock_;
  const absl::Time started_at_;
  const MonoTime started_;

  // In the order in which they are started; what stands further down uses what stands above.
  std::unique_ptr<io::Executor> store_thread_;
  std::unique_ptr<io::Executor> reader_thread_;
  std::unique_ptr<io::Executor> signer_thread_;  // null where start_signer is set
  std::unique_ptr<queue::Spool> spool_;
  std::unique_ptr<tls::TicketKeys> ticket_keys_;
  std::unique_ptr<tls::Signer> signer_;
  std::unique_ptr<policy::Table> table_;
  std::unique_ptr<io::Engine> engine_;
  std::unique_ptr<dns::Resolver> resolver_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<std::string> listeners_;
  bool drained_ = false;
  std::atomic<bool> draining_{false};

  absl::Mutex policy_mutex_;  // one change of the list at a time
  mutable absl::Mutex credentials_mutex_;
  std::shared_ptr<const tls::Credentials> credentials_ ABSL_GUARDED_BY(credentials_mutex_);
  std::shared_ptr<const tls::ClientCertificates> client_certificates_
      ABSL_GUARDED_BY(credentials_mutex_);
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_GATEWAY_H_
