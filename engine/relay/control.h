// What an administrator can ask of a running gateway: the one door between engine/admin and the
// mail.
//
//   std::shared_ptr<const policy::Snapshot> list = control.PolicyList();
//   absl::StatusOr<PolicyResult> result =
//       control.ApplyPolicy(transaction, DryRun::kNo, clock.MonoNow() + absl::Seconds(10));
//   if (result.ok() && !result->faults.empty()) …          // nothing was applied
//
// Calls block until they are answered or `deadline` has passed, so they come from threads of the
// administration, never from a core. Any thread may call at any time, while the gateway drains too.
//
// Errors, the same for all: InvalidArgument (what was asked for is malformed), NotFound,
// FailedPrecondition (not possible as things stand), DeadlineExceeded, Unavailable (the gateway
// stops, or its store cannot be reached). The message is one sentence for people.
//
// Strings that came from the network are handed on as they are, bounded in length but not escaped:
// who prints them escapes them. Words of a vocabulary ("starttls", "name_mismatch") are those of
// DESIGN's history: engine/smtp, tls and queue own them.
#ifndef SLUICE_ENGINE_RELAY_CONTROL_H_
#define SLUICE_ENGINE_RELAY_CONTROL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/relay/core_times.h"
#include "policy/entry.h"
#include "policy/entry_codec.h"
#include "policy/snapshot.h"
#include "policy/table.h"
#include "queue/commit_times.h"
#include "queue/history.h"
#include "queue/message_id.h"
#include "queue/queue_view.h"
#include "tls/certificate_details.h"

