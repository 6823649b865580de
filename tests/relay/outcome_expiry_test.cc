// A message that has reached its deadline, and what its sender is told.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/relay/outcome_fixture.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class OutcomeExpiryTest : public OutcomeTest {
 protected:
  // As an attempt at `kNow` left it.
  queue::Envelope After(const AttemptReport& report, std::vector<std::string> recipients) {
    return writer_.OfAttempt(EnvelopeTo(recipients), report, kNow).result.envelope;
  }
  queue::Envelope AfterTlsFailure() {
    return After(FailedWith(TlsFailure(tls::Reason::kNameMismatch, "certificate names: other")),
                 {"bob@example.net"});
  }

  // To the sender of `expired`, about all of it.
  queue::NewMessage NotificationOf(const OutcomeWriter::Written& expired, const io::Body& original) {
    return writer_.Notification(expired.result.envelope, {expired.cause, expired.failed}, original,
                                late_);
  }

  const absl::Time late_ = kNow + absl::Hours(168) + absl::Seconds(3);
};

TEST_F(OutcomeExpiryTest, BecauseOfTlsPolicy) {
  const queue::Envelope envelope = AfterTlsFailure();
  const OutcomeWriter::Written written = writer_.OfExpiry(envelope, late_);
  EXPECT_TRUE(written.tls_failed);
  EXPECT_EQ(written.cause, smtp::DsnCause::kTlsPolicy);
  EXPECT_FALSE(queue::HasPending(written.result.envelope));
  ASSERT_THAT(written.failed, SizeIs(1));
  EXPECT_EQ(written.failed[0].address, "bob@example.net");
  EXPECT_EQ(written.failed[0].tls_reason, tls::Reason::kNameMismatch);
  EXPECT_EQ(written.failed[0].remote_mta, "mx.example.net");
  EXPECT_EQ(written.failed[0].last_attempt, kNow);

  ASSERT_THAT(written.result.history, SizeIs(1));
  const queue::HistoryEntry& entry = written.result.history[0];
  EXPECT_EQ(entry.outcome, queue::Outcome::kDeletedTlsPolicy);
  EXPECT_TRUE(entry.tls);
  EXPECT_EQ(entry.message_id, envelope.id);
  EXPECT_THAT(entry.recipients, ElementsAre("bob@example.net"));
  EXPECT_EQ(entry.attempt, 1);  // the last that was made
  EXPECT_EQ(entry.next_attempt, std::nullopt);
  EXPECT_EQ(entry.deadline, envelope.deadline);
  EXPECT_EQ(entry.stage, "handshake");
  EXPECT_EQ(entry.reason, "name_mismatch");
  EXPECT_EQ(entry.mx, "mx.example.net");
  EXPECT_EQ(entry.address, "192.0.2.1:25");
  EXPECT_EQ(entry.detail,
            "deleted because of TLS policy after 168h3s; last: certificate names: other");
}

TEST_F(OutcomeExpiryTest, GivenBackByAnAdministrator) {
  const queue::Envelope envelope = AfterTlsFailure();
  const OutcomeWriter::Written written =
      writer_.OfReturn(envelope, {.by = "alice", .why = "no such domain"}, late_);
  EXPECT_FALSE(queue::HasPending(written.result.envelope));
  ASSERT_THAT(written.result.history, SizeIs(1));
  EXPECT_EQ(written.result.history[0].outcome, queue::Outcome::kReturnedByAdmin);
  EXPECT_EQ(written.result.history[0].detail, "by alice: no such domain");
  EXPECT_THAT(written.result.history[0].recipients, ElementsAre("bob@example.net"));
  const queue::NewMessage told = NotificationOf(written, io::Body::Copy("Subject: x\r\n\r\nbody"));
  const std::string text = told.body.Flatten();
  EXPECT_THAT(text, HasSubstr("given back by the administrator"));
  EXPECT_THAT(text, HasSubstr("Status: 5.0.0"));
  EXPECT_THAT(text, HasSubstr("Subject: x"));

  queue::Envelope nobody = envelope;
  nobody.sender.clear();
  EXPECT_THAT(writer_.OfReturn(nobody, {.by = "alice", .why = ""}, late_).failed, IsEmpty());
}

