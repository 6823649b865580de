#include "engine/admin/metrics_api.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/metrics_text.h"
#include "engine/admin/parameters.h"
#include "engine/admin/process_figures.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/relay/core_times.h"
#include "engine/relay/counters.h"
#include "engine/smtp/stage.h"
#include "tls/failure.h"

namespace sluice::admin {
namespace {

using relay::CoreStatus;

struct CoreFigure {
  const char* name;
  MetricKind kind;
  const char* help;
  uint64_t CoreStatus::*member;
};

constexpr MetricKind kCounter = MetricKind::kCounter;
constexpr MetricKind kGauge = MetricKind::kGauge;
constexpr CoreFigure kCoreFigures[] = {
    {"sluice_sessions", kGauge, "SMTP sessions of clients that are open.", &CoreStatus::sessions},
    {"sluice_connections_total", kCounter, "SMTP connections of clients that were taken.",
     &CoreStatus::connections},
    {"sluice_connections_refused_total", kCounter,
     "SMTP connections refused with 421, because --max_sessions were open.",
     &CoreStatus::connections_refused},
    {"sluice_messages_accepted_total", kCounter, "Messages that are on disk and got their 250.",
     &CoreStatus::messages_accepted},
    {"sluice_messages_refused_total", kCounter, "Messages refused after their body.",
     &CoreStatus::messages_refused},
    {"sluice_tls_required_total", kCounter,
     "MAIL FROM refused: the sender's domain demands TLS that the session does not have.",
     &CoreStatus::tls_required},
    {"sluice_tls_would_be_required_total", kCounter,
     "MAIL FROM that an entry in monitor mode would have refused.",
     &CoreStatus::tls_would_be_required},
    {"sluice_outbound_connections_total", kCounter,
     "Connections to next hops that were ready for mail, TLS as demanded.",
     &CoreStatus::outbound_connections},
    {"sluice_outbound_connections_failed_total", kCounter,
     "Connections to next hops that could not be used.", &CoreStatus::outbound_failed},
    {"sluice_recipients_delivered_total", kCounter, "Recipients whose mail a next hop took.",
     &CoreStatus::delivered},
    {"sluice_recipients_failed_total", kCounter, "Recipients refused for good by a next hop.",
     &CoreStatus::failed},
    {"sluice_attempts_deferred_total", kCounter,
     "Attempts to deliver that are to be repeated, for some recipients or all.",
     &CoreStatus::deferred},
    {"sluice_attempts_tls_deferred_total", kCounter,
     "Attempts to deliver that failed because of TLS.", &CoreStatus::tls_deferred},
    {"sluice_attempts_tls_would_defer_total", kCounter,
     "Connections that an entry in monitor mode would have refused.", &CoreStatus::tls_would_defer},
    {"sluice_messages_expired_total", kCounter,
     "Messages (for one destination) deleted at the end of --queue_lifetime.",
     &CoreStatus::expired},
    {"sluice_messages_deleted_tls_policy_total", kCounter,
     "Of sluice_messages_expired_total, those whose last failure was TLS.",
     &CoreStatus::deleted_tls_policy},
    {"sluice_tls_breakers_open", kGauge,
     "Domains whose TLS fails: their mail waits until a probe of the domain succeeds.",
     &CoreStatus::breakers_open},
    {"sluice_tls_breakers_opened_total", kCounter, "How often a domain has become one of these.",
     &CoreStatus::breakers_opened},
    {"sluice_messages_parked_total", kCounter, "Messages that began to wait for their domain.",
     &CoreStatus::parked},
    {"sluice_messages_released_total", kCounter,
     "Messages that were let go on, as TLS of their domain was as demanded again.",
     &CoreStatus::released},
    {"sluice_tls_probes_total", kCounter, "Probes of domains whose mail waits.",
     &CoreStatus::probes},
    {"sluice_tls_probes_failed_total", kCounter, "Of these, those in vain.",
     &CoreStatus::probes_failed},
    {"sluice_starttls_stripping_suspected_total", kCounter,
     "Attempts to deliver that found no STARTTLS where it had been before.",
     &CoreStatus::stripping_suspected},
    {"sluice_lanes_paused", kGauge,
     "Destinations (under one policy) whose mail waits for the end of a pause, after their servers "
     "turned connections away or could not be reached.",
     &CoreStatus::lanes_paused},
    {"sluice_lanes_rate_limited", kGauge,
     "Destinations (under one policy) whose mail waits because of --destination_rate or "
     "--destination_connection_rate.",
     &CoreStatus::lanes_rate_limited},
    {"sluice_lane_pauses_total", kCounter, "Pauses that were begun; the log says of which, and why.",
     &CoreStatus::lane_pauses},
    {"sluice_tls_reports_sent_total", kCounter,
     "TLS reports (RFC 8460) that a domain's collector took, or that are on their way to it by mail.",
     &CoreStatus::tls_reports_sent},
    {"sluice_tls_reports_failed_total", kCounter,
     "TLS reports that were given up, as nobody took them within 28 hours of their day.",
     &CoreStatus::tls_reports_failed},
    {"sluice_tls_sessions_unreported_total", kCounter,
     "TLS sessions that are in no report, as too many domains were being counted.",
     &CoreStatus::tls_sessions_unreported},
};

std::string Word(absl::string_view word) { return std::string(word.data(), word.size()); }
std::string NameOf(const CoreStatus& core) { return absl::StrCat(core.core); }

void AddFailures(const std::vector<CoreStatus>& cores, MetricsText& text) {
  text.Family("sluice_failures_total", kCounter,
              "Connections that failed. kind: tls, or connection for all before and beside it. "
              "reason: why TLS failed, or at which stage.");
  // From the start on each reason is there: what begins to exist with 1 has no rate.
  const auto add = [&text](const CoreStatus& core, const char* direction, const char* kind,
                           const std::string& reason,
                           const std::map<std::string, uint64_t>& counts) {
    const auto found = counts.find(reason);
    text.Sample(
        {{"core", NameOf(core)}, {"direction", direction}, {"kind", kind}, {"reason", reason}},
        found == counts.end() ? uint64_t{0} : found->second);
  };
  for (const CoreStatus& core : cores) {
    for (size_t i = 0; i < tls::kReasons; ++i) {
      add(core, "inbound", "tls", Word(tls::ReasonName(static_cast<tls::Reason>(i))),
          core.handshake_failures);
    }
    for (size_t i = 0; i < relay::kFailureWords; ++i) {
      add(core, "outbound", i < smtp::kStages ? "connection" : "tls", relay::FailureWord(i),
          core.failures);
    }
  }
}

void AddHandshakes(const CoreStatus& core, const char* direction,
                   const relay::CoreTimes::Handshakes& handshakes, MetricsText& text) {
  constexpr std::array<const char*, smtp::kHandshakeEnds> kResults = {"full", "resumed", "failed"};
  for (size_t i = 0; i < handshakes.size(); ++i) {
    text.Histogram({{"core", NameOf(core)}, {"direction", direction}, {"result", kResults[i]}},
                   handshakes[i]);
  }
}

void AddTimes(const std::vector<CoreStatus>& cores, MetricsText& text) {
  text.Family("sluice_tls_handshake_seconds", MetricKind::kHistogram,
              "TLS handshakes, the check of the certificate included.");
  for (const CoreStatus& core : cores) {
    AddHandshakes(core, "inbound", core.times.inbound_handshakes, text);
    AddHandshakes(core, "outbound", core.times.outbound_handshakes, text);
  }
  text.Family("sluice_queue_latency_seconds", MetricKind::kHistogram,
              "From acceptance until a next hop has taken the message.");
  for (const CoreStatus& core : cores) {
    text.Histogram({{"core", NameOf(core)}}, core.times.queue_latency);
  }
  text.Family(
      "sluice_delivery_stage_seconds", MetricKind::kHistogram,
      "Steps of deliveries, those that failed included; of commands that were sent together, "
      "from one answer to the next.");
  for (const CoreStatus& core : cores) {
    for (size_t i = 0; i < smtp::kStages; ++i) {
      const auto stage = static_cast<smtp::Stage>(i);
      if (stage == smtp::Stage::kVerify) continue;  // within the handshake
      text.Histogram({{"core", NameOf(core)}, {"stage", Word(smtp::StageName(stage))}},
                     core.times.steps[i]);
    }
  }
}

void AddCores(const std::vector<CoreStatus>& cores, MetricsText& text) {
  for (const CoreFigure& figure : kCoreFigures) {
    text.Family(figure.name, figure.kind, figure.help);
    for (const CoreStatus& core : cores) {
      text.Sample({{"core", NameOf(core)}}, core.*figure.member);
    }
  }
  text.Family("sluice_body_memory_bytes", kGauge,
              "Bodies in memory: while they arrive (in), and while they leave (out).");
  for (const CoreStatus& core : cores) {
    text.Sample({{"core", NameOf(core)}, {"direction", "in"}}, core.bodies_in_bytes);
    text.Sample({{"core", NameOf(core)}, {"direction", "out"}}, core.bodies_out_bytes);
  }
  AddFailures(cores, text);
  AddTimes(cores, text);
}

// `now` is the queue's own time.
void AddQueue(const queue::QueueTotals& queue, absl::Time now, MetricsText& text) {
  text.Family("sluice_queue_messages", kGauge,
              "Messages (for one destination) in the queue: those being tried (active), those that wait "
              "for their domain, whose TLS fails (parked), the rest.");
  const uint64_t active = std::min(queue.in_flight, queue.items);
  const uint64_t parked = std::min(queue.parked, queue.items - active);
  text.Sample({{"state", "active"}}, active);
  text.Sample({{"state", "parked"}}, parked);
  text.Sample({{"state", "waiting"}}, queue.items - active - parked);
  text.Family("sluice_queue_body_bytes", kGauge,
              "Their bodies; one that goes to three destinations counts three times.");
  text.Sample({}, queue.body_bytes);
  text.Family("sluice_queue_oldest_message_age_seconds", kGauge,
              "Since the acceptance of the oldest message in the queue; 0 when it is empty.");
  if (queue.oldest_accepted_at.has_value()) {
    text.Sample({}, std::max(absl::ToDoubleSeconds(now - *queue.oldest_accepted_at), 0.0));
  } else if (queue.items == 0) {
    text.Sample({}, uint64_t{0});
  }  // else the disk does not say
}

void AddCommits(const queue::CommitFigures& commits, MetricsText& text) {
  text.Family("sluice_store_commit_seconds", MetricKind::kHistogram,
              "Writes to the queue's store, each of what had gathered meanwhile. synced: until the disk "
              "has it for good, which is what a 250 waits for.");
  text.Histogram({{"synced", "true"}}, commits.synced);
  text.Histogram({{"synced", "false"}}, commits.unsynced);
  text.Family("sluice_store_commits_failed_total", kCounter,
              "Writes that failed, or were not tried as the store has failed and is not mended yet.");
  text.Sample({}, commits.failed);
  text.Family("sluice_store_requests_total", kCounter,
              "What was asked to be written; divided by the commits, how much of it one holds.");
  text.Sample({}, commits.requests);
  text.Family("sluice_store_waiting_bytes", kGauge, "What waits to be written.");
  text.Sample({}, commits.waiting_bytes);
}

void AddCertificates(const std::vector<relay::ServedCertificate>& served, MetricsText& text) {
  text.Family("sluice_certificate_expiry_timestamp_seconds", kGauge,
              "When a certificate that others are shown (the leaf) is no longer valid; to servers "
              "that ask for one: under client_certificate.");
  for (const relay::ServedCertificate& certificate : served) {
    const tls::CertificateDetails& leaf = certificate.chain.front();
    const std::string kind = absl::AsciiStrToLower(leaf.key.substr(0, leaf.key.find(' ')));
    // A label without a value is none (Prometheus' data model).
    text.Sample({{"kind", kind},
                 {"subject", leaf.subject},
                 {"client_certificate", certificate.client_name}},
                absl::ToDoubleSeconds(leaf.not_after - absl::UnixEpoch()));
  }
}

void AddProcess(MetricsText& text) {
  const absl::StatusOr<ProcessFigures> process = ReadProcessFigures();
  if (!process.ok()) {
    log::WarningSome("process_figures", "/proc", {{"error", process.status().message()}});
    return;
  }
  text.Family("process_cpu_seconds_total", kCounter, "User and system CPU time.");
  text.Sample({}, process->cpu_seconds);
  text.Family("process_start_time_seconds", kGauge, "Start of the process since the Unix epoch.");
  text.Sample({}, process->start_time_seconds);
  text.Family("process_resident_memory_bytes", kGauge, "Resident memory.");
  text.Sample({}, process->resident_bytes);
  text.Family("process_virtual_memory_bytes", kGauge, "Virtual memory.");
  text.Sample({}, process->virtual_bytes);
  text.Family("process_open_fds", kGauge, "Open file descriptors.");
  text.Sample({}, process->open_fds);
  text.Family("process_max_fds", kGauge, "Most file descriptors that may be open.");
  text.Sample({}, process->max_fds);
}

}  // namespace

void MetricsApi::AddTo(Router& router) {
  router.Add({.method = "GET", .path = "/metrics", .handle = [this](const Request& request) {
                return Show(request);
              }});
}

absl::StatusOr<Response> MetricsApi::Show(const Request& request) {
  SLUICE_RETURN_IF_ERROR(Parameters::OfQuery(request).Done());
  SLUICE_ASSIGN_OR_RETURN(const relay::Status status, control_.GetStatus(request.deadline));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<relay::ServedCertificate> certificates,
                          control_.Certificates(request.deadline));
  const absl::Duration wall_ahead = control_.WallAhead();
  MetricsText text;
  text.Family("sluice_build_info", kGauge, "Always 1; the version is its label.");
  text.Sample({{"version", status.version}}, uint64_t{1});
  text.Family("sluice_draining", kGauge, "Whether no more mail is taken because the daemon ends.");
  text.Sample({}, uint64_t{status.draining});
  text.Family(
      "sluice_wall_clock_ahead_seconds", kGauge,
      "By how much the machine's clock was set forward since mail that waits was accepted.");
  text.Sample({}, absl::ToDoubleSeconds(wall_ahead));
  text.Family("sluice_policy_entries", kGauge, "Entries of the enforced-TLS list.");
  text.Sample({}, status.policy_entries);
  text.Family("sluice_policy_generation", kGauge,
              "Generation of the enforced-TLS list: how often it has changed.");
  text.Sample({}, status.policy_generation);
  AddQueue(status.queue, clock_.WallNow() - wall_ahead, text);
  AddCommits(status.commits, text);
  AddCertificates(certificates, text);
  AddCores(status.cores, text);
  AddProcess(text);
  Response response;
  response.content_type = kMetricsContentType;
  response.body = std::move(text).Take();
  return response;
}

}  // namespace sluice::admin