namespace sluice::relay {

// ---- The enforced-TLS list ----

enum class DryRun { kNo, kYes };

struct PolicyResult {
  std::vector<policy::Fault> faults;     // when there are any, nothing was applied
  std::vector<policy::Written> written;  // what changed, or (DryRun::kYes) would
  uint64_t generation = 0;               // of the list in force now
};

// The MTA-STS policy of a domain, as it is in force.
struct MtaStsState {
  std::string mode;  // "enforce", "testing", "none"; empty: no policy is known
  std::string id;
  std::vector<std::string> mx;
  absl::Time fetched_at;  // with a mode
  absl::Time expires_at;
  std::string fault;   // "sts-policy-fetch-error", … (RFC 8460 §4.3.2.2); empty: none
  std::string detail;  // what went wrong, for people
};

// Why mail to and from a domain is treated as it is.
struct Explanation {
  policy::Snapshot::Explanation inbound;
  policy::Snapshot::Explanation outbound;
  std::string default_tls_level;  // holds where no entry decides: "may", "encrypt"
  std::string route;              // "static route *: mail.internal:25", "by MX"
  std::optional<MtaStsState> mta_sts;  // unset: switched off, or the domain has a static route
  // What is shown of this gateway to the servers that take its mail, and who says so (identity.h).
  std::string source_addresses;  // "192.0.2.7 2001:db8::7"; empty: the system chooses
  std::string source_of;
  std::string client_certificate;  // where a server asks for one; empty: none
  std::string client_certificate_of;
};

// One change of the list, for the audit trail.
struct PolicyChange {
  uint64_t generation = 0;  // of the list, once it was made
  policy::ChangeRecord record;
};

struct PolicyChangeQuery {
  std::string pattern;                     // canonical; empty: of any entry
  std::string by;                          // empty: by anybody
  absl::Time since = absl::InfinitePast();  // inclusive
  absl::Time until = absl::InfiniteFuture();  // exclusive
  std::string cursor;                      // PolicyChangePage::next of the page before
  size_t limit = 100;
};

struct PolicyChangePage {
  std::vector<PolicyChange> changes;  // the newest first
  std::string next;  // empty: no more. A page may be short, even empty, and yet have a next one
};

// ---- STARTTLS ping ----

enum class PingVerdict { kValid, kPartial, kInvalid };

// One address of one MX host, tried as a delivery would try it, without a MAIL FROM.
struct PingTarget {
  std::string mx;
  std::string address;  // "192.0.2.1:25"; empty when the host's addresses could not be found
  std::string source;   // where one was chosen: the address that the connection came from
  bool valid = false;
  std::string decided_by;   // whose demand this was: as of HopPolicy
  std::string dane;         // what came of its TLSA records, or why they were not asked for
  std::string stage;        // the last one that was reached: "connect", …, "post_ehlo"
  std::string reason;       // word for why it is not valid; empty when it is
  std::string detail;       // the alert, the names seen, the error of the connection
  std::string handshake;    // of one that failed: what was said in it, a line for each message
  std::string smtp_reply;   // the last one, "454 4.7.0 TLS not available"
  std::string tls_version;  // "TLSv1.3"; this and the rest: empty where there was no handshake
  std::string cipher;
  std::string certificate_subject;
  std::string certificate_issuer;
  std::string certificate_fingerprint;         // SHA-256, hex
  std::vector<std::string> certificate_names;  // SANs of the leaf
  std::vector<std::string> chain;              // subjects, leaf first
  std::optional<absl::Time> certificate_not_after;
  // With a handshake: whether the server asked for a certificate of ours, and the name of the one
  // that it got; empty: none.
  bool certificate_asked = false;
  std::string client_certificate;
  absl::Duration took;
};

struct PingResult {
  std::string domain;  // A-labels
  std::string entry;   // pattern that decides for it; empty: on no entry
  std::string level;   // that was checked: "verify", or the default's "may"
  PingVerdict verdict = PingVerdict::kInvalid;
  std::string dns_failure;          // why no host was found at all; empty otherwise
  bool dns_permanent = false;       // and asking again will not find one
  std::vector<PingTarget> targets;  // in the order in which delivery would try them
  absl::Time at;
  // Of what will fail soon, or is not as it was at the ping before (ping_record.h).
  std::vector<std::string> warnings;
};

// ---- TLS reports ----

// What is counted of one domain and UTC day, and not reported yet.
struct TlsReportState {
  std::string domain;
  std::string day;   // "2026-04-01"
  absl::Time begin;  // since when; later than the day's begin where a part of it was sent
  uint64_t successes = 0;
  uint64_t failures = 0;
  absl::Time next_try;  // when it is sent, unless by hand before
  int attempts = 0;     // in vain
  std::string last_error;
};

struct TlsReportList {
  size_t total = 0;
  std::vector<TlsReportState> reports;  // those with most failures first
};

struct TlsReportSent {
  std::string to;  // the URI of the domain's record that took it
  std::string report_id;
  std::string message_id;  // in the queue, where it goes by mail; empty: it was taken at once
};

// ---- Certificates ----

// What the gateway shows: to its clients, out of one file of --tls_certificate, or to servers that
// ask for it.
struct ServedCertificate {
  std::string file;
  std::string client_name = {};  // of --client_certificate; empty: it is shown to clients
  std::vector<tls::CertificateDetails> chain;  // the leaf first; not empty
};

// ---- Status ----

// What counters.h counts on one core since the start, and what is open there now.
struct CoreStatus {
  int core = 0;
  uint64_t sessions = 0;  // open now, in
  // Bodies in memory now: while they arrive and are written, and while they wait to be sent or are.
  uint64_t bodies_in_bytes = 0;
  uint64_t bodies_out_bytes = 0;
  // In.
  uint64_t connections = 0;
  uint64_t connections_refused = 0;
  uint64_t handshakes = 0;
  uint64_t handshakes_resumed = 0;
  uint64_t handshakes_failed = 0;
  uint64_t messages_accepted = 0;
  uint64_t messages_refused = 0;
  uint64_t tls_required = 0;
  uint64_t tls_would_be_required = 0;
  // Out.
  uint64_t outbound_connections = 0;
  uint64_t outbound_failed = 0;
  uint64_t delivered = 0;
  uint64_t deferred = 0;
  uint64_t tls_deferred = 0;
  uint64_t tls_would_defer = 0;
  uint64_t failed = 0;
  uint64_t expired = 0;
  uint64_t deleted_tls_policy = 0;
  // Destinations whose TLS fails.
  uint64_t breakers_open = 0;  // now
  uint64_t breakers_opened = 0;
  uint64_t parked = 0;
  uint64_t released = 0;
  uint64_t probes = 0;
  uint64_t probes_failed = 0;
  uint64_t stripping_suspected = 0;
  // Destinations that are pressed less hard.
  uint64_t lanes_paused = 0;        // now
  uint64_t lanes_rate_limited = 0;  // now
  uint64_t lane_pauses = 0;
  // Reports of TLS to other domains.
  uint64_t tls_reports_sent = 0;
  uint64_t tls_reports_failed = 0;
  uint64_t tls_sessions_unreported = 0;
  // Failures of connections to next hops, by reason of TLS or else by stage: "not_offered",
  // "connect", …; and of inbound handshakes, by reason.
  std::map<std::string, uint64_t> failures;
  std::map<std::string, uint64_t> handshake_failures;
  CoreTimes times;
};

struct Status {
  std::string version;
  std::string hostname;
  absl::Time started_at;
  absl::Duration uptime;  // by monotonic time
  bool draining = false;
  std::vector<std::string> listeners;  // "127.0.0.1:2525"
  std::vector<CoreStatus> cores;
  queue::QueueTotals queue;  // without destinations
  queue::CommitFigures commits;  // of the queue's store
  uint64_t policy_entries = 0;
  uint64_t policy_generation = 0;
  std::string default_tls_level;
};

class Control {
 public:
  virtual ~Control() = default;