TEST_F(OutcomeExpiryTest, ForAnyOtherCause) {
  const OutcomeWriter::Written written =
      writer_.OfExpiry(After(Sent({Deferred()}), {"bob@example.net"}), late_);
  EXPECT_FALSE(written.tls_failed);
  EXPECT_EQ(written.cause, smtp::DsnCause::kExpired);
  ASSERT_THAT(written.failed, SizeIs(1));
  EXPECT_EQ(written.failed[0].tls_reason, std::nullopt);
  const queue::HistoryEntry& entry = written.result.history.at(0);
  EXPECT_EQ(entry.outcome, queue::Outcome::kExpired);
  EXPECT_FALSE(entry.tls);
  EXPECT_EQ(entry.detail, "expired after 168h3s; last: 450 4.2.0 greylisted");
}

TEST_F(OutcomeExpiryTest, TheLastFailureDecidesNotTheFirst) {
  queue::Envelope envelope = AfterTlsFailure();
  envelope = writer_.OfAttempt(envelope, Sent({Deferred()}), kNow).result.envelope;
  EXPECT_EQ(writer_.OfExpiry(envelope, late_).cause, smtp::DsnCause::kExpired);
  envelope = writer_.OfAttempt(envelope, FailedWith(TlsFailure(tls::Reason::kAlert, "no")), kNow)
                 .result.envelope;
  const OutcomeWriter::Written written = writer_.OfExpiry(envelope, late_);
  EXPECT_EQ(written.cause, smtp::DsnCause::kTlsPolicy);
  EXPECT_EQ(written.result.history.at(0).attempt, 3);
}

TEST_F(OutcomeExpiryTest, WithoutAnyAttempt) {
  const OutcomeWriter::Written written = writer_.OfExpiry(EnvelopeTo({"bob@example.net"}), late_);
  EXPECT_EQ(written.cause, smtp::DsnCause::kExpired);
  EXPECT_EQ(written.result.history.at(0).detail, "expired after 168h3s");
  EXPECT_EQ(written.result.history.at(0).attempt, 0);
  ASSERT_THAT(written.failed, SizeIs(1));
  EXPECT_EQ(written.failed[0].last_attempt, late_);
}

TEST_F(OutcomeExpiryTest, OnlyThoseThatArePendingGoAndEachHasItsOwnReply) {
  const queue::Envelope envelope =
      After(Sent({Delivered(), Deferred("greylisted"), Failed(), Deferred("mailbox full")}),
            {"a@example.net", "b@example.net", "c@example.net", "d@example.net"});
  const OutcomeWriter::Written written = writer_.OfExpiry(envelope, late_);
  EXPECT_THAT(StatesOf(written.result.envelope),
              ElementsAre(State::kDelivered, State::kFailed, State::kFailed, State::kFailed));
  EXPECT_THAT(written.result.history.at(0).recipients,
              ElementsAre("b@example.net", "d@example.net"));
  ASSERT_THAT(AddressesOf(written.failed), ElementsAre("b@example.net", "d@example.net"));
  EXPECT_EQ(written.failed[0].detail, "450 4.2.0 greylisted");
  EXPECT_EQ(written.failed[1].detail, "450 4.2.0 mailbox full");
}

TEST_F(OutcomeExpiryTest, DeleteTellsTheSenderNothingOfTls) {
  settings_.tls_expiry_action = TlsExpiryAction::kDelete;
  const OutcomeWriter::Written tls = writer_.OfExpiry(AfterTlsFailure(), late_);
  EXPECT_THAT(tls.failed, IsEmpty());
  EXPECT_FALSE(queue::HasPending(tls.result.envelope));
  EXPECT_EQ(tls.result.history.at(0).outcome, queue::Outcome::kDeletedTlsPolicy);
  queue::Envelope required = AfterTlsFailure();
  required.require_tls = true;  // RFC 8689 §4.2.1: is told all the same
  EXPECT_THAT(writer_.OfExpiry(required, late_).failed, SizeIs(1));
  const OutcomeWriter::Written other =
      writer_.OfExpiry(After(Sent({Deferred()}), {"bob@example.net"}), late_);
  EXPECT_THAT(other.failed, SizeIs(1));
}

TEST_F(OutcomeExpiryTest, TheNullSenderIsToldNothing) {
  queue::Envelope envelope = AfterTlsFailure();
  envelope.sender = "";
  const OutcomeWriter::Written written = writer_.OfExpiry(envelope, late_);
  EXPECT_THAT(written.failed, IsEmpty());
  EXPECT_THAT(written.result.history, SizeIs(1));
  EXPECT_FALSE(queue::HasPending(written.result.envelope));
}

