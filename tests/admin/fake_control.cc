#include "tests/admin/fake_control.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"
#include "policy/entry_field.h"

namespace sluice::admin {

FakeControl::FakeControl() : table_(*policy::Table::Load({}, 0)) {}

void FakeControl::Note(std::string call) {
  const std::lock_guard lock(mutex_);
  calls_.push_back(std::move(call));
}

std::vector<std::string> FakeControl::Calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void FakeControl::AddEntry(const std::string& pattern, const std::vector<std::string>& fields,
                           absl::Time at) {
  policy::Change change{.kind = policy::Change::Kind::kAdd, .entry = {}};
  SLUICE_CHECK(policy::SetField("pattern", pattern, change.entry).ok());
  for (const std::string& field : fields) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(field, absl::MaxSplits('=', 1));
    SLUICE_CHECK(policy::SetField(pair.first, pair.second, change.entry).ok());
  }
  policy::Transaction transaction;
  transaction.changes.push_back(std::move(change));
  transaction.author = {at, "alice"};
  const auto result = ApplyPolicy(std::move(transaction), relay::DryRun::kNo, MonoTime::Never());
  SLUICE_CHECK(result.ok() && result->faults.empty());
}

absl::StatusOr<relay::PolicyResult> FakeControl::ApplyPolicy(policy::Transaction transaction,
                                                             relay::DryRun dry_run, MonoTime) {
  policy::Proposal proposal = table_->Propose(transaction);
  relay::PolicyResult result;
  result.faults = proposal.faults;
  result.written = proposal.written;
  if (proposal.faults.empty() && dry_run == relay::DryRun::kNo) {
    table_->Publish(proposal);
    Note(absl::StrCat("apply by ", transaction.author.by));
  }
  result.generation = table_->current()->generation();
  return result;
}

absl::StatusOr<relay::Explanation> FakeControl::Explain(absl::string_view domain,
                                                        MonoTime /*deadline*/) {
  relay::Explanation explanation;
  explanation.inbound = PolicyList()->Explain(domain, policy::Flow::kInbound);
  explanation.outbound = PolicyList()->Explain(domain, policy::Flow::kOutbound);
  explanation.default_tls_level = "may";
  explanation.route = "by MX";
  explanation.mta_sts = mta_sts;
  return explanation;
}

absl::StatusOr<relay::PingResult> FakeControl::Ping(absl::string_view domain, MonoTime) {
  Note(absl::StrCat("ping ", domain));
  if (while_pinging) while_pinging();
  return ping;
}

absl::StatusOr<relay::PingResult> FakeControl::PingEntry(const policy::Entry& entry, MonoTime) {
  const absl::StatusOr<std::string> domain = policy::PingedDomain(entry);
  if (!domain.ok()) return domain.status();
  Note(absl::StrCat("ping entry ", entry.pattern.text(), " at ", *domain));
  if (while_pinging) while_pinging();
  return ping;
}

absl::StatusOr<relay::PingResult> FakeControl::PingSelf(MonoTime) {
  Note("ping self");
  return ping;
}

absl::StatusOr<std::vector<policy::PingFindings>> FakeControl::PingsOf(const policy::Pattern&,
                                                                       MonoTime) {
  return pings;
}

absl::StatusOr<relay::PolicyChangePage> FakeControl::PolicyChanges(
    const relay::PolicyChangeQuery& query, MonoTime) {
  last_change_query = query;
  return changes;
}

absl::StatusOr<queue::QueueTotals> FakeControl::CountQueue(size_t, MonoTime) {
  return status.queue;
}

absl::StatusOr<queue::QueuePage> FakeControl::ListQueue(const queue::QueueQuery& query, MonoTime) {
  last_queue_query = query;
  size_t position = 0;
  if (!query.cursor.empty() && !absl::SimpleAtoi(query.cursor, &position)) {
    return absl::InvalidArgumentError("cursor: is none of this queue");
  }
  queue::QueuePage page;
  for (; position < queued.size() && page.items.size() < query.limit; ++position) {
    page.items.push_back(queued[position]);
  }
  if (position < queued.size()) page.next = absl::StrCat(position);
  return page;
}

absl::StatusOr<std::vector<queue::QueueItem>> FakeControl::FindQueued(const queue::MessageId& id,
                                                                      MonoTime) {
  std::vector<queue::QueueItem> found;
  for (const queue::QueueItem& item : queued) {
    if (item.envelope.id == id) found.push_back(item);
  }
  return found;
}

absl::StatusOr<std::string> FakeControl::ReadQueuedHeader(const queue::MessageId& id, MonoTime) {
  return absl::StrCat("Received: by fake.test id ", id.ToString(), "\r\nSubject: \x1b[31mgr\xFC\xDF\r\n");
}

