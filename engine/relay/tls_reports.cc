#include "engine/relay/tls_reports.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/sha256.h"
#include "engine/base/status_macros.h"
#include "engine/io/answer.h"
#include "engine/tlsrpt/mail.h"

namespace sluice::relay {
namespace {

constexpr absl::Duration kDnsTimeout = absl::Seconds(30);
constexpr int kMostDoublings = 5;  // of kFirstRetry: 8 h
constexpr size_t kRowsAtOnce = 500;
constexpr size_t kIdOctets = 10;

bool AsksForNone(const absl::Status& status) { return absl::IsNotFound(status); }

}  // namespace

TlsReports::TlsReports(io::Core& core, dns::Resolver& resolver, queue::Spool& spool,
                       const TlsReportSettings& settings,
                       std::unique_ptr<tls::ClientContext> context, TlsReportHost& host,
                       Counters& counters)
    : core_(core),
      resolver_(resolver),
      spool_(spool),
      settings_(settings),
      context_(std::move(context)),
      host_(host),
      counters_(counters),
      collector_(core, resolver, *context_),
      stopped_(core) {}

void TlsReports::Remember(absl::string_view key, absl::string_view row) {
  const absl::StatusOr<tlsrpt::TallyKey> whose = tlsrpt::DecodeKey(key);
  absl::StatusOr<tlsrpt::DomainTally> tally = tlsrpt::DecodeTally(row);
  if (!whose.ok() || !tally.ok()) {
    log::Error("tls_report_damaged", {{"key", key}, {"effect", "these sessions are in no report"}});
    std::vector<queue::SideWrite> writes;
    writes.push_back({std::string(key), std::nullopt});
    spool_.WriteTlsReports(std::move(writes), [](absl::Status) {});
    return;
  }
  Item& item = items_[*whose];
  item.tally = *std::move(tally);
  item.next_try = FirstTry(whose->day);
}

void TlsReports::Start() { core_.Spawn(Run()); }

void TlsReports::Stop() {
  stopping_ = true;
  collector_.Abort();
  stopped_.NotifyAll();
}

absl::Time TlsReports::FirstTry(absl::CivilDay day) {
  const auto spread = static_cast<uint64_t>(absl::ToInt64Seconds(kSpread));
  return tlsrpt::BeginOf(day + 1) +
         absl::Seconds(static_cast<int64_t>(core_.random().Below(spread)));
}

void TlsReports::Count(const std::string& domain, const CountedSession& session) {
  tlsrpt::TallyKey key{tlsrpt::DayOf(core_.WallNow()), domain};
  auto found = items_.find(key);
  if (found == items_.end()) {
    if (items_.size() >= kMostTallies) {
      counters_.tls_sessions_unreported.Add();
      return;
    }
    Item item;
    item.tally.begin = tlsrpt::BeginOf(key.day);
    item.next_try = FirstTry(key.day);
    found = items_.emplace(std::move(key), std::move(item)).first;
  }
  tlsrpt::DomainTally& tally = found->second.tally;
  const size_t before = tally.octets();
  tally.Count(
      session.policy, session.failure.has_value() ? &*session.failure : nullptr,
      octets_ < kMostOctets ? tlsrpt::DomainTally::Room::kYes : tlsrpt::DomainTally::Room::kNo);
  octets_ += tally.octets() - before;
  found->second.dirty = true;
}

void TlsReports::Weigh() {
  octets_ = 0;
  for (const auto& [key, item] : items_) octets_ += item.tally.octets();
}

// ---- What is due

io::Task<void> TlsReports::Run() {
  while (!stopping_) {
    Weigh();
    co_await stopped_.Wait(core_.Now() + kLookEvery);
    if (stopping_) break;
    BeginDue();
    co_await WriteDown();
  }
  co_await WriteDown();
}

void TlsReports::BeginDue() {
  const absl::Time now = core_.WallNow();
  const absl::CivilDay today = tlsrpt::DayOf(now);
  for (auto next = items_.begin(); next != items_.end() && next->first.day < today;) {
    const tlsrpt::TallyKey key = next->first;
    Item& item = next->second;
    ++next;  // what is looked at may go
    if (item.sending) continue;
    if (item.tally.empty()) {  // all of it was sent by hand
      Forget(key);
      continue;
    }
    if (now >= tlsrpt::BeginOf(key.day + 1) + kGiveUpAfter) {
      counters_.tls_reports_failed.Add();
      log::Warning("tls_report_dropped", {{"domain", key.domain},
                                          {"day", tlsrpt::DayText(key.day)},
                                          {"attempts", item.attempts},
                                          {"error", item.last_error}});
      Forget(key);
      continue;
    }
    if (item.next_try > now || sending_ >= kAtOnce) continue;
    ++sending_;
    item.sending = true;
    core_.Spawn(SendDue(key));
  }
}

io::Task<void> TlsReports::SendDue(tlsrpt::TallyKey key) {
  const absl::StatusOr<TlsReportSent> sent = co_await Send(key);
  --sending_;
  if (sent.ok() || AsksForNone(sent.status())) co_return;
  Item& item = items_.at(key);  // what could not be sent is kept
  item.next_try = core_.WallNow() + kFirstRetry * (1 << std::min(item.attempts, kMostDoublings));
  ++item.attempts;
}

void TlsReports::SendNow(std::string domain, std::optional<absl::CivilDay> day,
                         absl::AnyInvocable<void(absl::StatusOr<TlsReportSent>) &&> done) {
  const absl::StatusOr<tlsrpt::TallyKey> key = Find(domain, day);
  if (!key.ok()) {
    std::move(done)(key.status());
    return;
  }
  Item& item = items_.at(*key);
  if (item.sending) {
    std::move(done)(absl::FailedPreconditionError("this report is being sent at this moment"));
    return;
  }
  item.sending = true;
  core_.Spawn(RunSendNow(*key, std::move(done)));
}

io::Task<void> TlsReports::RunSendNow(
    tlsrpt::TallyKey key, absl::AnyInvocable<void(absl::StatusOr<TlsReportSent>) &&> done) {
  absl::StatusOr<TlsReportSent> sent = co_await Send(std::move(key));
  std::move(done)(std::move(sent));
}

// ---- One report

tlsrpt::Report TlsReports::ReportOf(const tlsrpt::TallyKey& key, const Item& item) const {
  tlsrpt::Report report;
  report.domain = key.domain;
  report.begin = item.tally.begin;
  // Of a day that is not over: as far as it has come.
  const absl::Time now = absl::FromUnixSeconds(absl::ToUnixSeconds(core_.WallNow()) + 1);
  report.end =
      std::max(std::min(tlsrpt::BeginOf(key.day + 1), now), report.begin + absl::Seconds(1));
  // The same each time that the same report is sent, and another one for each gateway.
  report.unique_id = absl::BytesToHexString(
      Sha256(
          {settings_.submitter.domain, "\n", host_.hostname(), "\n", key.domain, "\n",
           absl::StrCat(absl::ToUnixSeconds(report.begin), "-", absl::ToUnixSeconds(report.end))})
          .substr(0, kIdOctets));
  report.tally = item.tally;
  return report;
}

io::Task<absl::StatusOr<TlsReportSent>> TlsReports::Send(tlsrpt::TallyKey key) {
  Item& item = items_.at(key);  // what is being sent stays where it is
  SLUICE_CHECK(item.sending);
  tlsrpt::Report report = ReportOf(key, item);
  // What is counted meanwhile is the next report's, where the day goes on.
  item.tally = tlsrpt::DomainTally();
  item.tally.begin = report.end;
  absl::StatusOr<TlsReportSent> sent = co_await Deliver(report);
  item.sending = false;
  // Until its day is over a domain may still begin to ask.
  const bool day_is_over = key.day < tlsrpt::DayOf(core_.WallNow());
  const bool over = sent.ok() || (AsksForNone(sent.status()) && day_is_over);
  if (sent.ok()) {
    counters_.tls_reports_sent.Add();
    log::Info("tls_report", {{"domain", key.domain},
                             {"day", tlsrpt::DayText(key.day)},
                             {"to", sent->to},
                             {"report", sent->report_id},
                             {"message", sent->message_id},
                             {"successes", report.tally.successes()},
                             {"failures", report.tally.failures()}});
  } else if (!over) {
    log::Warning("tls_report_not_sent", {{"domain", key.domain},
                                         {"day", tlsrpt::DayText(key.day)},
                                         {"error", sent.status().message()}});
  }
  item.last_error = over ? "" : std::string(sent.status().message());
  if (!over) {
    report.tally.Add(item.tally);
    item.tally = std::move(report.tally);
  }
  item.dirty = true;
  // While the day goes on it is kept, for the time from which its rest is counted.
  if (over && item.tally.empty() && day_is_over) Forget(key);
  co_return sent;
}

io::Task<absl::StatusOr<TlsReportSent>> TlsReports::Deliver(tlsrpt::Report report) {
  std::string name = absl::StrCat("_smtp._tls.", report.domain);
  const absl::StatusOr<dns::TxtAnswer> record =
      co_await resolver_.LookupTxt(core_, name, core_.Now() + kDnsTimeout);
  if (!record.ok()) co_return record.status();
  const absl::StatusOr<std::vector<tlsrpt::Endpoint>> endpoints =
      tlsrpt::ReadEndpoints(record->texts);
  // A record that is none of RFC 8460's asks for nothing (§3).
  if (!endpoints.ok()) {
    co_return absl::NotFoundError(absl::StrCat(name, ": ", endpoints.status().message()));
  }
  const std::string gzip = tlsrpt::Gzip(tlsrpt::ReportJson(settings_.submitter, report));
  std::string why;
  for (const tlsrpt::Endpoint& endpoint : *endpoints) {
    const absl::StatusOr<std::string> taken = co_await DeliverTo(endpoint, report, gzip);
    if (taken.ok()) {
      TlsReportSent sent;
      sent.to = endpoint.uri;
      sent.report_id = tlsrpt::ReportId(settings_.submitter, report);
      sent.message_id = *taken;
      co_return sent;
    }
    absl::StrAppend(&why, why.empty() ? "" : "; ", endpoint.uri, ": ", taken.status().message());
  }
  co_return absl::UnavailableError(why);
}

// Gives back the id that it has in the queue; empty: it went at once.
io::Task<absl::StatusOr<std::string>> TlsReports::DeliverTo(tlsrpt::Endpoint endpoint,
                                                            const tlsrpt::Report& report,
                                                            const std::string& gzip) {
  if (stopping_) co_return absl::UnavailableError("the gateway stops");
  if (const auto* const web = std::get_if<tlsrpt::WebEndpoint>(&endpoint.where)) {
    const absl::Status posted = co_await collector_.Post(*web, gzip);
    if (!posted.ok()) co_return posted;
    co_return std::string();
  }
  if (!settings_.dkim.has_value()) {
    co_return absl::FailedPreconditionError(
        "reports by mail have to be signed: name --tlsrpt_dkim_key and --tlsrpt_dkim_selector");
  }
  const std::string& to = std::get<tlsrpt::MailEndpoint>(endpoint.where).address;
  std::string message = tlsrpt::ReportMail(settings_.submitter, report, settings_.from, to, gzip,
                                           *settings_.dkim, core_.WallNow());
  co_return co_await host_.QueueReport(settings_.from, to, std::move(message));
}

// ---- The store

io::Task<void> TlsReports::WriteDown() {
  std::vector<tlsrpt::TallyKey> dirty;
  for (const auto& [key, item] : items_) {
    // While it is being sent the store has all of it.
    if (item.dirty && !item.sending) dirty.push_back(key);
  }
  for (size_t first = 0; first < dirty.size(); first += kRowsAtOnce) {
    const size_t last = std::min(dirty.size(), first + kRowsAtOnce);
    std::vector<queue::SideWrite> writes;
    for (size_t i = first; i < last; ++i) {
      const auto found = items_.find(dirty[i]);
      if (found == items_.end() || found->second.sending) continue;
      found->second.dirty = false;
      writes.push_back({tlsrpt::EncodeKey(dirty[i]), tlsrpt::EncodeTally(found->second.tally)});
    }
    if (writes.empty()) continue;
    io::Answer<absl::Status> written(core_);
    spool_.WriteTlsReports(std::move(writes), written.Sender());
    const std::optional<absl::Status> status =
        co_await written.Wait(MonoTime::Never());  // the store answers everything it is asked
    if (status->ok()) continue;
    log::WarningSome("tls_reports_not_stored", "",
                     {{"error", status->message()}, {"effect", "they are written a little later"}});
    for (size_t i = first; i < last; ++i) {
      const auto found = items_.find(dirty[i]);
      if (found != items_.end()) found->second.dirty = true;
    }
    co_return;
  }
}

void TlsReports::Forget(const tlsrpt::TallyKey& key) {
  std::vector<queue::SideWrite> writes;
  writes.push_back({tlsrpt::EncodeKey(key), std::nullopt});
  spool_.WriteTlsReports(std::move(writes), [domain = key.domain](absl::Status written) {
    if (written.ok()) return;
    log::WarningSome("tls_report_not_erased", domain,
                     {{"domain", domain},
                      {"error", written.message()},
                      {"effect", "after a restart it is sent once more, under the same id"}});
  });
  items_.erase(key);
}

// ---- For the administration

absl::StatusOr<tlsrpt::TallyKey> TlsReports::Find(const std::string& domain,
                                                  std::optional<absl::CivilDay> day) const {
  std::optional<tlsrpt::TallyKey> last;
  for (const auto& [key, item] : items_) {
    const bool counted = !item.tally.empty() || item.sending;
    if (counted && key.domain == domain && (!day.has_value() || key.day == *day)) last = key;
  }
  if (last.has_value()) return *std::move(last);
  return absl::NotFoundError(
      absl::StrCat("no TLS session with ", domain, " is counted",
                   day.has_value() ? absl::StrCat(" on ", tlsrpt::DayText(*day)) : "",
                   "; 'sluicectl tlsrpt list' shows what is, and only domains found by MX are"));
}

TlsReportList TlsReports::List(size_t most) const {
  TlsReportList list;
  list.total = items_.size();
  for (const auto& [key, item] : items_) {
    TlsReportState state;
    state.domain = key.domain;
    state.day = tlsrpt::DayText(key.day);
    state.begin = item.tally.begin;
    state.successes = item.tally.successes();
    state.failures = item.tally.failures();
    state.next_try = item.next_try;
    state.attempts = item.attempts;
    state.last_error = item.last_error;
    list.reports.push_back(std::move(state));
  }
  KeepWorst(most, list);
  return list;
}

absl::StatusOr<std::string> TlsReports::Show(const std::string& domain,
                                             std::optional<absl::CivilDay> day) const {
  SLUICE_ASSIGN_OR_RETURN(const tlsrpt::TallyKey key, Find(domain, day));
  return tlsrpt::ReportJson(settings_.submitter, ReportOf(key, items_.at(key)));
}

void KeepWorst(size_t most, TlsReportList& list) {
  std::stable_sort(list.reports.begin(), list.reports.end(),
                   [](const TlsReportState& a, const TlsReportState& b) {
                     return a.failures != b.failures     ? a.failures > b.failures
                            : a.successes != b.successes ? a.successes > b.successes
                                                         : a.domain < b.domain;
                   });
  list.reports.resize(std::min(list.reports.size(), most));
}

}  // namespace sluice::relay
