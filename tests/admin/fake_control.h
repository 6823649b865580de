// A gateway without mail: the list is real (policy/table.h), the rest is what a test puts there.
#ifndef SLUICE_TESTS_ADMIN_FAKE_CONTROL_H_
#define SLUICE_TESTS_ADMIN_FAKE_CONTROL_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/relay/control.h"
#include "policy/table.h"

namespace sluice::admin {

class FakeControl : public relay::Control {
 public:
  FakeControl();

  // What the next calls answer.
  std::optional<relay::MtaStsState> mta_sts;
  relay::PingResult ping;
  std::vector<policy::PingFindings> pings;
  relay::PolicyChangePage changes;
  std::vector<std::string> warnings;         // of any entry
  std::vector<queue::QueueItem> queued;      // ListQueue pages by position, without filters
  std::vector<queue::HistoryEntry> history;  // oldest first
  std::vector<relay::ServedCertificate> certificates;
  relay::Status status;
  queue::QueueSummary summary;
  queue::HistoryRows history_rows;  // one page of all
  relay::TlsReportList tls_reports;
  std::string tls_report;  // of every domain; empty: there is none
  absl::Duration wall_ahead;
  absl::Status reload;
  // Where set, every call of Ping waits in it.
  std::function<void()> while_pinging;

  // What was asked for.
  std::vector<std::string> Calls() const;
  queue::QueueQuery last_queue_query;
  queue::HistoryQuery last_history_query;
  relay::PolicyChangeQuery last_change_query;
  void AwaitHistoryQueries(int count);

  // Puts an entry on the list, as `fields` ("level=verify", …) say.
  void AddEntry(const std::string& pattern, const std::vector<std::string>& fields, absl::Time at);

  std::shared_ptr<const policy::Snapshot> PolicyList() const override { return table_->current(); }
  absl::StatusOr<relay::PolicyResult> ApplyPolicy(policy::Transaction transaction,
                                                  relay::DryRun dry_run,
                                                  MonoTime deadline) override;
  std::vector<std::string> WarningsOf(const policy::Entry& /*entry*/) override { return warnings; }
  absl::StatusOr<relay::Explanation> Explain(absl::string_view domain, MonoTime deadline) override;
  absl::StatusOr<relay::PingResult> Ping(absl::string_view domain, MonoTime deadline) override;
  absl::StatusOr<relay::PingResult> PingEntry(const policy::Entry& entry,
                                              MonoTime deadline) override;
  absl::StatusOr<relay::PingResult> PingSelf(MonoTime deadline) override;
  absl::StatusOr<std::vector<policy::PingFindings>> PingsOf(const policy::Pattern& pattern,
                                                            MonoTime deadline) override;
  absl::StatusOr<relay::PolicyChangePage> PolicyChanges(const relay::PolicyChangeQuery& query,
                                                        MonoTime deadline) override;
  absl::Duration WallAhead() const override { return wall_ahead; }
  absl::StatusOr<queue::QueueTotals> CountQueue(size_t most_destinations,
                                                MonoTime deadline) override;
  absl::StatusOr<queue::QueuePage> ListQueue(const queue::QueueQuery& query,
                                             MonoTime deadline) override;
  absl::StatusOr<std::vector<queue::QueueItem>> FindQueued(const queue::MessageId& id,
                                                           MonoTime deadline) override;
  absl::StatusOr<std::string> ReadQueuedHeader(const queue::MessageId& id,
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
  absl::StatusOr<relay::TlsReportList> ListTlsReports(size_t most, MonoTime deadline) override;
  absl::StatusOr<std::string> ShowTlsReport(absl::string_view domain, absl::string_view day,
                                            MonoTime deadline) override;
  absl::StatusOr<relay::TlsReportSent> SendTlsReport(absl::string_view domain,
                                                     absl::string_view day,
                                                     MonoTime deadline) override;
  absl::StatusOr<std::vector<relay::ServedCertificate>> Certificates(MonoTime deadline) override;
  absl::Status ReloadCertificates(absl::string_view by, MonoTime deadline) override;
  absl::StatusOr<relay::Status> GetStatus(MonoTime deadline) override;

 private:
  void Note(std::string call);
  absl::StatusOr<uint64_t> Carry(absl::string_view what, const queue::Selection& selection,
                                 const queue::Reason& reason);

  std::unique_ptr<policy::Table> table_;
  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  std::condition_variable queried_;
  int history_queries_ = 0;
};

// Of the two queued examples, and of one that was delivered: "6A0F4Z8C1M3Q9TBD2K…".
queue::MessageId WaitingId();
queue::MessageId ActiveId();
queue::MessageId DeliveredId();

// Fills in one of everything, with times around `now`.
void FillWithExamples(absl::Time now, FakeControl& control);

}  // namespace sluice::admin

#endif  // SLUICE_TESTS_ADMIN_FAKE_CONTROL_H_
