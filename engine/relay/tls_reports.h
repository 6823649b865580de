// TLS reports (RFC 8460) on one core: sessions are counted by domain and UTC day, and once a day is
// over, each domain that asks for it gets its report.
//
//   TlsReports reports(core, resolver, spool, settings, std::move(https_context), host);
//   reports.Remember(row.key, row.value);     // for each that is in the store
//   reports.Start();
//   reports.Count("example.com", counted);
//   reports.Stop();
//
// Mail for a domain that is found by MX leaves from one core, and so what this one counts of a
// domain is all there is. It is written to the store every kLookEvery: a crash loses no more than
// that.
//
// The day's report goes out at a random time within kSpread of midnight (§4.1), to the first of the
// places in the domain's record, in its order, that takes it (§3); a place that is asked by mail
// has taken it once the message is in this gateway's queue, which tries for kMailLifetime. Where
// none does, all are tried again, after kFirstRetry and then twice as long each time, until
// kGiveUpAfter (§5.5). A domain that asks for no reports is forgotten with its day.
//
// Bounded: kMostTallies domains and days; sessions beyond are counted as not counted. From
// kMostOctets on, what is new of a domain is told apart no further (tlsrpt/tally.h).
//
// One core, but for the constructor and Remember, which come first.
#ifndef SLUICE_ENGINE_RELAY_TLS_REPORTS_H_
#define SLUICE_ENGINE_RELAY_TLS_REPORTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "engine/dns/resolver.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/relay/control.h"
#include "engine/relay/counters.h"
#include "engine/relay/tls_report_settings.h"
#include "engine/relay/tls_session.h"
#include "engine/tlsrpt/collector.h"
#include "engine/tlsrpt/record.h"
#include "engine/tlsrpt/report.h"
#include "engine/tlsrpt/tally_codec.h"
#include "queue/spool.h"
#include "tls/context.h"

namespace sluice::relay {

// What reports need of the core they are made on.
class TlsReportHost {
 public:
  virtual const std::string& hostname() const = 0;  // of this gateway
  // Into the queue and on its way, for kMailLifetime at most; the id it has there.
  virtual io::Task<absl::StatusOr<std::string>> QueueReport(std::string from, std::string to,
                                                            std::string message) = 0;

 protected:
  ~TlsReportHost() = default;
};

// Of all that `list` has, the `most` with most failures, those first.
void KeepWorst(size_t most, TlsReportList& list);

class TlsReports {
 public:
  static constexpr size_t kMostTallies = 20'000;
  static constexpr size_t kMostOctets = size_t{64} << 20;
  static constexpr size_t kAtOnce = 8;  // reports that are being sent
  static constexpr absl::Duration kLookEvery = absl::Seconds(30);
  static constexpr absl::Duration kSpread = absl::Hours(4);
  static constexpr absl::Duration kFirstRetry = absl::Minutes(15);
  static constexpr absl::Duration kGiveUpAfter = absl::Hours(28);  // from midnight on
  static constexpr absl::Duration kMailLifetime = absl::Hours(24);

  // All outlive it.
  TlsReports(io::Core& core, dns::Resolver& resolver, queue::Spool& spool,
             const TlsReportSettings& settings, std::unique_ptr<tls::ClientContext> context,
             TlsReportHost& host, Counters& counters);
  TlsReports(const TlsReports&) = delete;
  TlsReports& operator=(const TlsReports&) = delete;

  // A row of the store. One that cannot be read is dropped.
  void Remember(absl::string_view key, absl::string_view row);
  // Writes down what is counted, and sends what is due, until Stop().
  void Start();
  // What is being sent fails soon; what has been counted is written down.
  void Stop();

  // `domain`: A-labels, lower case.
  void Count(const std::string& domain, const CountedSession& session);

  // For an administrator. `most` of them, those with most failures first.
  TlsReportList List(size_t most) const;
  // The report as it would be sent now. `day` unset: the last one that something was counted on.
  absl::StatusOr<std::string> Show(const std::string& domain,
                                   std::optional<absl::CivilDay> day) const;
  // Sends it now; what is counted from then on is another report's. `done` is called once, on this
  // core.
  void SendNow(std::string domain, std::optional<absl::CivilDay> day,
               absl::AnyInvocable<void(absl::StatusOr<TlsReportSent>) &&> done);

 private:
  struct Item {
    tlsrpt::DomainTally tally;
    absl::Time next_try;
    int attempts = 0;  // in vain
    std::string last_error;
    bool dirty = false;    // the store does not have it
    bool sending = false;  // stays where it is
  };
  using Items = std::map<tlsrpt::TallyKey, Item>;

  io::Task<void> Run();
  void BeginDue();
  io::Task<void> SendDue(tlsrpt::TallyKey key);
  io::Task<void> RunSendNow(tlsrpt::TallyKey key,
                            absl::AnyInvocable<void(absl::StatusOr<TlsReportSent>) &&> done);
  // Of an item that is there and not being sent.
  io::Task<absl::StatusOr<TlsReportSent>> Send(tlsrpt::TallyKey key);
  io::Task<absl::StatusOr<TlsReportSent>> Deliver(tlsrpt::Report report);
  io::Task<absl::StatusOr<std::string>> DeliverTo(tlsrpt::Endpoint endpoint,
                                                  const tlsrpt::Report& report,
                                                  const std::string& gzip);
  io::Task<void> WriteDown();
  void Weigh();
  void Forget(const tlsrpt::TallyKey& key);
  absl::Time FirstTry(absl::CivilDay day);
  tlsrpt::Report ReportOf(const tlsrpt::TallyKey& key, const Item& item) const;
  absl::StatusOr<tlsrpt::TallyKey> Find(const std::string& domain,
                                        std::optional<absl::CivilDay> day) const;

  io::Core& core_;
  dns::Resolver& resolver_;
  queue::Spool& spool_;
  const TlsReportSettings& settings_;
  const std::unique_ptr<tls::ClientContext> context_;
  TlsReportHost& host_;
  Counters& counters_;
  tlsrpt::Collector collector_;
  Items items_;
  size_t octets_ = 0;   // of their tallies, as of the last look, and what they have grown by since
  size_t sending_ = 0;  // of those that were due
  bool stopping_ = false;
  io::Event stopped_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_TLS_REPORTS_H_
