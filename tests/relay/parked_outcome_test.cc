// What is written down of mail that is parked, of a probe, and of STARTTLS that is gone.
#include "engine/relay/parked_outcome.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/relay/starttls_memory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tls/failure.h"

namespace sluice::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

AttemptReport Failed(std::optional<tls::Reason> reason) {
  AttemptReport report;
  report.policy.force = OutboundPolicy::Force::kMust;
  report.policy.domain = "a.example";
  report.server = AddressTried{
      "mx.a.example", *io::SocketAddress::FromIp("192.0.2.1", 25), /*source=*/"", {}, "entry"};
  report.failure = smtp::Failure{.stage = smtp::Stage::kEhlo,
                                 .kind = smtp::Failure::Kind::kTransient,
                                 .tls_reason = reason,
                                 .reply = std::nullopt,
                                 .detail = "STARTTLS is not offered"};
  report.tls_failed_everywhere = reason.has_value();
  return report;
}

PingResult Pinged() {
  PingResult result;
  result.domain = "a.example";
  PingTarget unreachable;
  unreachable.mx = "mx1.a.example";
  unreachable.stage = "connect";
  unreachable.reason = "connect";
  unreachable.detail = "refused";
  result.targets.push_back(unreachable);
  return result;
}

TEST(OpensBreakerTest, OnlyWhereTlsFailsEverywhereUnderEnforcement) {
  EXPECT_TRUE(OpensBreaker(Failed(tls::Reason::kNotOffered)));
  EXPECT_FALSE(OpensBreaker(Failed(std::nullopt)));
  AttemptReport report = Failed(tls::Reason::kNotOffered);
  report.tls_failed_everywhere = false;  // a host that could not be reached may have TLS
  EXPECT_FALSE(OpensBreaker(report));
  report = Failed(tls::Reason::kNotOffered);
  report.policy.force = OutboundPolicy::Force::kMonitor;
  EXPECT_FALSE(OpensBreaker(report));
}

TEST(ParkUntriedTest, SaysWhyItWaitsAndUntilWhen) {
  queue::Envelope envelope;
  envelope.destination = "a.example";
  envelope.sender = "alice@sender.example";
  envelope.deadline = kNow + absl::Hours(168);
  envelope.recipients.push_back({.address = "bob@a.example"});
  envelope.recipients.push_back(
      {.address = "eve@a.example", .state = queue::RecipientState::kDelivered});
  Breaker breaker;
  breaker.failure.tls = true;
  breaker.failure.stage = "ehlo";
  breaker.failure.reason = "not_offered";
  breaker.failure.mx = "mx.a.example";
  breaker.failure.text = "no";
  const OutcomeWriter::Written written =
      ParkUntried(envelope, breaker, OutboundPolicy(), kNow + absl::Minutes(5), kNow);
  EXPECT_TRUE(written.result.park);
  EXPECT_FALSE(written.result.attempted);
  EXPECT_TRUE(written.result.envelope.last_failure->tls);
  EXPECT_EQ(written.result.envelope.last_failure->at, kNow);
  ASSERT_THAT(written.result.history, SizeIs(1));
  const queue::HistoryEntry& entry = written.result.history[0];
  EXPECT_EQ(entry.outcome, queue::Outcome::kDeferred);
  EXPECT_TRUE(entry.tls);
  EXPECT_TRUE(entry.parked);
  EXPECT_EQ(entry.attempt, 0);
  EXPECT_EQ(entry.next_attempt, kNow + absl::Minutes(5));
  EXPECT_EQ(entry.reason, "not_offered");
  EXPECT_THAT(entry.recipients, ElementsAre("bob@a.example"));
  EXPECT_THAT(entry.detail, HasSubstr("not tried"));
}

TEST(ProbeTest, TlsDecidesOverOtherFailures) {
  PingResult result = Pinged();
  EXPECT_EQ(FailureOf(result, kNow), std::nullopt);
  PingTarget stripped;
  stripped.mx = "mx2.a.example";
  stripped.stage = "ehlo";
  stripped.reason = "not_offered";
  stripped.detail = "STARTTLS is not offered";
  result.targets.push_back(stripped);
  const std::optional<queue::AttemptFailure> failure = FailureOf(result, kNow);
  ASSERT_TRUE(failure.has_value());
  EXPECT_TRUE(failure->tls);
  EXPECT_EQ(failure->mx, "mx2.a.example");
  EXPECT_EQ(failure->reason, "not_offered");
}

