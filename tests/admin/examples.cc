// One of everything that a gateway can show.
#include <utility>

#include "tests/admin/fake_control.h"

namespace sluice::admin {
namespace {

queue::QueueItem WaitingMessage(absl::Time now) {
  queue::Envelope envelope;
  envelope.id = WaitingId();
  envelope.destination = "d.example";
  envelope.sender = "a@sender.example";
  envelope.recipients = {{.address = "c@d.example",
                          .state = queue::RecipientState::kPending,
                          .last_reply = "502 5.5.1 no STARTTLS here",
                          .notify = "SUCCESS,DELAY",
                          .orcpt = "rfc822;old@d.example"},
                         {.address = "e@d.example"}};
  envelope.ret = "HDRS";
  envelope.envid = "QQ\x1b[31m1";
  envelope.tls_optional = true;
  envelope.received_from = {"127.0.0.1:40123", "client.example", "TLSv1.3",
                            "TLS_AES_256_GCM_SHA384"};
  envelope.body_bytes = 12345;
  envelope.attempts = 4;
  envelope.accepted_at = now - absl::Minutes(150);
  envelope.next_due = now + absl::Minutes(38) + absl::Seconds(30);
  envelope.deadline = now + absl::Hours(165) + absl::Minutes(30);
  envelope.last_failure = {.at = now - absl::Minutes(42) - absl::Seconds(30),
                           .tls = true,
                           .stage = "starttls",
                           .reason = "not_offered",
                           .mx = "mx.d.example",
                           .address = "192.0.2.1:25",
                           .text = "502 5.5.1 no \x1b[31mSTARTTLS\x1b[0m here"};
  return {.envelope = std::move(envelope), .in_flight = false};
}

queue::QueueItem ActiveMessage(absl::Time now) {
  queue::Envelope envelope;
  envelope.id = ActiveId();
  envelope.destination = "other.example";
  envelope.recipients = {{.address = "x@other.example"}};
  envelope.received_from = {.client_address = "127.0.0.1:40125", .helo = "client.example"};
  envelope.body_bytes = 700;
  envelope.accepted_at = now - absl::Seconds(90);
  envelope.next_due = now + absl::Minutes(5);
  envelope.deadline = now + absl::Hours(168) - absl::Minutes(2);
  return {.envelope = std::move(envelope), .in_flight = true};
}

queue::HistoryEntry TlsFailure(absl::Time now) {
  queue::HistoryEntry entry;
  entry.sequence = 1;
  entry.time = now - absl::Minutes(42) - absl::Seconds(30);
  entry.outcome = queue::Outcome::kDeferred;
  entry.tls = true;
  entry.message_id = WaitingId();
  entry.sender = "a@sender.example";
  entry.recipients = {"c@d.example", "e@d.example"};
  entry.domain = "d.example";
  entry.entry = "d.example";
  entry.entry_generation = 2;
  entry.attempt = 4;
  entry.next_attempt = now + absl::Minutes(38) + absl::Seconds(30);
  entry.deadline = now + absl::Hours(165) + absl::Minutes(30);
  entry.mx = "mx.d.example";
  entry.address = "192.0.2.1:25";
  entry.stage = "starttls";
  entry.reason = "not_offered";
  entry.detail = "502 5.5.1 no \x1b[31mSTARTTLS\x1b[0m here";
  return entry;
}

queue::HistoryEntry Delivery(absl::Time now) {
  queue::HistoryEntry entry;
  entry.sequence = 2;
  entry.time = now - absl::Minutes(1) - absl::Seconds(30);
  entry.outcome = queue::Outcome::kDelivered;
  entry.message_id = DeliveredId();
  entry.recipients = {"x@other.example"};
  entry.domain = "other.example";
  entry.attempt = 1;
  entry.mx = "mx.other.example";
  entry.address = "[2001:db8::1]:25";
  entry.detail = "250 2.0.0 queued";
  entry.tls_version = "TLSv1.3";
  entry.cipher = "TLS_AES_256_GCM_SHA384";
  entry.certificate = "CN=mx.other.example";
  return entry;
}

relay::ServedCertificate Certificate(absl::Time now) {
  tls::CertificateDetails leaf;
  leaf.common_name = "gw.example.net";
  leaf.subject_alternative_names = {"DNS:gw.example.net", "DNS:mail.example.net"};
  leaf.organization = "Example GmbH";
  leaf.location = "Berlin, BE, DE";
  leaf.serial_number = "04:A3:7F";
  leaf.signature_algorithm = "ecdsa-with-SHA256";
  leaf.subject = "CN=gw.example.net,O=Example GmbH,C=DE";
  leaf.issuer = "CN=Example CA,C=DE";
  leaf.not_before = absl::FromUnixSeconds(1'690'000'000);
  leaf.not_after = now + absl::Hours(24 * 61 + 12);
  leaf.key = "ECDSA P-256";
  leaf.fingerprint_sha256 = std::string(64, 'a');
  leaf.key_fingerprint_sha256 = std::string(64, 'b');
  tls::CertificateDetails issuer;
  issuer.subject = "CN=Example CA,C=DE";
  issuer.issuer = "CN=Example Root,C=DE";
  issuer.not_after = now + absl::Hours(24 * 1000);
  return {.file = "var/tls/ecdsa.pem", .chain = {leaf, issuer}};
}

relay::PingResult PartialPing(absl::Time now) {
  relay::PingTarget good;
  good.mx = "mx1.example.com";
  good.address = "192.0.2.1:25";
  good.valid = true;
  good.stage = "post_ehlo";
  good.smtp_reply = "250 mx1.example.com";
  good.tls_version = "TLSv1.3";
  good.cipher = "TLS_AES_256_GCM_SHA384";
  good.certificate_subject = "CN=mx1.example.com";
  good.certificate_issuer = "CN=R3,O=Let's Encrypt,C=US";
  good.certificate_fingerprint = std::string(64, 'c');
  good.certificate_names = {"mx1.example.com", "mx2.example.com"};
  good.chain = {"CN=mx1.example.com", "CN=R3,O=Let's Encrypt,C=US"};
  good.certificate_not_after = now + absl::Hours(24 * 30 + 12);
  good.took = absl::Milliseconds(84);
  relay::PingTarget bad;
  bad.mx = "mx2.example.com";
  bad.address = "192.0.2.2:25";
  bad.stage = "starttls";
  bad.reason = "not_offered";
  bad.smtp_reply = "250 HELP";
  bad.took = absl::Milliseconds(12);
  return {.domain = "example.com",
          .entry = "example.com",
          .level = "verify",
          .verdict = relay::PingVerdict::kPartial,
          .dns_failure = "",
          .targets = {good, bad},
          .at = now};
}

relay::Status RunningStatus(absl::Time now) {
  relay::CoreStatus first;
  first.sessions = 3;
  first.connections = 120;
  first.handshakes = 100;
  first.handshakes_failed = 2;
  first.messages_accepted = 90;
  first.messages_refused = 4;
  first.outbound_connections = 30;
  first.outbound_failed = 5;
  first.delivered = 80;
  first.deferred = 6;
  first.tls_deferred = 5;
  first.failures = {{"not_offered", 4}, {"connect", 1}};
  relay::Counters counters;
  for (const int delay_s : {1, 1, 3, 7000}) counters.queue_latency.Observe(absl::Seconds(delay_s));
  first.times = relay::ReadTimes(counters);
  relay::CoreStatus second = first;
  second.core = 1;
  second.failures = {{"not_offered", 1}};
  relay::Status status;
  status.version = "0.1.0";
  status.hostname = "gw.example.net";
  status.uptime = absl::Hours(76) + absl::Minutes(30);
  status.started_at = now - status.uptime;
  status.listeners = {"127.0.0.1:2525", "[::1]:2525"};
  status.cores = {first, second};
  status.queue.items = 2;
  status.queue.body_bytes = 13045;
  status.queue.in_flight = 1;
  status.queue.oldest_accepted_at = now - absl::Minutes(150);
  status.policy_entries = 2;
  status.policy_generation = 2;
  status.default_tls_level = "may";
  return status;
}

relay::TlsReportState UnsentReport(absl::Time now) {
  return {.domain = "d.example",
          .day = "2026-04-01",
          .begin = now - absl::Hours(20),
          .successes = 3,
          .failures = 1,
          .next_try = now + absl::Minutes(38) + absl::Seconds(30),
          .attempts = 1,
          .last_error = "https://d.example/: status 500"};
}

}  // namespace

queue::MessageId WaitingId() { return queue::MessageId::Of(1'700'000'000'000'000'000, 1); }
queue::MessageId ActiveId() { return queue::MessageId::Of(1'700'000'001'000'000'000, 2); }
queue::MessageId DeliveredId() { return queue::MessageId::Of(1'700'000'002'000'000'000, 3); }

void FillWithExamples(absl::Time now, FakeControl& control) {
  control.AddEntry("*.example.com", {"level=verify", "match_names=mx.example.net .example.org"},
                   now - absl::Hours(50));
  control.AddEntry("d.example", {"note=asked for by \"J.\""}, now - absl::Hours(26));
  control.queued = {WaitingMessage(now), ActiveMessage(now)};
  control.history = {TlsFailure(now), Delivery(now)};
  control.certificates = {Certificate(now), Certificate(now)};
  control.certificates[1].client_name = "partner-a";
  control.ping = PartialPing(now);
  control.status = RunningStatus(now);
  control.tls_reports = {.total = 2, .reports = {UnsentReport(now)}};
  control.tls_report = R"({"organization-name": "Example", "policies": []})";
}

}  // namespace sluice::admin
