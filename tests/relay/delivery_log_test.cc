// The one line for each attempt, and the verdict in it.
#include "engine/relay/delivery_log.h"

#include "engine/base/log.h"
#include "tests/relay/outcome_fixture.h"
#include "tests/relay/test_entries.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class DeliveryLogTest : public OutcomeTest {
 protected:
  DeliveryLogTest() {
    log::Configure(log::Level::kInfo, log::Format::kText);
    log::SetSink([this](log::Level level, absl::string_view line) {
      EXPECT_EQ(level, log::Level::kInfo);
      lines_.emplace_back(line.data(), line.size());
    });
  }
  ~DeliveryLogTest() override { log::SetSink(nullptr); }

  // The line for an attempt that ended 1.5 s after acceptance.
  std::string LineOf(queue::Envelope envelope, const AttemptReport& report) {
    const absl::Time now = kNow + absl::Milliseconds(1500);
    LogDelivery(writer_.OfAttempt(std::move(envelope), report, now), report, now);
    EXPECT_EQ(lines_.size(), 1u);
    std::string line = lines_.empty() ? "" : lines_.back();
    lines_.clear();
    return line;
  }

  static void SpeakTls(AttemptReport& report) {
    tls::ConnectionInfo& tls = report.server->facts.tls.emplace();
    tls.version_name = "TLSv1.3";
    tls.cipher = "TLS_AES_256_GCM_SHA384";
  }

  std::vector<std::string> lines_;
};

TEST_F(DeliveryLogTest, TellsWhatAndHow) {
  AttemptReport report = Sent({Delivered()});
  SpeakTls(report);
  report.policy.pattern = "*.net";
  report.server->authenticated = true;
  report.server->decided_by = "entry+dane";
  report.server->source = "192.0.2.7";
  const queue::Envelope envelope = EnvelopeTo({"bob@example.net"});
  EXPECT_EQ(LineOf(envelope, report),
            "delivery id=" + envelope.id.ToString() +
                " from=alice@example.com to=bob@example.net domain=example.net mx=mx.example.net "
                "address=192.0.2.1:25 source=192.0.2.7 tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 "
                "verdict=verified "
                "entry=*.net decided_by=entry+dane stage=final outcome=delivered delivered=1 "
                "deferred=0 failed=0 "
                "delay_ms=1500 reply=\"250 2.0.0 queued\"");
}

TEST_F(DeliveryLogTest, OneLineWhateverBecameOfEach) {
  EXPECT_THAT(
      LineOf(EnvelopeTo({"a@example.net", "b@example.net", "c@example.net"}),
             Sent({Delivered(), Deferred(), Failed()})),
      HasSubstr(" stage=rcpt outcome=deferred delivered=1 deferred=1 failed=1 delay_ms=1500 "
                "reply=\"450 4.2.0 greylisted\""));
  EXPECT_THAT(LineOf(EnvelopeTo({"a@example.net", "b@example.net"}), Sent({Delivered(), Failed()})),
              HasSubstr(" outcome=failed delivered=1 deferred=0 failed=1 "));
}

TEST_F(DeliveryLogTest, NamesAFewOfManyRecipients) {
  const std::vector<std::string> seven(7, "a@example.net");
  const std::string five = "a@example.net,a@example.net,a@example.net,a@example.net,a@example.net";
  EXPECT_THAT(LineOf(EnvelopeTo(seven), Sent({7, Delivered()})),
              HasSubstr(" to=" + five + ",... domain="));
  EXPECT_THAT(LineOf(EnvelopeTo({seven.begin(), seven.begin() + 5}), Sent({5, Delivered()})),
              HasSubstr(" to=" + five + " domain="));
}

TEST_F(DeliveryLogTest, WhatThePeerSaysIsEscapedAndBounded) {
  const std::string line =
      LineOf(EnvelopeTo({"bob@example.net"}), Sent({Failed("\x1b[2J\x07no\r\ninfo forged\xff")}));
  EXPECT_THAT(line, HasSubstr(R"(reply="550 5.1.1 \033[2J\007no\r info forged\377")"));
  EXPECT_LT(
      LineOf(EnvelopeTo({"bob@example.net"}), Sent({Failed(std::string(100'000, 'x'))})).size(),
      2000u);
}

TEST_F(DeliveryLogTest, VerdictOfWhatWasSent) {
  AttemptReport report = Sent({Delivered()});
  EXPECT_EQ(TlsVerdict(report), "plain");
  SpeakTls(report);
  EXPECT_EQ(TlsVerdict(report), "encrypted") << "the certificate was not asked for";
  report.server->authenticated = true;
  EXPECT_EQ(TlsVerdict(report), "verified");
}

TEST_F(DeliveryLogTest, VerdictOfWhatFailed) {
  EXPECT_EQ(TlsVerdict(FailedWith(TlsFailure(tls::Reason::kNameMismatch, "other"))),
            "failed:name_mismatch");
  EXPECT_EQ(TlsVerdict(FailedWith(FailureAt(smtp::Stage::kDns, "no such host"))), "none");
  EXPECT_EQ(TlsVerdict(FailedWith(FailureAt(smtp::Stage::kConnect, "refused"))), "none");
  AttemptReport report = FailedWith(FailureAt(smtp::Stage::kPostEhlo, "closed"));
  SpeakTls(report);
  report.server->authenticated = true;
  EXPECT_EQ(TlsVerdict(report), "verified") << "TLS is not what failed";
}

}  // namespace
}  // namespace sluice::relay