absl::StatusOr<uint64_t> FakeControl::RetryQueued(const queue::Selection& selection, MonoTime) {
  Note(absl::StrCat("retry ", selection.message_id ? selection.message_id->ToString() : "",
                    selection.destination));
  return selection.destination == "nowhere.example" ? 0 : 2;
}

// One message: as it stands in `queued`. Many: two of them.
absl::StatusOr<uint64_t> FakeControl::Carry(absl::string_view what,
                                            const queue::Selection& selection,
                                            const queue::Reason& reason) {
  const std::string id = selection.message_id ? selection.message_id->ToString() : "";
  Note(absl::StrCat(what, " ", id, " ", selection.destination, " by ", reason.by, " because ",
                    reason.why));
  if (!selection.message_id.has_value()) {
    return selection.destination == "nowhere.example" ? 0 : 2;
  }
  for (const queue::QueueItem& item : queued) {
    if (item.envelope.id != *selection.message_id) continue;
    if (!item.in_flight) return 1;
    return absl::FailedPreconditionError("it is being sent right now; try again in a minute");
  }
  return absl::NotFoundError("no such message");
}

absl::StatusOr<uint64_t> FakeControl::HoldQueued(const queue::Selection& selection,
                                                 const queue::Reason& reason, MonoTime) {
  return Carry("hold", selection, reason);
}

absl::StatusOr<uint64_t> FakeControl::ReleaseQueued(const queue::Selection& selection, MonoTime) {
  return Carry("release", selection, {});
}

absl::StatusOr<uint64_t> FakeControl::RemoveQueued(const queue::Selection& selection,
                                                   const queue::Reason& reason, MonoTime) {
  return Carry("remove", selection, reason);
}

absl::StatusOr<uint64_t> FakeControl::ReturnQueued(const queue::Selection& selection,
                                                   const queue::Reason& reason, MonoTime) {
  return Carry("return", selection, reason);
}

absl::StatusOr<queue::QueueSummary> FakeControl::SummarizeQueue(absl::string_view, size_t,
                                                                MonoTime) {
  return summary;
}

void FakeControl::AwaitHistoryQueries(int count) {
  std::unique_lock lock(mutex_);
  queried_.wait(lock, [this, count] { return history_queries_ >= count; });
}

absl::StatusOr<queue::HistoryPage> FakeControl::QueryHistory(const queue::HistoryQuery& query,
                                                             MonoTime) {
  {
    const std::lock_guard lock(mutex_);
    last_history_query = query;
    ++history_queries_;
    queried_.notify_all();
  }
  std::vector<queue::HistoryEntry> ordered = history;
  if (query.newest_first) std::reverse(ordered.begin(), ordered.end());
  queue::HistoryPage page;
  page.next = query.newest_first ? "" : query.cursor;
  bool begun = query.cursor.empty();
  for (const queue::HistoryEntry& entry : ordered) {
    const std::string cursor = queue::CursorOf(entry);
    const bool matches =
        (query.outcomes.empty() || std::find(query.outcomes.begin(), query.outcomes.end(),
                                             entry.outcome) != query.outcomes.end()) &&
        query.tls.value_or(entry.tls) == entry.tls;
    if (begun && matches && page.entries.size() < query.limit) {
      page.entries.push_back(entry);
      if (!query.newest_first || page.entries.size() == query.limit) page.next = cursor;
    }
    begun = begun || cursor == query.cursor;
  }
  return page;
}

absl::StatusOr<queue::HistoryRows> FakeControl::ReadHistoryRows(const queue::HistoryRowQuery&,
                                                               MonoTime) {
  return history_rows;
}

absl::StatusOr<relay::TlsReportList> FakeControl::ListTlsReports(size_t most, MonoTime) {
  relay::TlsReportList list = tls_reports;
  list.reports.resize(std::min(list.reports.size(), most));
  return list;
}

absl::StatusOr<std::string> FakeControl::ShowTlsReport(absl::string_view domain,
                                                       absl::string_view day, MonoTime) {
  Note(absl::StrCat("tlsrpt show ", domain, " ", day));
  if (tls_report.empty()) return absl::NotFoundError("no TLS session is counted");
  return tls_report;
}

absl::StatusOr<relay::TlsReportSent> FakeControl::SendTlsReport(absl::string_view domain,
                                                                absl::string_view day, MonoTime) {
  Note(absl::StrCat("tlsrpt send ", domain, " ", day));
  return relay::TlsReportSent{.to = "mailto:tls@d.example",
                              .report_id = "12ab@gw.example.net",
                              .message_id = WaitingId().ToString()};
}

absl::StatusOr<std::vector<relay::ServedCertificate>> FakeControl::Certificates(MonoTime) {
  return certificates;
}

absl::Status FakeControl::ReloadCertificates(absl::string_view by, MonoTime) {
  Note(absl::StrCat("reload by ", by));
  return reload;
}

absl::StatusOr<relay::Status> FakeControl::GetStatus(MonoTime) { return status; }

}  // namespace sluice::admin