TEST_F(OutcomeExpiryTest, ASenderThatNothingCanBeSentToDoesNotKeepTheMessage) {
  for (const std::string sender : {"postmaster", "alice@\u0301a.example", "alice@"}) {
    queue::Envelope envelope = AfterTlsFailure();
    envelope.sender = sender;
    const OutcomeWriter::Written expired = writer_.OfExpiry(envelope, late_);
    EXPECT_THAT(expired.failed, IsEmpty()) << sender;
    EXPECT_FALSE(queue::HasPending(expired.result.envelope));
    EXPECT_THAT(writer_.OfAttempt(envelope, Sent({Failed()}), kNow).failed, IsEmpty()) << sender;
  }
}

TEST_F(OutcomeExpiryTest, TheNotification) {
  const queue::Envelope envelope = AfterTlsFailure();
  io::Body original = io::Body::Copy("Received: from a\r\nSubj");
  original.Append(io::Chunk::Copy("ect: hello\r\n\r\nthe secret body\r\n"));
  const queue::NewMessage message = NotificationOf(writer_.OfExpiry(envelope, late_), original);

  ASSERT_THAT(message.envelopes, SizeIs(1));
  const queue::Envelope& reply = message.envelopes[0];
  EXPECT_EQ(reply.id, message.id);
  EXPECT_NE(reply.id, envelope.id);
  EXPECT_EQ(reply.sender, "");  // RFC 3464 §2: no loops
  EXPECT_EQ(reply.destination, "example.com");
  ASSERT_THAT(reply.recipients, SizeIs(1));
  EXPECT_EQ(reply.recipients[0].address, "alice@example.com");
  EXPECT_EQ(reply.recipients[0].state, State::kPending);
  EXPECT_EQ(reply.accepted_at, late_);
  EXPECT_EQ(reply.deadline, late_ + settings_.queue_lifetime);
  EXPECT_FALSE(reply.smtputf8);
  EXPECT_FALSE(reply.last_failure.has_value());

  const std::string text = message.body.Flatten();
  EXPECT_THAT(text, HasSubstr("To: <alice@example.com>\r\n"));
  EXPECT_THAT(text, HasSubstr("From: Mail Delivery System <MAILER-DAEMON@gw.example.com>\r\n"));
  EXPECT_THAT(text, HasSubstr("Final-Recipient: rfc822; bob@example.net\r\n"));
  EXPECT_THAT(text, HasSubstr("Remote-MTA: dns; mx.example.net\r\n"));
  EXPECT_THAT(text, HasSubstr("Status: 5.7.5\r\n"));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("X-Sluice-Message-ID: ", envelope.id.ToString())));
  EXPECT_THAT(text, HasSubstr(absl::StrCat("<", message.id.ToString(), "@gw.example.com>")));
  EXPECT_THAT(text, HasSubstr("Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nSubject: hello\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("the secret body")));
  EXPECT_TRUE(absl::EndsWith(text, "--\r\n"));
}

TEST_F(OutcomeExpiryTest, TheNotificationGoesToTheSendersDomainWhateverItLooksLike) {
  struct Case {
    std::string sender;
    std::string destination;
    bool smtputf8;
  };
  for (const Case& c : {Case{"alice@Example.ORG", "example.org", false},
                        Case{"\"a@b\"@example.org", "example.org", false},
                        Case{"alice@[192.0.2.7]", "[192.0.2.7]", false},
                        Case{"älice@bücher.example", "xn--bcher-kva.example", true}}) {
    queue::Envelope envelope = After(Sent({Deferred()}), {"bob@example.net"});
    envelope.sender = c.sender;
    const queue::NewMessage message =
        NotificationOf(writer_.OfExpiry(envelope, late_), io::Body::Copy("Subject: x\r\n\r\n"));
    EXPECT_EQ(message.envelopes.at(0).destination, c.destination);
    EXPECT_EQ(message.envelopes.at(0).recipients.at(0).address, c.sender);
    EXPECT_EQ(message.envelopes.at(0).smtputf8, c.smtputf8) << c.sender;
    EXPECT_TRUE(queue::CheckDestination(message.envelopes[0].destination).ok());
  }
}

TEST_F(OutcomeExpiryTest, NoNotificationCanBeMadeForTheNullSender) {
  OutcomeWriter::Written written = writer_.OfExpiry(AfterTlsFailure(), late_);
  written.result.envelope.sender = "";
  EXPECT_DEATH(NotificationOf(written, io::Body::Copy("x")), "CanBeTold");
}

}  // namespace
}  // namespace sluice::relay