TEST(ProbeTest, HasOneEntryForTheDomain) {
  const absl::Time next = kNow + absl::Minutes(10);
  const queue::HistoryEntry entry = EntryOfProbe(Pinged(), OutboundPolicy(), 3, 17, next);
  EXPECT_EQ(entry.message_id, std::nullopt);
  EXPECT_EQ(entry.domain, "a.example");
  EXPECT_EQ(entry.next_attempt, next);
  EXPECT_FALSE(entry.tls);
  EXPECT_EQ(entry.reason, "");
  EXPECT_THAT(entry.detail, HasSubstr("probe 3"));
  EXPECT_THAT(entry.detail, HasSubstr("17 messages"));
}

TEST(ProbeTest, WithoutAHostTheEntrySaysWhatDnsSaid) {
  PingResult result;
  result.domain = "a.example";
  result.dns_failure = "no answer";
  const queue::HistoryEntry entry = EntryOfProbe(result, OutboundPolicy(), 1, 1, kNow);
  EXPECT_EQ(entry.stage, "dns");
  EXPECT_THAT(entry.detail, HasSubstr("1 message that waits: no answer"));
}

class StartTlsMemoryTest : public ::testing::Test {
 protected:
  static AttemptReport Sent(const std::string& host) {
    AttemptReport report;
    report.server =
        AddressTried{host, *io::SocketAddress::FromIp("192.0.2.1", 25), /*source=*/"", {}, "entry"};
    report.server->facts.tls.emplace();
    report.sent.emplace();
    return report;
  }

  StartTlsMemory memory_;
};

TEST_F(StartTlsMemoryTest, WhatWasThereAndIsGoneIsSuspicious) {
  EXPECT_EQ(memory_.Suspect(Failed(tls::Reason::kNotOffered)), std::nullopt);
  EXPECT_EQ(memory_.Learn(Sent("mx.a.example"), kNow - absl::Hours(1)), "mx.a.example:25");
  EXPECT_EQ(memory_.Learn(Sent("mx.a.example"), kNow), std::nullopt);  // it was known
  EXPECT_EQ(memory_.Suspect(Failed(tls::Reason::kUntrusted)), std::nullopt);
  const std::optional<AttemptReport> suspicious = memory_.Suspect(Failed(tls::Reason::kNotOffered));
  ASSERT_TRUE(suspicious.has_value());
  EXPECT_EQ(suspicious->failure->tls_reason, tls::Reason::kNotOffered);
  EXPECT_EQ(suspicious->failure->detail,
            "suspected stripping: STARTTLS was there on 2023-11-14 22:13 UTC, and is gone; "
            "STARTTLS is not offered");
}

TEST_F(StartTlsMemoryTest, MailInClearTeachesNothing) {
  AttemptReport in_clear = Sent("mx.a.example");
  in_clear.server->facts.tls.reset();
  EXPECT_EQ(memory_.Learn(in_clear, kNow), std::nullopt);
  EXPECT_EQ(memory_.Suspect(Failed(tls::Reason::kNotOffered)), std::nullopt);
}

TEST_F(StartTlsMemoryTest, IsBoundedAndForgetsTheOldest) {
  const size_t most = StartTlsMemory::kMostServers;
  EXPECT_TRUE(memory_.Learn("mx.a.example:25", kNow));
  for (size_t i = 0; i < most; ++i) memory_.Learn(absl::StrCat("mx", i, ":25"), kNow);
  EXPECT_TRUE(memory_.Suspect(Failed(tls::Reason::kNotOffered)).has_value());
  for (size_t i = most; i < 2 * most; ++i) memory_.Learn(absl::StrCat("mx", i, ":25"), kNow);
  EXPECT_FALSE(memory_.Suspect(Failed(tls::Reason::kNotOffered)).has_value());
}

}  // namespace
}  // namespace sluice::relay
