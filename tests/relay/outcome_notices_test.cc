// Who is told what of an attempt: NOTIFY= of RFC 3461, and the notices of delay.
#include "absl/strings/str_cat.h"
#include "engine/relay/notices.h"
#include "tests/relay/outcome_fixture.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class OutcomeNoticesTest : public OutcomeTest {
 protected:
  OutcomeNoticesTest() { settings_.delay_notices = {absl::Hours(4), absl::Hours(24)}; }

  // One recipient for each way to ask, named after it.
  queue::Envelope Asking() {
    queue::Envelope envelope =
        EnvelopeTo({"silent@example.net", "never@example.net", "success@example.net",
                    "failure@example.net", "delay@example.net", "damaged@example.net"});
    envelope.recipients[1].notify = "NEVER";
    envelope.recipients[2].notify = "SUCCESS";
    envelope.recipients[3].notify = "FAILURE";
    envelope.recipients[4].notify = "DELAY";
    envelope.recipients[5].notify = "ALWAYS";
    return envelope;
  }
  static AttemptReport SentToAll(smtp::RecipientResult result) { return Sent({6, result}); }
  OutcomeWriter::Written After(queue::Envelope envelope, absl::Duration age) {
    const absl::Time at = envelope.accepted_at + age;
    return writer_.OfAttempt(std::move(envelope), SentToAll(Deferred()), at);
  }
};

TEST_F(OutcomeNoticesTest, WhoAsksForItHearsThatItWasPassedOnToAServerWithoutDsn) {
  AttemptReport report = SentToAll(Delivered());
  EXPECT_THAT(AddressesOf(writer_.OfAttempt(Asking(), report, kNow).relayed),
              ElementsAre("success@example.net"));
  report.server->facts.capabilities.dsn = true;  // then that server tells
  EXPECT_THAT(writer_.OfAttempt(Asking(), report, kNow).relayed, IsEmpty());
}

TEST_F(OutcomeNoticesTest, WhoDoesNotAskOtherwiseHearsOfAFailure) {
  const auto told = ElementsAre("silent@example.net", "failure@example.net", "damaged@example.net");
  EXPECT_THAT(AddressesOf(writer_.OfAttempt(Asking(), SentToAll(Failed()), kNow).failed), told);
  EXPECT_THAT(AddressesOf(writer_.OfExpiry(Asking(), kNow + absl::Hours(168)).failed), told);
  EXPECT_THAT(AddressesOf(writer_.OfReturn(Asking(), {.by = "a", .why = "b"}, kNow).failed), told);
}

TEST_F(OutcomeNoticesTest, NobodyIsToldDoesNotMeanThatNothingIsWritten) {
  queue::Envelope envelope = EnvelopeTo({"bob@example.net"});
  envelope.recipients[0].notify = "NEVER";
  const OutcomeWriter::Written written = writer_.OfAttempt(envelope, Sent({Failed()}), kNow);
  EXPECT_THAT(written.failed, IsEmpty());
  EXPECT_EQ(written.refused, 1);
  EXPECT_THAT(written.result.history, SizeIs(1));
  EXPECT_FALSE(queue::HasPending(written.result.envelope));
}

TEST_F(OutcomeNoticesTest, EachNoticeOfDelayComesOnceWithTheFirstAttemptAfterItsTime) {
  queue::Envelope envelope = Asking();
  std::string told;
  for (const int minutes : {5, 200, 239, 240, 300, 1000, 1439, 1441, 1600, 9000}) {
    OutcomeWriter::Written written = After(envelope, absl::Minutes(minutes));
    if (!written.delayed.empty()) absl::StrAppend(&told, minutes, " ");
    envelope = written.result.envelope;
  }
  EXPECT_EQ(told, "240 1441 ");
  EXPECT_EQ(envelope.delays_told, 2);
}

TEST_F(OutcomeNoticesTest, ADelayIsToldOfThoseThatWaitAndWantToKnow) {
  const OutcomeWriter::Written written = After(Asking(), absl::Hours(5));
  EXPECT_THAT(AddressesOf(written.delayed),
              ElementsAre("silent@example.net", "delay@example.net", "damaged@example.net"));
  EXPECT_THAT(written.failed, IsEmpty());
  queue::Envelope envelope = EnvelopeTo({"a@example.net", "b@example.net", "c@example.net"});
  const OutcomeWriter::Written mixed =
      writer_.OfAttempt(envelope, Sent({Delivered(), Deferred(), Failed()}), kNow + absl::Hours(5));
  EXPECT_THAT(AddressesOf(mixed.delayed), ElementsAre("b@example.net"));
  EXPECT_THAT(AddressesOf(mixed.failed), ElementsAre("c@example.net"));
}

