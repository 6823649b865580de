// What is written down about an attempt, whichever way it went.
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/relay/outcome_fixture.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class OutcomeAttemptTest : public OutcomeTest {};

TEST_F(OutcomeAttemptTest, ADelivery) {
  AttemptReport report = Sent({Delivered(), Delivered()});
  tls::ConnectionInfo tls;
  tls.version_name = "TLSv1.3";
  tls.cipher = "TLS_AES_128_GCM_SHA256";
  tls.peer_subject = "CN=mx.example.net";
  tls.peer_fingerprint = std::string(64, 'a');
  report.server->facts.tls = tls;
  report.policy.force = OutboundPolicy::Force::kMust;
  report.policy.pattern = ".example.net";
  report.policy.generation = 12;
  const queue::Envelope before = EnvelopeTo({"bob@example.net", "carol@example.net"});

  const OutcomeWriter::Written written = writer_.OfAttempt(before, report, kNow);
  EXPECT_EQ(written.delivered, 2);
  EXPECT_EQ(written.refused, 0);
  EXPECT_FALSE(written.deferred);
  EXPECT_FALSE(written.tls_failed);
  EXPECT_THAT(written.failed, IsEmpty());
  const queue::Envelope& after = written.result.envelope;
  EXPECT_FALSE(queue::HasPending(after));
  EXPECT_THAT(StatesOf(after), ElementsAre(State::kDelivered, State::kDelivered));
  EXPECT_EQ(after.recipients[0].last_reply, "250 2.0.0 queued");
  EXPECT_FALSE(after.last_failure.has_value());

  ASSERT_THAT(written.result.history, SizeIs(1));
  const queue::HistoryEntry& entry = written.result.history[0];
  EXPECT_EQ(entry.outcome, queue::Outcome::kDelivered);
  EXPECT_FALSE(entry.tls);
  EXPECT_EQ(entry.direction, queue::Direction::kOutbound);
  EXPECT_EQ(entry.message_id, before.id);
  EXPECT_EQ(entry.sender, "alice@example.com");
  EXPECT_THAT(entry.recipients, ElementsAre("bob@example.net", "carol@example.net"));
  EXPECT_EQ(entry.domain, "example.net");
  EXPECT_EQ(entry.entry, ".example.net");
  EXPECT_EQ(entry.entry_generation, 12u);
  EXPECT_EQ(entry.attempt, 1);
  EXPECT_EQ(entry.next_attempt, std::nullopt);
  EXPECT_EQ(entry.deadline, before.deadline);
  EXPECT_EQ(entry.mx, "mx.example.net");
  EXPECT_EQ(entry.address, "192.0.2.1:25");
  EXPECT_EQ(entry.stage, "final");
  EXPECT_EQ(entry.reason, "");
  EXPECT_EQ(entry.detail, "250 2.0.0 queued");
  EXPECT_EQ(entry.tls_version, "TLSv1.3");
  EXPECT_EQ(entry.cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(entry.certificate, absl::StrCat("CN=mx.example.net SHA-256 ", std::string(64, 'a')));
}

TEST_F(OutcomeAttemptTest, InClearThereIsNothingToSayOfTls) {
  const OutcomeWriter::Written written =
      writer_.OfAttempt(EnvelopeTo({"b@example.net"}), Sent({Delivered()}), kNow);
  EXPECT_EQ(written.result.history.at(0).tls_version, "");
  EXPECT_EQ(written.result.history.at(0).cipher, "");
  EXPECT_EQ(written.result.history.at(0).certificate, "");
}

TEST_F(OutcomeAttemptTest, RecipientsThatFareDifferentlyHaveAnEntryEach) {
  const OutcomeWriter::Written written = writer_.OfAttempt(
      EnvelopeTo({"a@example.net", "b@example.net", "c@example.net", "d@example.net"}),
      Sent({Failed(), Delivered(), Deferred(), Failed("mailbox gone")}), kNow);
  EXPECT_EQ(written.delivered, 1);
  EXPECT_EQ(written.refused, 2);
  EXPECT_TRUE(written.deferred);
  EXPECT_EQ(written.cause, smtp::DsnCause::kRejected);
  EXPECT_THAT(StatesOf(written.result.envelope),
              ElementsAre(State::kFailed, State::kDelivered, State::kPending, State::kFailed));
  EXPECT_THAT(AddressesOf(written.failed), ElementsAre("a@example.net", "d@example.net"));
  EXPECT_EQ(written.failed[1].reply->text, "mailbox gone");
  EXPECT_EQ(written.failed[1].remote_mta, "mx.example.net");
  EXPECT_FALSE(written.failed[1].reply_is_local);

  ASSERT_THAT(written.result.history, SizeIs(3));
  const auto& [delivered, deferred, failed] =
      std::tie(written.result.history[0], written.result.history[1], written.result.history[2]);
  EXPECT_EQ(delivered.outcome, queue::Outcome::kDelivered);
  EXPECT_THAT(delivered.recipients, ElementsAre("b@example.net"));
  EXPECT_EQ(delivered.next_attempt, std::nullopt);
  EXPECT_EQ(deferred.outcome, queue::Outcome::kDeferred);
  EXPECT_THAT(deferred.recipients, ElementsAre("c@example.net"));
  EXPECT_EQ(deferred.next_attempt, written.result.next_attempt);
  EXPECT_EQ(failed.outcome, queue::Outcome::kFailed);
  EXPECT_THAT(failed.recipients, ElementsAre("a@example.net", "d@example.net"));
  EXPECT_EQ(failed.next_attempt, std::nullopt);

  ASSERT_TRUE(written.result.envelope.last_failure.has_value());
  const queue::AttemptFailure& last = *written.result.envelope.last_failure;
  EXPECT_EQ(last.at, kNow);
  EXPECT_FALSE(last.tls);
  EXPECT_EQ(last.stage, "rcpt");
  EXPECT_EQ(last.reason, "");
  EXPECT_EQ(last.mx, "mx.example.net");
  EXPECT_EQ(last.address, "192.0.2.1:25");
  EXPECT_EQ(last.text, "450 4.2.0 greylisted");
}

TEST_F(OutcomeAttemptTest, WhoIsDecidedStaysDecided) {
  queue::Envelope envelope = EnvelopeTo({"a@example.net", "b@example.net", "c@example.net"});
  envelope.recipients[0].state = State::kDelivered;
  envelope.recipients[0].last_reply = "250 before";
  envelope.recipients[1].state = State::kFailed;
  const OutcomeWriter::Written written = writer_.OfAttempt(envelope, Sent({Delivered()}), kNow);
  EXPECT_THAT(StatesOf(written.result.envelope),
              ElementsAre(State::kDelivered, State::kFailed, State::kDelivered));
  EXPECT_EQ(written.result.envelope.recipients[0].last_reply, "250 before");
  EXPECT_EQ(written.delivered, 1);
  EXPECT_THAT(written.failed, IsEmpty());
  ASSERT_THAT(written.result.history, SizeIs(1));
  EXPECT_THAT(written.result.history[0].recipients, ElementsAre("c@example.net"));
}

TEST_F(OutcomeAttemptTest, AConnectionThatFailsDefersAll) {
  smtp::Failure failure = FailureAt(smtp::Stage::kConnect, "connection refused");
  const OutcomeWriter::Written written =
      writer_.OfAttempt(EnvelopeTo({"a@example.net", "b@example.net"}), FailedWith(failure), kNow);
  EXPECT_TRUE(written.deferred);
  EXPECT_FALSE(written.tls_failed);
  EXPECT_THAT(StatesOf(written.result.envelope), ElementsAre(State::kPending, State::kPending));
  ASSERT_THAT(written.result.history, SizeIs(1));
  EXPECT_THAT(written.result.history[0].recipients, SizeIs(2));
  EXPECT_EQ(written.result.history[0].stage, "connect");
  EXPECT_EQ(written.result.history[0].detail, "connection refused");
  EXPECT_EQ(written.result.envelope.recipients[1].last_reply, "connection refused");
}

TEST_F(OutcomeAttemptTest, AFailureOfTlsNeverBouncesWhateverItIs) {
  for (int i = 0; i <= static_cast<int>(tls::Reason::kProtocol); ++i) {
    const auto reason = static_cast<tls::Reason>(i);
    SCOPED_TRACE(tls::ReasonName(reason));
    for (const auto kind : {smtp::Failure::Kind::kTransient, smtp::Failure::Kind::kPermanent}) {
      smtp::Failure failure = TlsFailure(reason, "no");
      failure.kind = kind;
      failure.reply = Reply(554, {5, 7, 0}, "TLS is not for you");
      const OutcomeWriter::Written written =
          writer_.OfAttempt(EnvelopeTo({"b@example.net"}), FailedWith(failure), kNow);
      EXPECT_TRUE(written.deferred);
      EXPECT_TRUE(written.tls_failed);
      EXPECT_THAT(written.failed, IsEmpty());
      EXPECT_TRUE(queue::HasPending(written.result.envelope));
      ASSERT_TRUE(written.result.envelope.last_failure.has_value());
      EXPECT_TRUE(written.result.envelope.last_failure->tls);
      EXPECT_EQ(written.result.envelope.last_failure->reason, tls::ReasonName(reason));
      ASSERT_THAT(written.result.history, SizeIs(1));
      EXPECT_EQ(written.result.history[0].outcome, queue::Outcome::kDeferred);
      EXPECT_TRUE(written.result.history[0].tls);
      EXPECT_EQ(written.result.history[0].reason, tls::ReasonName(reason));
      EXPECT_THAT(written.result.history[0].detail, StartsWith("554 5.7.0 TLS is not for you"));
    }
  }
}

TEST_F(OutcomeAttemptTest, ADomainThatDoesNotExistBouncesInOurWords) {
  smtp::Failure failure = FailureAt(smtp::Stage::kDns, "the domain example.net does not exist");
  failure.kind = smtp::Failure::Kind::kPermanent;
  failure.reply = Reply(550, {5, 1, 2}, "The domain example.net does not exist");
  const OutcomeWriter::Written written =
      writer_.OfAttempt(EnvelopeTo({"a@example.net", "b@example.net"}), FailedWith(failure), kNow);
  EXPECT_EQ(written.refused, 2);
  EXPECT_FALSE(written.deferred);
  EXPECT_FALSE(queue::HasPending(written.result.envelope));
  ASSERT_THAT(AddressesOf(written.failed), ElementsAre("a@example.net", "b@example.net"));
  EXPECT_TRUE(written.failed[0].reply_is_local);
  EXPECT_EQ(written.failed[0].reply->status, (smtp::EnhancedStatus{5, 1, 2}));
  EXPECT_EQ(written.failed[0].remote_mta, "");
  ASSERT_THAT(written.result.history, SizeIs(1));
  EXPECT_EQ(written.result.history[0].outcome, queue::Outcome::kFailed);
  EXPECT_EQ(written.result.history[0].stage, "dns");
  EXPECT_EQ(written.result.history[0].mx, "");
  EXPECT_EQ(written.result.history[0].address, "");
}

TEST_F(OutcomeAttemptTest, ALookupThatFailsDefers) {
  const OutcomeWriter::Written written = writer_.OfAttempt(
      EnvelopeTo({"a@example.net"}), FailedWith(FailureAt(smtp::Stage::kDns, "SERVFAIL")), kNow);
  EXPECT_TRUE(written.deferred);
  EXPECT_TRUE(queue::HasPending(written.result.envelope));
  EXPECT_THAT(written.failed, IsEmpty());
}

TEST_F(OutcomeAttemptTest, MonitorModeSaysWhatEnforcementWouldHaveDone) {
  AttemptReport report = Sent({Delivered(), Failed()});
  report.policy.force = OutboundPolicy::Force::kMonitor;
  report.would_fail = TlsFailure(tls::Reason::kUntrusted, "self-signed certificate");
  const OutcomeWriter::Written written =
      writer_.OfAttempt(EnvelopeTo({"a@example.net", "b@example.net"}), report, kNow);
  // It went all the same, and what is written counts as no failure of TLS.
  EXPECT_EQ(written.delivered, 1);
  EXPECT_FALSE(written.tls_failed);
  ASSERT_THAT(written.result.history, SizeIs(2));
  for (const queue::HistoryEntry& entry : written.result.history) {
    EXPECT_FALSE(entry.tls);
    EXPECT_EQ(entry.reason, "untrusted");
    EXPECT_THAT(entry.detail, StartsWith("monitored: enforcement would have deferred this at "
                                         "handshake: self-signed certificate; "));
  }
  EXPECT_THAT(written.result.history[0].detail, HasSubstr("; 250 2.0.0 queued"));
  EXPECT_THAT(written.result.history[1].detail, HasSubstr("; 550 5.1.1 no such user"));
  EXPECT_EQ(written.result.envelope.recipients[1].last_reply, "550 5.1.1 no such user");
}

TEST_F(OutcomeAttemptTest, TheNextTryFollowsTheTimetable) {
  const AttemptReport report = FailedWith(FailureAt(smtp::Stage::kConnect, "no"));
  const absl::Duration waits[] = {absl::Minutes(5), absl::Minutes(10), absl::Minutes(20),
                                  absl::Minutes(20), absl::Minutes(20)};
  std::set<absl::Time> different;
  for (int attempts = 0; attempts < 5; ++attempts) {
    queue::Envelope envelope = EnvelopeTo({"a@example.net"});
    envelope.attempts = attempts;
    const OutcomeWriter::Written written = writer_.OfAttempt(envelope, report, kNow);
    const absl::Duration wait = written.result.next_attempt - kNow;
    EXPECT_GE(wait, 0.85 * waits[attempts]) << attempts;
    EXPECT_LE(wait, 1.15 * waits[attempts]) << attempts;
    EXPECT_EQ(written.result.history.at(0).next_attempt, written.result.next_attempt);
    EXPECT_EQ(written.result.history.at(0).attempt, attempts + 1);
    EXPECT_EQ(written.result.envelope.attempts, attempts + 1);
    different.insert(written.result.next_attempt);
  }
  EXPECT_THAT(different, SizeIs(5));
}

TEST_F(OutcomeAttemptTest, TheNextTryIsNeverPastTheDeadline) {
  const AttemptReport report = FailedWith(FailureAt(smtp::Stage::kConnect, "no"));
  for (const absl::Duration left :
       {absl::Minutes(10), absl::Minutes(1), absl::ZeroDuration(), -absl::Minutes(1)}) {
    queue::Envelope envelope = EnvelopeTo({"a@example.net"});
    envelope.deadline = kNow + left;
    const OutcomeWriter::Written written = writer_.OfAttempt(envelope, report, kNow);
    EXPECT_LE(written.result.next_attempt, envelope.deadline) << left;
    if (left < absl::Minutes(4)) {
      EXPECT_EQ(written.result.next_attempt, envelope.deadline) << left;
    }
  }
}

TEST_F(OutcomeAttemptTest, ALostFinalReplyDefersAndIsNotABounce) {
  AttemptReport report = Sent({{Outcome::kDeferred, smtp::Stage::kFinal,
                                Reply(451, {4, 4, 2}, "the server closed the connection"), true}});
  report.sent->final_reply_lost = true;
  const OutcomeWriter::Written written =
      writer_.OfAttempt(EnvelopeTo({"a@example.net"}), report, kNow);
  EXPECT_TRUE(written.deferred);
  EXPECT_THAT(written.failed, IsEmpty());
  EXPECT_EQ(written.result.history.at(0).stage, "final");
  EXPECT_EQ(written.result.envelope.last_failure->text,
            "451 4.4.2 the server closed the connection");
}

TEST_F(OutcomeAttemptTest, WhatTheSessionDecidedItselfIsNotPutIntoTheServersMouth) {
  const OutcomeWriter::Written written = writer_.OfAttempt(
      EnvelopeTo({"a@example.net"}),
      Sent({{Outcome::kFailed, smtp::Stage::kMail, Reply(552, {5, 3, 4}, "too large"), true}}),
      kNow);
  ASSERT_THAT(written.failed, SizeIs(1));
  EXPECT_TRUE(written.failed[0].reply_is_local);
}

TEST_F(OutcomeAttemptTest, TheNullSenderIsToldNothing) {
  queue::Envelope envelope = EnvelopeTo({"a@example.net"});
  envelope.sender = "";
  const OutcomeWriter::Written written = writer_.OfAttempt(envelope, Sent({Failed()}), kNow);
  EXPECT_EQ(written.refused, 1);
  EXPECT_THAT(written.failed, IsEmpty());
  EXPECT_THAT(written.result.history, SizeIs(1));
}

TEST_F(OutcomeAttemptTest, AStrangersRepliesAreBounded) {
  const std::string endless(20'000, 'x');
  smtp::Failure failure = TlsFailure(tls::Reason::kRefused, endless);
  failure.reply = Reply(454, {4, 7, 0}, endless);
  for (const AttemptReport& report :
       {Sent({Deferred(endless)}), Sent({Failed(endless)}), FailedWith(failure)}) {
    const OutcomeWriter::Written written =
        writer_.OfAttempt(EnvelopeTo({"a@example.net"}), report, kNow);
    EXPECT_EQ(written.result.envelope.recipients[0].last_reply.size(), 1000u);
    EXPECT_EQ(written.result.history.at(0).detail.size(), 1000u);
    if (const auto& last = written.result.envelope.last_failure) {
      EXPECT_EQ(last->text.size(), 1000u);
    }
  }
}

TEST_F(OutcomeAttemptTest, KeepsWhichPolicyItWasTriedUnder) {
  AttemptReport report = FailedWith(FailureAt(smtp::Stage::kConnect, "no"));
  const OutcomeWriter::Written may = writer_.OfAttempt(EnvelopeTo({"a@example.net"}), report, kNow);
  report.policy.force = OutboundPolicy::Force::kMust;
  const OutcomeWriter::Written must =
      writer_.OfAttempt(EnvelopeTo({"a@example.net"}), report, kNow);
  EXPECT_EQ(may.result.envelope.policy_digest, "may");
  EXPECT_EQ(must.result.envelope.policy_digest, report.policy.Digest());
  EXPECT_NE(may.result.envelope.policy_digest, must.result.envelope.policy_digest);
}

TEST_F(OutcomeAttemptTest, OnlyThePendingAreSaidToTheNextHop) {
  queue::Envelope envelope = EnvelopeTo({"a@example.net", "b@example.net", "c@example.net"});
  envelope.recipients[1].state = State::kDelivered;
  envelope.eight_bit = true;
  envelope.smtputf8 = true;
  const smtp::OutgoingMessage message = OutgoingOf(envelope);
  EXPECT_EQ(message.sender, "alice@example.com");
  EXPECT_THAT(message.recipients, ElementsAre("a@example.net", "c@example.net"));
  EXPECT_TRUE(message.eight_bit);
  EXPECT_TRUE(message.smtputf8);
}

TEST_F(OutcomeAttemptTest, AnotherServerIsTriedOnlyWhereNobodyHasTheMessage) {
  smtp::SendResult result;
  result.recipients = {Deferred(), Deferred()};
  EXPECT_TRUE(TryElsewhere(result));
  result.recipients = {Deferred(), Delivered()};
  EXPECT_FALSE(TryElsewhere(result));
  result.recipients = {Failed(), Deferred()};
  EXPECT_FALSE(TryElsewhere(result));
  // It may have been taken, unheard: another server would be a second copy.
  result.recipients = {Deferred()};
  result.final_reply_lost = true;
  EXPECT_FALSE(TryElsewhere(result));
}

TEST(DestinationOf, GathersOneDomainUnderOneName) {
  EXPECT_EQ(DestinationOf("Example.NET"), "example.net");
  EXPECT_EQ(DestinationOf("bücher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(DestinationOf("[IPv6:2001:DB8::1]"), "[ipv6:2001:db8::1]");
}

}  // namespace
}  // namespace sluice::relay
