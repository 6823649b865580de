// Who may send from where, and to where: MAIL FROM and RCPT TO.
#include "absl/strings/str_cat.h"
#include "engine/relay/core_times.h"
#include "tests/relay/reception_fixture.h"

namespace sluice::relay {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class ReceptionEnvelopeTest : public ReceptionTest {};

TEST_F(ReceptionEnvelopeTest, AnEntryDemandsTlsOfTheMailOfItsDomain) {
  UseList({{{"pattern", ".example.com"}}});
  EXPECT_EQ(Mail("alice@Example.com"), "451 4.7.10 TLS required for example.com; use STARTTLS");
  EXPECT_EQ(Mail("alice@sub.example.com"),
            "451 4.7.10 TLS required for sub.example.com; use STARTTLS");
  EXPECT_EQ(Mail("alice@example.org"), "ok");
  EXPECT_EQ(counters_.tls_required.value(), 2u);
  client_.tls = &tls12_;
  EXPECT_EQ(Mail("alice@example.com"), "ok");
  client_.tls = &tls13_;
  EXPECT_EQ(Mail("alice@example.com"), "ok");
  EXPECT_EQ(counters_.tls_required.value(), 2u);
}

TEST_F(ReceptionEnvelopeTest, TheNullSenderHasNoDomain) {
  UseList({{{"pattern", "*"}}});
  EXPECT_EQ(Mail(""), "ok");
  EXPECT_THAT(History(), IsEmpty());
}

// Direction, mode, minimum version and action of the entry, each against every connection.
TEST_F(ReceptionEnvelopeTest, EachKindOfEntryOnEachKindOfConnection) {
  const tls::ConnectionInfo* const connections[] = {nullptr, &tls12_, &tls13_};
  constexpr char kDefer[] = "451 4.7.10 TLS required for example.com; use STARTTLS";
  constexpr char kReject[] = "530 5.7.10 TLS required for example.com; use STARTTLS";
  constexpr char kDefer13[] = "451 4.7.10 TLS 1.3 required for example.com";
  constexpr char kReject13[] = "530 5.7.10 TLS 1.3 required for example.com";
  struct Case {
    Fields fields;
    const char* expected[3];  // in clear, TLS 1.2, TLS 1.3
  };
  const Case cases[] = {
      {{{"pattern", "example.com"}}, {kDefer, "ok", "ok"}},
      {{{"pattern", "example.com"}, {"direction", "inbound"}}, {kDefer, "ok", "ok"}},
      {{{"pattern", "example.com"}, {"direction", "outbound"}}, {"ok", "ok", "ok"}},
      {{{"pattern", "example.com"}, {"mode", "off"}}, {"ok", "ok", "ok"}},
      {{{"pattern", "example.com"}, {"mode", "monitor"}}, {"ok", "ok", "ok"}},
      {{{"pattern", "example.com"}, {"mode", "monitor"}, {"minimum_version", "1.3"}},
       {"ok", "ok", "ok"}},
      {{{"pattern", "example.com"}, {"inbound_action", "reject"}}, {kReject, "ok", "ok"}},
      {{{"pattern", "example.com"}, {"minimum_version", "1.3"}}, {kDefer, kDefer13, "ok"}},
      {{{"pattern", "example.com"}, {"minimum_version", "1.3"}, {"inbound_action", "reject"}},
       {kReject, kReject13, "ok"}},
      // What the level says of certificates is about servers.
      {{{"pattern", "example.com"}, {"level", "secure"}}, {kDefer, "ok", "ok"}},
  };
  for (const Case& c : cases) {
    UseList({c.fields});
    std::string shown;
    for (const auto& [name, value] : c.fields) absl::StrAppend(&shown, name, "=", value, " ");
    SCOPED_TRACE(shown);
    for (size_t i = 0; i < 3; ++i) {
      client_.tls = connections[i];
      EXPECT_EQ(Mail("alice@example.com"), c.expected[i]) << i;
    }
  }
}

TEST_F(ReceptionEnvelopeTest, MonitorModeCountsWhatItWouldHaveRefused) {
  UseList({{{"pattern", "example.com"}, {"mode", "monitor"}, {"minimum_version", "1.3"}}});
  Mail("alice@example.com");
  client_.tls = &tls12_;
  Mail("alice@example.com");
  client_.tls = &tls13_;
  Mail("alice@example.com");
  EXPECT_EQ(counters_.tls_would_be_required.value(), 2u);
  EXPECT_EQ(counters_.tls_required.value(), 0u);
  const std::vector<queue::HistoryEntry> history = History();
  ASSERT_THAT(history, SizeIs(2));
  for (const queue::HistoryEntry& entry : history) {
    EXPECT_EQ(entry.outcome, queue::Outcome::kWouldRefuse);
    EXPECT_TRUE(entry.monitored);
    EXPECT_FALSE(entry.tls);
    EXPECT_EQ(entry.domain, "example.com");
    EXPECT_EQ(entry.entry, "example.com");
  }
}

TEST_F(ReceptionEnvelopeTest, AnExemptionInsideAWildcardExempts) {
  UseList({{{"pattern", "*.example.com"}}, {{"pattern", "old.example.com"}, {"mode", "off"}}});
  EXPECT_EQ(Mail("alice@old.example.com"), "ok");
  EXPECT_THAT(Mail("alice@new.example.com"), StartsWith("451 4.7.10"));
}

TEST_F(ReceptionEnvelopeTest, ARefusalStandsInTheHistory) {
  UseList({{{"pattern", ".example.com"}, {"minimum_version", "1.3"}}});
  Mail("alice@a.example.com");
  client_.tls = &tls12_;
  Mail("bob@b.example.com");
  const std::vector<queue::HistoryEntry> history = History();
  ASSERT_THAT(history, SizeIs(2));
  EXPECT_EQ(history[0].outcome, queue::Outcome::kRefused);
  EXPECT_TRUE(history[0].tls);
  EXPECT_EQ(history[0].direction, queue::Direction::kInbound);
  EXPECT_EQ(history[0].message_id, std::nullopt);
  EXPECT_EQ(history[0].sender, "alice@a.example.com");
  EXPECT_EQ(history[0].domain, "a.example.com");
  EXPECT_EQ(history[0].entry, ".example.com");
  EXPECT_EQ(history[0].mx, "client.example");
  EXPECT_EQ(history[0].address, "192.0.2.7:40123");
  EXPECT_EQ(history[0].stage, "mail");
  EXPECT_EQ(history[0].reason, "not_offered");
  EXPECT_THAT(history[0].detail, StartsWith("451 4.7.10"));
  EXPECT_EQ(history[0].tls_version, "");
  EXPECT_EQ(history[1].reason, "version");
  EXPECT_EQ(history[1].tls_version, "TLSv1.2");
  EXPECT_EQ(history[1].cipher, "ECDHE-RSA-AES256-GCM-SHA384");
}

TEST_F(ReceptionEnvelopeTest, AClientThatRepeatsItselfDoesNotFillTheHistory) {
  UseList({{{"pattern", "example.com"}}});
  for (int i = 0; i < 60; ++i) Mail("alice@example.com");
  EXPECT_THAT(History(), SizeIs(50));
  EXPECT_EQ(counters_.tls_required.value(), 60u);
}

TEST_F(ReceptionEnvelopeTest, ASenderIsSomeoneWhoCanBeTold) {
  EXPECT_THAT(Mail("postmaster"), StartsWith("553 5.1.7 "));
  EXPECT_EQ(Mail("alice@[192.0.2.1]"), "ok");
  EXPECT_EQ(Mail("alice@[IPv6:2001:db8::1]"), "ok");
  EXPECT_EQ(Mail("älice@bücher.example"), "ok");
  // No name in any form (a label that begins with an accent, RFC 5891 §4.2.3.2): nothing could be
  // sent there.
  EXPECT_THAT(Mail("alice@\u0301a.example"), StartsWith("553 5.1.8 "));
  UseList({{{"pattern", "*.example"}}});
  EXPECT_THAT(Mail("alice@\u0301a.example"), StartsWith("553 5.1.8 "));
}

TEST_F(ReceptionEnvelopeTest, ATrustedClientSendsAnywhere) {
  EXPECT_EQ(Rcpt("bob@anywhere.example"), "ok");
  EXPECT_EQ(Rcpt("bob@[192.0.2.1]"), "ok");
  EXPECT_THAT(Rcpt("postmaster"), StartsWith("550 5.1.1 "));
  EXPECT_THAT(Rcpt("bob@\u0301a.example"), StartsWith("553 5.1.2 "));
}

TEST_F(ReceptionEnvelopeTest, AStrangerSendsToOurDomainsOnly) {
  std::vector<std::string> faults;
  settings_.relay_domains = DomainSet::Parse({"ours.example", "*.ours.example"}, faults);
  ASSERT_THAT(faults, IsEmpty());
  client_.remote = *io::SocketAddress::Parse("198.51.100.1:1234");
  EXPECT_EQ(Rcpt("bob@ours.example"), "ok");
  EXPECT_EQ(Rcpt("bob@Sub.Ours.Example"), "ok");
  for (const char* const recipient :
       {"bob@other.example", "bob@notours.example", "postmaster", "bob@[192.0.2.1]",
        "bob%other.example@x.example", "\"bob@ours.example\"@other.example",
        "@ours.example:bob@other.example"}) {
    EXPECT_EQ(Rcpt(recipient), "554 5.7.1 Relay access denied") << recipient;
  }
}

TEST_F(ReceptionEnvelopeTest, WithoutNetworksAndDomainsNobodyRelays) {
  settings_.relay_networks = NetworkSet();
  EXPECT_EQ(Rcpt("bob@example.com"), "554 5.7.1 Relay access denied");
}

TEST_F(ReceptionEnvelopeTest, HandshakesAndRefusalsAreCounted) {
  client_.tls = &tls12_;
  reception_.OnHandshake(client_, absl::Milliseconds(3));
  tls12_.resumed = true;
  reception_.OnHandshake(client_, absl::Milliseconds(1));
  reception_.OnHandshakeFailed(client_, {tls::Reason::kCipher, "none"}, absl::Milliseconds(5));
  reception_.OnRefused(client_, {552, smtp::EnhancedStatus{5, 3, 4}, "too large"});
  EXPECT_EQ(counters_.handshakes.value(), 2u);
  EXPECT_EQ(counters_.handshakes_resumed.value(), 1u);
  EXPECT_EQ(counters_.handshakes_failed.value(), 1u);
  const CoreTimes times = ReadTimes(counters_);
  EXPECT_EQ(times.inbound_handshakes[0].sum_us, 3000u);
  EXPECT_EQ(times.inbound_handshakes[1].sum_us, 1000u);
  EXPECT_EQ(times.inbound_handshakes[2].sum_us, 5000u);
  const auto failed_by = [this](tls::Reason reason) {
    return counters_.handshakes_failed_by_reason[static_cast<size_t>(reason)].value();
  };
  EXPECT_EQ(failed_by(tls::Reason::kCipher), 1u);
  EXPECT_EQ(failed_by(tls::Reason::kAlert), 0u);
  EXPECT_EQ(counters_.messages_refused.value(), 1u);
}

}  // namespace
}  // namespace sluice::relay