  // The list as it stands: in memory, at once. Never null.
  virtual std::shared_ptr<const policy::Snapshot> PolicyList() const = 0;

  // All changes or none. When it returns OK without faults and was no dry run, they are on disk and
  // every core looks them up. A transaction that changes nothing is no error.
  virtual absl::StatusOr<PolicyResult> ApplyPolicy(policy::Transaction transaction, DryRun dry_run,
                                                   MonoTime deadline) = 0;

  // What speaks against an entry that is on the list, as things stand on this machine.
  virtual std::vector<std::string> WarningsOf(const policy::Entry& entry) = 0;

  // `domain` in any form; InvalidArgument for what is no domain name.
  // Where MTA-STS counts, its policy is looked for as a delivery would.
  virtual absl::StatusOr<Explanation> Explain(absl::string_view domain, MonoTime deadline) = 0;

  // What cannot be reached is part of the result; an error is only a ping that could not be made.
  // At the deadline the targets that have no answer yet stand in it as such.
  virtual absl::StatusOr<PingResult> Ping(absl::string_view domain, MonoTime deadline) = 0;
  // The domain that `entry` names (policy::PingedDomain), by its demands, whether it is on the list or
  // not. InvalidArgument where there is nothing to ping. What comes of it is kept with the entry of
  // its pattern, where there is one.
  virtual absl::StatusOr<PingResult> PingEntry(const policy::Entry& entry, MonoTime deadline) = 0;
  // This gateway's own listeners, as a partner would try them.
  virtual absl::StatusOr<PingResult> PingSelf(MonoTime deadline) = 0;
  // What the last pings of an entry found, the newest first.
  virtual absl::StatusOr<std::vector<policy::PingFindings>> PingsOf(const policy::Pattern& pattern,
                                                                    MonoTime deadline) = 0;
  virtual absl::StatusOr<PolicyChangePage> PolicyChanges(const PolicyChangeQuery& query,
                                                         MonoTime deadline) = 0;