TEST_F(OutcomeNoticesTest, SeveralThatHaveComeDueAreOneNotice) {
  const OutcomeWriter::Written written = After(Asking(), absl::Hours(30));
  EXPECT_THAT(written.delayed, Not(IsEmpty()));
  EXPECT_EQ(written.result.envelope.delays_told, 2);
}

TEST_F(OutcomeNoticesTest, NoNoticeOfDelayWithoutAFlagNorInFrontOfAFailureNorToNobody) {
  EXPECT_THAT(After(Asking(), absl::Hours(168)).delayed, IsEmpty());  // the deadline
  queue::Envelope from_nobody = Asking();
  from_nobody.sender = "";
  EXPECT_THAT(After(from_nobody, absl::Hours(5)).delayed, IsEmpty());
  settings_.delay_notices.clear();
  EXPECT_THAT(After(Asking(), absl::Hours(100)).delayed, IsEmpty());
}

TEST_F(OutcomeNoticesTest, ANoticeThatIsPutOffComesWithTheNextAttempt) {
  OutcomeWriter::Written written = After(Asking(), absl::Hours(5));
  written.PutOffDelayNotice();
  EXPECT_THAT(written.TakeNotices(), IsEmpty());
  EXPECT_EQ(written.result.envelope.delays_told, 0);
  EXPECT_THAT(After(written.result.envelope, absl::Hours(6)).delayed, Not(IsEmpty()));
}

// No attempt is made while a whole domain waits; its senders hear of it all the same.
TEST_F(OutcomeNoticesTest, WhatIsParkedIsToldOfToo) {
  queue::Envelope envelope = Asking();
  envelope.last_failure = queue::AttemptFailure{.at = kNow,
                                                .tls = true,
                                                .stage = "starttls",
                                                .reason = "not_offered",
                                                .mx = "mx.example.net",
                                                .address = "192.0.2.1:25",
                                                .text = "no STARTTLS"};
  const absl::Time accepted = envelope.accepted_at;
  EXPECT_EQ(writer_.NextDelayNotice(envelope, kNow), accepted + absl::Hours(4));
  const OutcomeWriter::Written early = writer_.OfStillParked(envelope, accepted + absl::Hours(1));
  EXPECT_THAT(early.delayed, IsEmpty());
  const OutcomeWriter::Written written = writer_.OfStillParked(envelope, accepted + absl::Hours(4));
  EXPECT_THAT(AddressesOf(written.delayed),
              ElementsAre("silent@example.net", "delay@example.net", "damaged@example.net"));
  EXPECT_EQ(written.delayed[0].tls_reason, tls::Reason::kNotOffered);
  EXPECT_TRUE(written.result.park);
  EXPECT_FALSE(written.result.attempted);
  EXPECT_THAT(written.result.history, IsEmpty());
  EXPECT_EQ(writer_.NextDelayNotice(written.result.envelope, accepted + absl::Hours(4)),
            accepted + absl::Hours(24));
  // Where nobody wants to know, or nobody is there, it is not looked at again.
  for (queue::Recipient& recipient : envelope.recipients) recipient.notify = "NEVER";
  EXPECT_EQ(writer_.NextDelayNotice(envelope, kNow), absl::InfiniteFuture());
  queue::Envelope from_nobody = Asking();
  from_nobody.sender = "";
  EXPECT_EQ(writer_.NextDelayNotice(from_nobody, kNow), absl::InfiniteFuture());
}

