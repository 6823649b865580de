#include "engine/smtp/dsn.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/smtp/dsn_text.h"
#include "engine/smtp/dsn_words.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/smtp/dsn_samples.h"

namespace sluice::smtp {
namespace {

using testing::HasSubstr;
using testing::Not;

// With line ends as C++ writes them.
std::string TextOf(const std::string& name) {
  const DsnSample& sample = DsnSampleNamed(name);
  const Dsn dsn = MakeDsn(sample.request, io::Body::Copy(sample.original));
  return absl::StrReplaceAll(dsn.text, {{"\r\n", "\n"}});
}

TEST(DsnTest, TlsPolicyToTheLetter) {
  EXPECT_EQ(TextOf("tls_policy"), R"(Date: Tue, 21 Nov 2023 22:13:20 +0000
From: Mail Delivery System <MAILER-DAEMON@gw.example.com>
To: <alice@example.com>
Subject: Mail not delivered: it could not be sent securely
Message-ID: <01JDSN.7f@gw.example.com>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="=_01JDSN.7f"

This is a delivery status notification in MIME format.

--=_01JDSN.7f
Content-Description: Explanation
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

This is the mail gateway gw.example.com.

Your message could not be sent securely within 7 days. It was never sent
without protection, and has now been deleted because of TLS policy. It did
not reach:

  <bob@example.net>
    The mail server for example.net could not prove that it is the right
    one: its certificate was issued for another name.
    (For the administrator: TLS name_mismatch: the certificate is for
    www.example.net)

Mail to this recipient has to be encrypted on its way (TLS), and this
gateway does not make exceptions. Nothing is wrong with your message. The
fault has to be mended where the recipient's mail is received: please ask
the recipient, by another way, to show this report to whoever runs their
mail server, and then send the message again.

The headers of your message are attached. Its number at this gateway is
01JMSG.

--=_01JDSN.7f
Content-Description: Delivery report
Content-Type: message/delivery-status
Content-Transfer-Encoding: 7bit

Reporting-MTA: dns; gw.example.com
X-Sluice-Message-ID: 01JMSG
Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000

Final-Recipient: rfc822; bob@example.net
Action: failed
Status: 5.7.5
Remote-MTA: dns; mx.example.net
Diagnostic-Code: x-sluice-tls; name_mismatch: the certificate is for www.example.net
Last-Attempt-Date: Tue, 21 Nov 2023 21:13:20 +0000

--=_01JDSN.7f
Content-Description: Headers of the message
Content-Type: text/rfc822-headers
Content-Transfer-Encoding: 7bit

From: alice@example.com
To: bob@example.net

--=_01JDSN.7f--
)");
}

TEST(DsnTest, ExplainsARejection) {
  const std::string text = TextOf("rejected");
  EXPECT_THAT(text, HasSubstr(R"(Your message could not be delivered to:

  <bob@example.net>
    The last answer of the server mx.example.net: 550 5.1.1 No such user See
    example.net/help

  <carol@example.net>
    The last answer of the server mx.example.net: 554 no

It will not be tried again.)"));
}

TEST(DsnTest, DoesNotPutOurWordsIntoTheServersMouth) {
  DsnRequest request = DsnSampleNamed("rejected").request;
  request.recipients.resize(1);
  request.recipients[0].reply = Reply{553, EnhancedStatus{5, 6, 7}, "no SMTPUTF8 there"};
  request.recipients[0].reply_is_local = true;
  const std::string text = MakeDsn(request, io::Body()).text;
  EXPECT_THAT(text, HasSubstr("It could not be handed to the server mx.example.net: no SMTPUTF8"));
  EXPECT_THAT(text, HasSubstr("Diagnostic-Code: x-sluice; 553 5.6.7 no SMTPUTF8 there\r\n"));
  EXPECT_THAT(text, HasSubstr("Status: 5.6.7\r\n"));
}

TEST(DsnTest, ExplainsAnExpiry) {
  const std::string text = TextOf("expired");
  EXPECT_THAT(text, HasSubstr("could not be delivered within 7 days"));
  EXPECT_THAT(text,
              HasSubstr("The last attempt failed: connect to 192.0.2.1:25: Connection refused\n"));
  EXPECT_THAT(text, HasSubstr("Status: 4.4.7\n"));
  EXPECT_THAT(text, Not(HasSubstr("Remote-MTA")));
}

TEST(DsnTest, SaysThatAMessageWaitsAndForWhat) {
  const std::string text = TextOf("delayed");
  EXPECT_THAT(text, HasSubstr("Subject: Mail not delivered yet\n"));
  EXPECT_THAT(text, HasSubstr(R"(Your message has been waiting for 4 hours. It has not been deleted. So far
it could not be delivered to:

  <bob@example.net>
    The mail server for example.net does not offer encryption (STARTTLS).
    (For the administrator: TLS not_offered: 250 mx.example.net)

You need not do anything, and should not send it again: this gateway goes on
trying until Tue, 21 Nov 2023 22:13:20 +0000, and tells you if it has to
give up. Mail to this recipient has to be encrypted on its way (TLS); until
that can be done, your message waits here and is not sent without
protection.
)"));
  EXPECT_THAT(text, HasSubstr(R"(
Original-Envelope-Id: QQ+314159
Reporting-MTA: dns; gw.example.com
X-Sluice-Message-ID: 01JMSG
Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000

Original-Recipient: rfc822; bob+old@example.net
Final-Recipient: rfc822; bob@example.net
Action: delayed
Status: 4.7.4
Remote-MTA: dns; mx.example.net
Diagnostic-Code: x-sluice-tls; not_offered: 250 mx.example.net
Last-Attempt-Date: Wed, 15 Nov 2023 02:12:20 +0000
Will-Retry-Until: Tue, 21 Nov 2023 22:13:20 +0000
)"));
}

TEST(DsnTest, SaysOfADelayWhateverElseIsTheReason) {
  DsnRequest request = DsnSampleNamed("delayed").request;
  DsnRecipient& recipient = request.recipients[0];
  recipient.tls_reason.reset();
  recipient.reply = Reply{450, EnhancedStatus{4, 2, 0}, "greylisted"};
  std::string text = MakeDsn(request, io::Body()).text;
  EXPECT_THAT(text, HasSubstr("Status: 4.2.0\r\n"));
  EXPECT_THAT(text, HasSubstr("mx.example.net: 450 4.2.0 greylisted\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("encrypted")));
  recipient.reply.reset();
  text = MakeDsn(request, io::Body()).text;
  EXPECT_THAT(text, HasSubstr("Status: 4.0.0\r\n"));
}

TEST(DsnTest, SaysThatAMessageWasPassedOn) {
  const std::string text = TextOf("relayed");
  EXPECT_THAT(text, HasSubstr("Subject: Mail passed on\n"));
  EXPECT_THAT(text, HasSubstr("Action: relayed\nStatus: 2.6.0\n"));
  EXPECT_THAT(text, HasSubstr("Diagnostic-Code: smtp; 250 2.6.0 queued\n"));
}

// RFC 8689 §4.2.1.
TEST(DsnTest, NamesWhatRequireTlsDidNotGet) {
  DsnRequest request = DsnSampleNamed("tls_policy").request;
  request.require_tls = true;
  EXPECT_THAT(MakeDsn(request, io::Body()).text, HasSubstr("Status: 5.7.10\r\n"));
  request = DsnSampleNamed("rejected").request;
  request.require_tls = true;
  request.recipients.resize(1);
  request.recipients[0].reply = Reply{550, EnhancedStatus{5, 7, 30}, "no REQUIRETLS"};
  request.recipients[0].reply_is_local = true;
  const std::string text =
      absl::StrReplaceAll(MakeDsn(request, io::Body()).text, {{"\r\n    ", " "}});
  EXPECT_THAT(text, HasSubstr("Status: 5.7.30\r\n"));
  EXPECT_THAT(text, HasSubstr("(REQUIRETLS), which the server mx.example.net does not support."));
}

TEST(DsnTest, NeedsSmtputf8OnlyForAnInternationalizedSender) {
  for (const DsnSample& sample : DsnSamples()) {
    const Dsn dsn = MakeDsn(sample.request, io::Body::Copy(sample.original));
    EXPECT_EQ(dsn.smtputf8, sample.name == "internationalized") << sample.name;
  }
}

TEST(DsnTest, IsTheSameForTheSameRequest) { EXPECT_EQ(TextOf("hostile"), TextOf("hostile")); }

TEST(DsnTest, ReturnsHeadersOnlyAndNotTooMuchOfThem) {
  DsnRequest request = DsnSampleNamed("expired").request;
  const auto returned = [&request](absl::string_view original) {
    const std::string text = MakeDsn(request, io::Body::Copy(original)).text;
    const std::string start =
        "Content-Type: text/rfc822-headers\r\n"
        "Content-Transfer-Encoding: 7bit\r\n\r\n";
    const size_t at = text.find(start);
    EXPECT_NE(at, std::string::npos);
    const size_t end = text.find("\r\n--=_", at + start.size());
    return text.substr(at + start.size(), end - at - start.size());
  };
  EXPECT_EQ(returned("A: 1\r\nB: 2\r\n\r\nbody\r\n"), "A: 1\r\nB: 2\r\n");
  EXPECT_EQ(returned("A: 1\r\n"), "A: 1\r\n");
  EXPECT_EQ(returned("\r\nbody\r\n"), "");
  EXPECT_EQ(returned(""), "");
  EXPECT_EQ(returned("A: 1\r\nB: cut"), "A: 1\r\n");
  std::string large;
  while (large.size() < 3 * kDsnHeaderBytes) large += "X-Field: 0123456789\r\n";
  const std::string kept = returned(large);
  EXPECT_LE(kept.size(), kDsnHeaderBytes);
  EXPECT_GT(kept.size(), kDsnHeaderBytes - 21);
  EXPECT_TRUE(absl::StartsWith(large, kept) && absl::EndsWith(kept, "\r\n"));
}

TEST(DsnTest, EncodesHeadersThatCouldNotStandAsTheyAre) {
  const DsnRequest& request = DsnSampleNamed("expired").request;
  const std::string longest(996, 'x');
  const std::vector<std::pair<std::string, bool>> cases = {
      {"A: 1\r\n", true},
      {"A: 1\r\n\tfolded -- so\r\n", true},
      {absl::StrCat("X:", longest, "\r\n"), true},
      {absl::StrCat("X: ", longest, "\r\n"), false},
      {"--=_01JDSN.7f--\r\n", false},
      {"A: 1\r\n--\r\n", false},
      {"A: \x1b[2J\r\n", false},
      {"A: 1\rB: 2\r\n", false},
      {"A: 1\nB: 2\r\n", false},
      {"A: \xff\r\n", false}};
  for (const auto& [headers, as_they_are] : cases) {
    SCOPED_TRACE(headers);
    const std::string text = MakeDsn(request, io::Body::Copy(headers)).text;
    const size_t part = text.find("Content-Type: text/rfc822-headers\r\n");
    ASSERT_NE(part, std::string::npos);
    EXPECT_THAT(text.substr(part), HasSubstr(as_they_are ? "Encoding: 7bit\r\n\r\n" + headers
                                                         : "Encoding: quoted-printable\r\n\r\n" +
                                                               QuotedPrintable(headers)));
  }
}

TEST(DsnTest, TakesHeadersOutOfABodyCutAnywhere) {
  const DsnSample& sample = DsnSampleNamed("rejected");
  const std::string whole = MakeDsn(sample.request, io::Body::Copy(sample.original)).text;
  for (size_t cut = 0; cut <= sample.original.size(); ++cut) {
    io::Body body;
    body.Append(io::Chunk::Copy(absl::string_view(sample.original).substr(0, cut)));
    body.Append(io::Chunk::Copy(absl::string_view(sample.original).substr(cut)));
    EXPECT_EQ(MakeDsn(sample.request, body).text, whole);
  }
}

TEST(DsnDeathTest, IsNeverMadeForTheNullSender) {
  DsnRequest request = DsnSampleNamed("rejected").request;
  request.sender = "";
  EXPECT_DEATH(MakeDsn(request, io::Body()), "sender");
}

TEST(DsnDeathTest, TheReasonOfATlsFailureIsNotLeftOut) {
  DsnRequest request = DsnSampleNamed("tls_policy").request;
  request.recipients[0].tls_reason.reset();
  EXPECT_DEATH(MakeDsn(request, io::Body()), "tls_reason");
}

TEST(DsnWordsTest, EveryTlsReasonHasWordsOfItsOwn) {
  std::vector<std::string> all;
  for (const Language language : {Language::kEnglish, Language::kGerman}) {
    for (int i = 0; i <= static_cast<int>(tls::Reason::kProtocol); ++i) {
      const std::string words =
          WordsIn(language).TlsReason(static_cast<tls::Reason>(i), "example.net");
      EXPECT_THAT(words, HasSubstr("example.net"));
      EXPECT_TRUE(IsUtf8(words) && absl::EndsWith(words, ".")) << words;
      EXPECT_THAT(all, Not(testing::Contains(words)));
      all.push_back(words);
    }
  }
}

TEST(DsnWordsTest, EveryCauseHasASubjectAndWordsOfItsOwn) {
  std::vector<std::string> all;
  for (const Language language : {Language::kEnglish, Language::kGerman}) {
    const DsnWords& words = WordsIn(language);
    for (const DsnCause cause : {DsnCause::kRejected, DsnCause::kExpired, DsnCause::kTlsPolicy,
                                 DsnCause::kReturned, DsnCause::kDelayed, DsnCause::kRelayed}) {
      const std::string subject(words.Subject(cause));
      EXPECT_TRUE(std::all_of(subject.begin(), subject.end(), absl::ascii_isprint)) << subject;
      const std::string introduction = words.Introduction(cause, absl::Hours(5));
      EXPECT_TRUE(IsUtf8(introduction) && absl::EndsWith(introduction, ":")) << introduction;
      for (const std::string& text : {subject, introduction}) {
        EXPECT_THAT(all, Not(testing::Contains(text)));
        all.push_back(text);
      }
      const std::string advice = words.Advice(cause, true, absl::FromUnixSeconds(1'700'000'000));
      EXPECT_TRUE(IsUtf8(advice) && absl::EndsWith(advice, ".")) << advice;
    }
  }
}

TEST(DsnWordsTest, DurationsInGermanStandInTheDative) {
  EXPECT_EQ(GermanWords().Duration(absl::Hours(168)), "7 Tagen");
  EXPECT_EQ(GermanWords().Duration(absl::Hours(24)), "einem Tag");
  EXPECT_EQ(GermanWords().Duration(absl::Hours(4)), "4 Stunden");
  EXPECT_EQ(GermanWords().Duration(absl::Hours(1)), "einer Stunde");
  EXPECT_EQ(GermanWords().Duration(absl::Minutes(5)), "5 Minuten");
  EXPECT_EQ(GermanWords().Duration(absl::Seconds(90)), "einer Minute");
  EXPECT_EQ(GermanWords().Duration(absl::Seconds(9)), "weniger als einer Minute");
}

TEST(DsnWordsTest, DurationsInEnglish) {
  EXPECT_EQ(EnglishWords().Duration(absl::Hours(168) + absl::Seconds(3)), "7 days");
  EXPECT_EQ(EnglishWords().Duration(absl::Hours(48)), "2 days");
  EXPECT_EQ(EnglishWords().Duration(absl::Hours(47)), "47 hours");
  EXPECT_EQ(EnglishWords().Duration(absl::Hours(24)), "1 day");
  EXPECT_EQ(EnglishWords().Duration(absl::Hours(1)), "1 hour");
  EXPECT_EQ(EnglishWords().Duration(absl::Minutes(90)), "90 minutes");
  EXPECT_EQ(EnglishWords().Duration(absl::Seconds(90)), "1 minute");
  EXPECT_EQ(EnglishWords().Duration(absl::Seconds(59)), "less than a minute");
  EXPECT_EQ(EnglishWords().Duration(-absl::Hours(5)), "less than a minute");
}

TEST(DsnTextTest, Dates) {
  EXPECT_EQ(MailDate(absl::FromUnixSeconds(0)), "Thu, 01 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(MailDate(absl::FromUnixSeconds(1'709'164'799)), "Wed, 28 Feb 2024 23:59:59 +0000");
  EXPECT_EQ(MailDate(absl::FromUnixSeconds(1'709'164'800)), "Thu, 29 Feb 2024 00:00:00 +0000");
}

TEST(DsnTextTest, OneLineLetsNothingThroughThatIsNotText) {
  EXPECT_EQ(OneLine("a\r\nb\tc\x7f", false), "a??b?c?");
  EXPECT_EQ(OneLine("gr\xc3\xbc\xc3\x9f", true), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(OneLine("gr\xc3\xbc", false), "gr?");
  // Broken, overlong, surrogate, beyond Unicode, cut off.
  EXPECT_EQ(OneLine("\xff|\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82", true),
            "?|??|???|????|??");
  EXPECT_EQ(OneLine("\xf0\x9f\x93\xa7", true), "\xf0\x9f\x93\xa7");
  EXPECT_LT(OneLine(std::string(100'000, 'x'), false).size(), 700u);
}

TEST(DsnTextTest, QuotedPrintableKeepsItsLinesShort) {
  EXPECT_EQ(QuotedPrintable("plain text\r\n"), "plain text\r\n");
  EXPECT_EQ(QuotedPrintable("a=b\r\n"), "a=3Db\r\n");
  EXPECT_EQ(QuotedPrintable("end \r\nend\t\r\n "), "end=20\r\nend=09\r\n=20");
  EXPECT_EQ(QuotedPrintable("a\nb\rc\xc3"), "a=0Ab=0Dc=C3");
  EXPECT_EQ(QuotedPrintable(std::string(80, 'x')),
            absl::StrCat(std::string(75, 'x'), "=\r\n", std::string(5, 'x')));
  EXPECT_EQ(QuotedPrintable(std::string(74, 'x') + "\xff"),
            absl::StrCat(std::string(74, 'x'), "=\r\n=FF"));
}

}  // namespace
}  // namespace sluice::smtp
