// What tests of OutcomeWriter begin with: an envelope, and what an attempt to send it came to.
#ifndef SLUICE_TESTS_RELAY_OUTCOME_FIXTURE_H_
#define SLUICE_TESTS_RELAY_OUTCOME_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/random.h"
#include "engine/relay/outcome.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::relay {

class OutcomeTest : public testing::Test {
 protected:
  using Outcome = smtp::RecipientResult::Outcome;
  using State = queue::RecipientState;

  OutcomeTest() {
    settings_.hostname = "gw.example.com";
    settings_.retries =
        std::make_shared<const queue::RetryTimetable>(*queue::RetryTimetable::Parse("5m,10m,20m"));
  }

  // Accepted at kNow, for a week; each recipient pending.
  queue::Envelope EnvelopeTo(const std::vector<std::string>& recipients) {
    queue::Envelope envelope;
    envelope.id = ids_.Next(kNow);
    envelope.destination = "example.net";
    envelope.sender = "alice@example.com";
    for (const std::string& address : recipients) {
      queue::Recipient& recipient = envelope.recipients.emplace_back();
      recipient.address = address;
    }
    envelope.accepted_at = kNow;
    envelope.deadline = kNow + absl::Hours(168);
    return envelope;
  }

  // Of an attempt that reached mx.example.net.
  static AttemptReport Reached() {
    AttemptReport report;
    report.server.emplace();
    report.server->host = "mx.example.net";
    report.server->address = *io::SocketAddress::Parse("192.0.2.1:25");
    return report;
  }
  static AttemptReport FailedWith(smtp::Failure failure) {
    AttemptReport report = Reached();
    if (failure.stage == smtp::Stage::kDns) report.server.reset();
    report.failure = std::move(failure);
    return report;
  }
  static AttemptReport Sent(std::vector<smtp::RecipientResult> recipients) {
    AttemptReport report = Reached();
    report.sent.emplace();
    report.sent->recipients = std::move(recipients);
    return report;
  }

  static smtp::Failure FailureAt(smtp::Stage stage, std::string detail) {
    smtp::Failure failure;
    failure.stage = stage;
    failure.detail = std::move(detail);
    return failure;
  }
  static smtp::Failure TlsFailure(tls::Reason reason, std::string detail) {
    smtp::Failure failure = FailureAt(smtp::Stage::kHandshake, std::move(detail));
    failure.tls_reason = reason;
    return failure;
  }
  static smtp::RecipientResult Delivered() {
    return {Outcome::kDelivered, smtp::Stage::kFinal, Reply(250, {2, 0, 0}, "queued"), false};
  }
  static smtp::RecipientResult Deferred(std::string text = "greylisted") {
    return {Outcome::kDeferred, smtp::Stage::kRcpt, Reply(450, {4, 2, 0}, std::move(text)), false};
  }
  static smtp::RecipientResult Failed(std::string text = "no such user") {
    return {Outcome::kFailed, smtp::Stage::kRcpt, Reply(550, {5, 1, 1}, std::move(text)), false};
  }
  static smtp::Reply Reply(int code, smtp::EnhancedStatus status, std::string text) {
    return smtp::Reply{code, status, std::move(text)};
  }

  static std::vector<std::string> AddressesOf(const std::vector<smtp::DsnRecipient>& recipients) {
    std::vector<std::string> addresses;
    for (const smtp::DsnRecipient& recipient : recipients) addresses.push_back(recipient.address);
    return addresses;
  }
  static std::vector<State> StatesOf(const queue::Envelope& envelope) {
    std::vector<State> states;
    for (const queue::Recipient& recipient : envelope.recipients) states.push_back(recipient.state);
    return states;
  }

  static inline const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

  Settings settings_;
  Random random_{7};
  queue::MessageIdSource ids_{random_};
  OutcomeWriter writer_{settings_, ids_, random_};
};

}  // namespace sluice::relay

#endif  // SLUICE_TESTS_RELAY_OUTCOME_FIXTURE_H_