TEST_F(OutcomeNoticesTest, TheNoticeSaysWhyItWaitsAndHowLongItWill) {
  queue::Envelope envelope = EnvelopeTo({"bob@example.net"});
  envelope.envid = "QQ+2B1";
  envelope.recipients[0].orcpt = "rfc822;bob+2Bold@example.net";
  const absl::Time at = kNow + absl::Hours(4);
  OutcomeWriter::Written written = writer_.OfAttempt(
      envelope, FailedWith(TlsFailure(tls::Reason::kNotOffered, "no STARTTLS")), at);
  std::vector<Notice> notices = written.TakeNotices();
  ASSERT_THAT(notices, SizeIs(1));
  const queue::NewMessage message = writer_.Notification(
      written.result.envelope, notices[0], io::Body::Copy("Subject: hello\r\n\r\nsecret\r\n"), at);
  EXPECT_EQ(message.envelopes.at(0).sender, "");
  const std::string text = message.body.Flatten();
  EXPECT_THAT(text, HasSubstr("Original-Envelope-Id: QQ+1\r\n"));
  EXPECT_THAT(text, HasSubstr("Original-Recipient: rfc822; bob+old@example.net\r\n"));
  EXPECT_THAT(text, HasSubstr("Action: delayed\r\nStatus: 4.7.4\r\n"));
  EXPECT_THAT(text, HasSubstr("Will-Retry-Until: Tue, 21 Nov 2023 22:13:20 +0000\r\n"));
  EXPECT_THAT(text, HasSubstr("does not offer encryption"));
  EXPECT_THAT(text, HasSubstr("Auto-Submitted: auto-replied\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nSubject: hello\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
}

TEST_F(OutcomeNoticesTest, WhatIsAskedGoesAlongWithThoseThatArePending) {
  queue::Envelope envelope = Asking();
  envelope.envid = "QQ1";
  envelope.ret = "HDRS";
  envelope.recipients[0].state = State::kDelivered;
  envelope.recipients[2].orcpt = "rfc822;old@example.net";
  const smtp::OutgoingMessage message = OutgoingOf(envelope);
  EXPECT_EQ(message.envid, "QQ1");
  EXPECT_EQ(message.ret, "HDRS");
  ASSERT_THAT(message.recipient_parameters, SizeIs(5));
  EXPECT_EQ(message.recipient_parameters[0].notify, "NEVER");
  EXPECT_EQ(message.recipient_parameters[1].notify, "SUCCESS");
  EXPECT_EQ(message.recipient_parameters[1].orcpt, "rfc822;old@example.net");
}

// RFC 8689 §5.
TEST_F(OutcomeNoticesTest, TheNotificationOfARequireTlsMessageIsOneItself) {
  queue::Envelope envelope = EnvelopeTo({"bob@example.net"});
  envelope.require_tls = true;
  smtp::Failure failure = FailureAt(smtp::Stage::kPostEhlo, "no REQUIRETLS");
  failure.kind = smtp::Failure::Kind::kPermanent;
  failure.reply = Reply(550, {5, 7, 30}, "no REQUIRETLS");
  failure.local = true;
  OutcomeWriter::Written written = writer_.OfAttempt(envelope, FailedWith(failure), kNow);
  ASSERT_THAT(written.failed, SizeIs(1));
  const queue::NewMessage message = writer_.Notification(
      written.result.envelope, written.TakeNotices().at(0), io::Body::Copy("A: b\r\n\r\n"), kNow);
  EXPECT_TRUE(message.envelopes.at(0).require_tls);
  EXPECT_TRUE(OutgoingOf(message.envelopes[0]).require_tls);
  EXPECT_THAT(message.body.Flatten(), HasSubstr("Status: 5.7.30\r\n"));
}

TEST_F(OutcomeNoticesTest, InTheLanguageOfTheFlag) {
  settings_.dsn_language = smtp::Language::kGerman;
  OutcomeWriter::Written written =
      writer_.OfAttempt(EnvelopeTo({"bob@example.net"}), Sent({Failed()}), kNow);
  const queue::NewMessage message = writer_.Notification(
      written.result.envelope, written.TakeNotices().at(0), io::Body::Copy("A: b\r\n\r\n"), kNow);
  EXPECT_THAT(message.body.Flatten(),
              HasSubstr("Subject: Nachricht nicht zugestellt: vom Zielserver abgelehnt\r\n"));
}

TEST(DelayNoticesTest, AreAgesInOrder) {
  EXPECT_EQ(*ParseDelayNotices("4h,24h, 72h"),
            (std::vector<absl::Duration>{absl::Hours(4), absl::Hours(24), absl::Hours(72)}));
  EXPECT_THAT(*ParseDelayNotices(""), IsEmpty());
  for (const std::string bad : {"4", "h", "4h,", "4h,4h", "24h,4h", "0s", "-4h", "500ms"}) {
    EXPECT_FALSE(ParseDelayNotices(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace sluice::relay