  // The queue; queue/queue_view.h has what is asked and answered. Its times, and those of the
  // history, asked and answered, are in the queue's own time (queue/spool.h); people are shown them
  // with this added. Zero unless the machine's clock was stepped.
  virtual absl::Duration WallAhead() const = 0;
  virtual absl::StatusOr<queue::QueueTotals> CountQueue(size_t most_destinations,
                                                        MonoTime deadline) = 0;
  virtual absl::StatusOr<queue::QueuePage> ListQueue(const queue::QueueQuery& query,
                                                     MonoTime deadline) = 0;
  // All of one message; empty when it is not queued.
  virtual absl::StatusOr<std::vector<queue::QueueItem>> FindQueued(const queue::MessageId& id,
                                                                   MonoTime deadline) = 0;
  // Its header as it was received, bounded, in whatever encoding; empty when it is not queued.
  virtual absl::StatusOr<std::string> ReadQueuedHeader(const queue::MessageId& id,
                                                       MonoTime deadline) = 0;
  // How many are tried now that would have waited.
  virtual absl::StatusOr<uint64_t> RetryQueued(const queue::Selection& selection,
                                               MonoTime deadline) = 0;
  // As queue::Spool has them. They change many items one after another: at a deadline some have been
  // changed, and the rest still will be. NotFound and FailedPrecondition (it is being sent, or on
  // hold) only where a message is selected by itself.
  virtual absl::StatusOr<uint64_t> HoldQueued(const queue::Selection& selection,
                                              const queue::Reason& reason, MonoTime deadline) = 0;
  virtual absl::StatusOr<uint64_t> ReleaseQueued(const queue::Selection& selection,
                                                 MonoTime deadline) = 0;
  // Erased, without a notification; who did it and why stands in the history.
  virtual absl::StatusOr<uint64_t> RemoveQueued(const queue::Selection& selection,
                                                const queue::Reason& reason,
                                                MonoTime deadline) = 0;
  // Given back to their senders, with a notification (RFC 3464) where there is somebody to notify.
  // At the deadline it stops.
  virtual absl::StatusOr<uint64_t> ReturnQueued(const queue::Selection& selection,
                                                const queue::Reason& reason,
                                                MonoTime deadline) = 0;
  virtual absl::StatusOr<queue::QueueSummary> SummarizeQueue(absl::string_view destination,
                                                             size_t most, MonoTime deadline) = 0;

  virtual absl::StatusOr<queue::HistoryPage> QueryHistory(const queue::HistoryQuery& query,
                                                          MonoTime deadline) = 0;
  virtual absl::StatusOr<queue::HistoryRows> ReadHistoryRows(const queue::HistoryRowQuery& query,
                                                             MonoTime deadline) = 0;

  // Reports of TLS to other domains (RFC 8460). FailedPrecondition: they are switched off.
  virtual absl::StatusOr<TlsReportList> ListTlsReports(size_t most, MonoTime deadline) = 0;
  // The JSON of the report that would be sent. `day` is "2026-04-01", or empty: the last one that
  // something was counted on. NotFound: nothing is.
  virtual absl::StatusOr<std::string> ShowTlsReport(absl::string_view domain, absl::string_view day,
                                                    MonoTime deadline) = 0;
  // Sends it now. NotFound: nothing is counted, or the domain asks for no reports.
  virtual absl::StatusOr<TlsReportSent> SendTlsReport(absl::string_view domain,
                                                      absl::string_view day,
                                                      MonoTime deadline) = 0;

  virtual absl::StatusOr<std::vector<ServedCertificate>> Certificates(MonoTime deadline) = 0;
  // Reads the files of --tls_certificate and --client_certificate anew; sessions go on. On an
  // error, which names the file, the certificates shown before stay.
  virtual absl::Status ReloadCertificates(absl::string_view by, MonoTime deadline) = 0;

  virtual absl::StatusOr<Status> GetStatus(MonoTime deadline) = 0;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_CONTROL_H_
