#include "tests/smtp/dsn_samples.h"

#include <utility>

#include "absl/time/time.h"
#include "engine/base/check.h"

namespace sluice::smtp {
namespace {

const absl::Time kArrived = absl::FromUnixSeconds(1'700'000'000);  // Tue, 14 Nov 2023 22:13:20

DsnRequest Request(DsnCause cause, absl::Duration after) {
  DsnRequest request;
  request.cause = cause;
  request.hostname = "gw.example.com";
  request.sender = "alice@example.com";
  request.message_id = "01JMSG";
  request.id = "01JDSN.7f";
  request.arrived = kArrived;
  request.now = kArrived + after;
  return request;
}

DsnSample Rejected() {
  DsnSample sample{"rejected", Request(DsnCause::kRejected, absl::Seconds(2)),
                   "From: alice@example.com\r\nSubject: hello\r\n\r\nthe body\r\n"};
  DsnRecipient recipient;
  recipient.address = "bob@example.net";
  recipient.remote_mta = "mx.example.net";
  recipient.reply = Reply{550, EnhancedStatus{5, 1, 1}, "No such user\nSee example.net/help"};
  recipient.last_attempt = kArrived + absl::Seconds(1);
  sample.request.recipients.push_back(recipient);
  recipient.address = "carol@example.net";
  recipient.reply = Reply{554, std::nullopt, "no"};
  sample.request.recipients.push_back(recipient);
  return sample;
}

DsnSample Expired() {
  DsnSample sample{"expired", Request(DsnCause::kExpired, absl::Hours(168)),
                   "From: alice@example.com\r\n\r\nthe body\r\n"};
  DsnRecipient recipient;
  recipient.address = "bob@example.net";
  recipient.detail = "connect to 192.0.2.1:25: Connection refused";
  recipient.last_attempt = kArrived + absl::Hours(167);
  sample.request.recipients.push_back(recipient);
  return sample;
}

DsnSample TlsPolicy() {
  DsnSample sample{"tls_policy", Request(DsnCause::kTlsPolicy, absl::Hours(168)),
                   "From: alice@example.com\r\nTo: bob@example.net\r\n\r\nthe body\r\n"};
  DsnRecipient recipient;
  recipient.address = "bob@example.net";
  recipient.remote_mta = "mx.example.net";
  recipient.detail = "the certificate is for www.example.net";
  recipient.tls_reason = tls::Reason::kNameMismatch;
  recipient.last_attempt = kArrived + absl::Hours(167);
  sample.request.recipients.push_back(recipient);
  return sample;
}

DsnSample Internationalized() {
  DsnSample sample{"internationalized", Request(DsnCause::kRejected, absl::Seconds(2)),
                   "From: grüße@example.com\r\nSubject: schön = good \r\n\r\nthe body\r\n"};
  sample.request.sender = "grüße@example.com";
  DsnRecipient recipient;
  recipient.address = "jörg@bücher.example";
  recipient.remote_mta = "mx.xn--bcher-kva.example";
  recipient.reply = Reply{550, EnhancedStatus{5, 1, 1}, "unknown"};
  recipient.last_attempt = kArrived + absl::Seconds(1);
  sample.request.recipients.push_back(recipient);
  return sample;
}

DsnSample Delayed() {
  DsnSample sample{"delayed", Request(DsnCause::kDelayed, absl::Hours(4)),
                   "From: alice@example.com\r\nTo: bob@example.net\r\n\r\nthe body\r\n"};
  sample.request.envelope_id = "QQ+314159";
  sample.request.retry_until = kArrived + absl::Hours(168);
  DsnRecipient recipient;
  recipient.address = "bob@example.net";
  recipient.original = "rfc822; bob+old@example.net";
  recipient.remote_mta = "mx.example.net";
  recipient.detail = "250 mx.example.net";
  recipient.tls_reason = tls::Reason::kNotOffered;
  recipient.last_attempt = kArrived + absl::Minutes(239);
  sample.request.recipients.push_back(recipient);
  return sample;
}

DsnSample Relayed() {
  DsnSample sample{"relayed", Request(DsnCause::kRelayed, absl::Seconds(2)),
                   "From: alice@example.com\r\n\r\nthe body\r\n"};
  DsnRecipient recipient;
  recipient.address = "bob@example.net";
  recipient.original = "utf-8; jörg@bücher.example";
  recipient.remote_mta = "mx.example.net";
  recipient.reply = Reply{250, EnhancedStatus{2, 6, 0}, "queued"};
  recipient.last_attempt = kArrived + absl::Seconds(1);
  sample.request.recipients.push_back(recipient);
  return sample;
}

DsnSample InGerman(DsnSample sample, std::string name) {
  sample.name = std::move(name);
  sample.request.language = Language::kGerman;
  return sample;
}

// Whatever a stranger can write tries to add a field, a part or a line.
DsnSample Hostile() {
  DsnSample sample{"hostile", Request(DsnCause::kExpired, absl::Hours(30)),
                   "Subject: x\r\n--=_01JDSN.7f--\r\n--=_01JDSN.7f\r\nContent-Type: "
                   "text/html\r\nX: \xff\x1b[2J\r\n"
                   "Y: " +
                       std::string(3000, 'y') + "\r\n\r\nthe body\r\n"};
  sample.request.sender = "a\r\nBcc: victim@example.org\r\n\r\n@example.com";
  sample.request.message_id = "1\r\nX-Injected: 1";
  DsnRecipient recipient;
  recipient.address = "b\r\nX-Injected: 2\r\n\r\n--=_01JDSN.7f--@example.net";
  recipient.remote_mta = "mx\r\nX-Injected: 3";
  recipient.reply =
      Reply{451, std::nullopt, "no\r\nX-Injected: 4\n\n--=_01JDSN.7f\n" + std::string(5000, 'z')};
  recipient.last_attempt = kArrived;
  sample.request.recipients.push_back(recipient);
  recipient.reply.reset();
  recipient.detail = "x\r\nX-Injected: 5";
  sample.request.recipients.push_back(recipient);
  return sample;
}

}  // namespace

const std::vector<DsnSample>& DsnSamples() {
  static const auto& samples =
      *new std::vector<DsnSample>{Rejected(),
                                  Expired(),
                                  TlsPolicy(),
                                  Delayed(),
                                  Relayed(),
                                  Internationalized(),
                                  Hostile(),
                                  InGerman(TlsPolicy(), "german_tls_policy"),
                                  InGerman(Delayed(), "german_delayed")};
  return samples;
}

const DsnSample& DsnSampleNamed(const std::string& name) {
  for (const DsnSample& sample : DsnSamples()) {
    if (sample.name == name) return sample;
  }
  SLUICE_CHECK(false);
}

}  // namespace sluice::smtp
