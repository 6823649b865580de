// Where a message leaves, or does not.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/relay/core_times.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/lane_fixture.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Heard = TestHop::Heard;
using Outcome = smtp::RecipientResult::Outcome;
using Said = TestHop::Said;

TEST_F(LaneTest, SendsWhatWaitsOverOneConnection) {
  const auto lane = NewLane();
  Deliver(*lane, 3);
  EXPECT_EQ(hop_.connections(), 1);
  ASSERT_THAT(concluded_, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(concluded_[i].sender, absl::StrCat("a", i, "@sender.example"));
    EXPECT_EQ(OutcomeOf(i), Outcome::kDelivered);
    EXPECT_EQ(concluded_[i].report.server->host, "mx.example.net");
    EXPECT_EQ(concluded_[i].report.server->facts.tls->version_name, "TLSv1.3");
  }
  EXPECT_EQ(hop_.CountInClear("MAIL"), 0);  // it was offered TLS
  EXPECT_TRUE(lane->idle());
}

TEST_F(LaneTest, ConnectionsComeFromTheAddressThatTheEntryNames) {
  UseEntry({{"pattern", "example.com"}, {"source_addresses", "192.0.2.7 2001:db8::7"}});
  settings_.source = SourceAddresses::Of({"192.0.2.1"});
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "2001:db8::1"});
  hop_.answer = [](const Heard& heard) {
    return Said{heard.connection == 0 ? "554 not me" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  ASSERT_THAT(core_.sources(), SizeIs(2));
  EXPECT_EQ(core_.sources()[0]->ip(), "192.0.2.7");
  EXPECT_EQ(core_.sources()[1]->ip(), "2001:db8::7");
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(concluded_[0].report.server->source, "2001:db8::7");
}

TEST_F(LaneTest, WhatComesToAnotherSourceGoesOverAnotherConnection) {
  UseEntry({{"pattern", "example.com"}, {"source_addresses", "192.0.2.7"}});
  const auto lane = NewLane();
  At(absl::ZeroDuration(), [&] {
    UseEntry({{"pattern", "example.com"}, {"source_addresses", "192.0.2.8"}});
  });
  Deliver(*lane);
  EXPECT_THAT(concluded_, IsEmpty());
  EXPECT_THAT(redirected_, ElementsAre("a0@sender.example"));
}

TEST_F(LaneTest, AnUnreachableServerIsToldWithTheSourceAddress) {
  Enforce();
  settings_.source = SourceAddresses::Of({"192.0.2.7"});
  core_.set_unreachable();
  const auto lane = NewLane();
  Deliver(*lane);
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_THAT(concluded_[0].report.failure->detail,
              testing::HasSubstr("source address 192.0.2.7 is that of --source_address"));
}

TEST_F(LaneTest, MailWaitsForACertificateThatIsNotThere) {
  for (const char* const mode : {"enforce", "monitor"}) {
    UseEntry({{"pattern", "example.com"}, {"mode", mode}, {"client_certificate", "gone"}});
    concluded_.clear();
    const auto lane = NewLane();
    Deliver(*lane);
    ASSERT_THAT(concluded_, SizeIs(1)) << mode;
    const smtp::Failure& failure = concluded_[0].report.failure.value();
    EXPECT_EQ(failure.kind, smtp::Failure::Kind::kTransient);
    EXPECT_EQ(failure.tls_reason, std::nullopt);  // no fault of the server's
    EXPECT_EQ(failure.detail,
              "not connected: entry example.com names the client certificate gone, which "
              "--client_certificate does not have");
  }
  EXPECT_EQ(hop_.connections(), 0);
}

TEST_F(LaneTest, EachStepIsTimed) {
  hop_.answer = [](const Heard& heard) {
    return Said{TestHop::Good(heard.line), absl::Seconds(heard.line == "<banner>" ? 40 : 3)};
  };
  const auto lane = NewLane();
  Deliver(*lane, 2);  // over one connection
  const CoreTimes times = ReadTimes(counters_);
  const auto expect = [&](smtp::Stage stage, uint64_t count, uint64_t seconds) {
    const HistogramCounts& step = times.steps[static_cast<size_t>(stage)];
    EXPECT_EQ(step.total(), count) << smtp::StageName(stage);
    EXPECT_EQ(step.sum_us / 1'000'000, seconds) << smtp::StageName(stage);
  };
  for (const smtp::Stage stage : {smtp::Stage::kDns, smtp::Stage::kConnect}) expect(stage, 1, 0);
  expect(smtp::Stage::kBanner, 1, 40);
  for (const smtp::Stage stage :
       {smtp::Stage::kEhlo, smtp::Stage::kStarttls, smtp::Stage::kPostEhlo}) {
    expect(stage, 1, 3);
  }
  for (const smtp::Stage stage :
       {smtp::Stage::kMail, smtp::Stage::kRcpt, smtp::Stage::kData, smtp::Stage::kFinal}) {
    expect(stage, 2, 6);
  }
  expect(smtp::Stage::kBody, 2, 0);
  expect(smtp::Stage::kHandshake, 1, 0);
  EXPECT_EQ(times.outbound_handshakes[0].total(), 1u);  // full
  EXPECT_EQ(times.outbound_handshakes[1].total(), 0u);
  EXPECT_EQ(times.outbound_handshakes[2].total(), 0u);
}

TEST_F(LaneTest, WhatFailsIsTimedAndCountedToo) {
  Enforce();
  hop_.answer = [](const Heard& heard) {
    return Said{heard.line == "STARTTLS" ? "454 4.7.0 not now" : TestHop::Good(heard.line),
                absl::Seconds(2)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  const CoreTimes times = ReadTimes(counters_);
  EXPECT_EQ(times.steps[static_cast<size_t>(smtp::Stage::kStarttls)].sum_us, 2'000'000u);
  EXPECT_EQ(times.steps[static_cast<size_t>(smtp::Stage::kMail)].total(), 0u);
  const smtp::Failure refused{.stage = smtp::Stage::kStarttls,
                              .tls_reason = tls::Reason::kRefused,
                              .reply = {},
                              .detail = ""};
  EXPECT_EQ(counters_.failures_by_reason[FailureIndex(refused)].value(), 1u);
  EXPECT_EQ(FailureWord(FailureIndex(refused)), "refused");
}

TEST_F(LaneTest, WhatWaitsGivesItsBodyUpAndIsSentAllTheSame) {
  const auto lane = NewLane();
  for (const char* const sender : {"a@sender.example", "b@sender.example"}) {
    Attempt attempt = MessageFrom(sender);
    ASSERT_TRUE(lane->Offer(attempt));
  }
  lane->DropBodies();
  EXPECT_EQ(dropped_, 2);
  lane->DropBodies();
  EXPECT_EQ(dropped_, 2);
  Deliver(*lane);
  ASSERT_THAT(concluded_, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(OutcomeOf(i), Outcome::kDelivered);
}

TEST_F(LaneTest, AnEnforcedDomainWaitsWhateverTheServerDoes) {
  Enforce();
  const std::pair<TestHop::Answer, tls::Reason> faults[] = {
      {[](const Heard& heard) {
         return Said{absl::StartsWith(heard.line, "EHLO") ? "250 mx" : TestHop::Good(heard.line)};
       },
       tls::Reason::kNotOffered},
      {[](const Heard& heard) {
         return Said{heard.line == "STARTTLS" ? "554 5.7.0 no" : TestHop::Good(heard.line)};
       },
       tls::Reason::kRefused},
      {[](const Heard& heard) {
         return Said{heard.line == "STARTTLS" ? "" : TestHop::Good(heard.line)};
       },
       tls::Reason::kClosed},
      {[](const Heard& heard) {
         return Said{heard.line == "STARTTLS" ? "220 go on\r\n250 injected"
                                              : TestHop::Good(heard.line)};
       },
       tls::Reason::kPlaintextInjected}};
  for (const auto& [answer, reason] : faults) {
    SCOPED_TRACE(tls::ReasonName(reason));
    concluded_.clear();
    hop_.answer = answer;
    const auto lane = NewLane();
    Deliver(*lane, 3);
    // All that waits has failed by the one connection.
    ASSERT_THAT(concluded_, SizeIs(3));
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(ReasonOf(i), reason);
  }
  EXPECT_EQ(hop_.connections(), 4);
  EXPECT_EQ(hop_.Count("MAIL"), 0);
}

TEST_F(LaneTest, AnEnforcedDomainTriesEveryAddressAndNeverInClear) {
  Enforce();
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  hop_.answer = [](const Heard& heard) {
    const bool first = heard.connection == 0 && heard.line == "STARTTLS";
    return Said{first ? "454 4.7.0 not now" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  EXPECT_EQ(hop_.connections(), 2);
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  EXPECT_EQ(concluded_[0].report.server->address.ToString(), "192.0.2.2:25");
  EXPECT_EQ(hop_.CountInClear("MAIL"), 0);
}

// RFC 8689 §4.2.1: on no entry, and all the same.
TEST_F(LaneTest, RequireTlsGoesToTheServerThatOffersIt) {
  require_tls_ = true;
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  hop_.answer = [](const Heard& heard) {
    const bool offers = heard.connection == 1 && heard.tls && absl::StartsWith(heard.line, "EHLO");
    return Said{offers ? "250-mx.example.net\r\n250 REQUIRETLS" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  EXPECT_EQ(concluded_[0].report.server->address.ToString(), "192.0.2.2:25");
  EXPECT_EQ(hop_.Count("MAIL FROM:<a0@sender.example> REQUIRETLS"), 1);
  EXPECT_EQ(hop_.Count("MAIL"), 1);
  EXPECT_EQ(hop_.Count("QUIT"), 2);
  EXPECT_EQ(hop_.CountInClear("MAIL"), 0);
}

TEST_F(LaneTest, RequireTlsGoesBackWhereNoServerOffersIt) {
  require_tls_ = true;
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  const auto lane = NewLane();
  Deliver(*lane, 2);
  EXPECT_EQ(hop_.connections(), 2);
  EXPECT_EQ(hop_.Count("MAIL"), 0);
  ASSERT_THAT(concluded_, SizeIs(2));
  for (const Concluded& concluded : concluded_) {
    const smtp::Failure& failure = concluded.report.failure.value();
    EXPECT_EQ(failure.kind, smtp::Failure::Kind::kPermanent);
    EXPECT_EQ(failure.reply->status, (smtp::EnhancedStatus{5, 7, 30}));
  }
}

// Offered in clear, or by a server whose certificate is in another's name, it counts for nothing.
TEST_F(LaneTest, RequireTlsWaitsWhereTlsFails) {
  require_tls_ = true;
  hop_.answer = [](const Heard& heard) {
    const bool ehlo = absl::StartsWith(heard.line, "EHLO");
    return Said{ehlo ? "250-mx.example.net\r\n250 REQUIRETLS" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  EXPECT_EQ(ReasonOf(0), tls::Reason::kNotOffered);
  resolver_.SetMx("example.com", {{10, "other.example.net"}});
  resolver_.SetAddresses("other.example.net", {"192.0.2.3"});
  hop_.answer = [](const Heard& heard) { return Said{TestHop::Good(heard.line)}; };
  Deliver(*lane);
  EXPECT_EQ(ReasonOf(1), tls::Reason::kNameMismatch);
  EXPECT_EQ(hop_.Count("MAIL"), 0);
}

TEST_F(LaneTest, SaysWhetherTlsIsWhatFailedAtEveryAddress) {
  Enforce();
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  // The fourth connection, which is to the second address, is closed before there is any TLS.
  hop_.answer = [](const Heard& heard) {
    if (heard.connection == 3 && heard.line == "<banner>") return Said{""};
    return Said{heard.line == "STARTTLS" ? "454 4.7.0 not now" : TestHop::Good(heard.line)};
  };
  for (const bool everywhere : {true, false}) {
    const auto lane = NewLane();
    Deliver(*lane);
    EXPECT_EQ(concluded_.back().report.failure->tls_reason, tls::Reason::kRefused);
    EXPECT_EQ(concluded_.back().report.tls_failed_everywhere, everywhere);
  }
  EXPECT_EQ(hop_.connections(), 4);
  // A host whose addresses are not known may have TLS.
  resolver_.SetMx("example.com", {{10, "mx.example.net"}, {20, "mx2.example.net"}});
  resolver_.FailAddresses("mx2.example.net", absl::UnavailableError("SERVFAIL"));
  const auto lane = NewLane();
  Deliver(*lane);
  EXPECT_EQ(concluded_.back().report.failure->tls_reason, tls::Reason::kRefused);
  EXPECT_FALSE(concluded_.back().report.tls_failed_everywhere);
}

TEST_F(LaneTest, AConnectionThatHadBecomeStaleSaysNothingOfTls) {
  Enforce();
  hop_.answer = [](const Heard& heard) {
    // The first one takes a message and is closed behind it; then there is no TLS any more.
    if (heard.connection == 0 && heard.line == "<body>") {
      return Said{"250 ok\r\n421 4.4.2 idle for too long"};
    }
    const bool gone = heard.connection > 0 && heard.line == "STARTTLS";
    return Said{gone ? "454 4.7.0 not now" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  At(absl::Seconds(2), [this, &lane] { core_.Spawn(OfferTo(*lane, 1)); });
  Deliver(*lane);
  ASSERT_THAT(concluded_, SizeIs(2));
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  EXPECT_EQ(hop_.connections(), 2);
  EXPECT_TRUE(concluded_[1].report.tls_failed_everywhere);
}

TEST_F(LaneTest, OnNoEntryWhatCannotBeEncryptedGoesInClear) {
  hop_.answer = [](const Heard& heard) {
    return Said{heard.line == "STARTTLS" ? "" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  EXPECT_EQ(hop_.connections(), 2);
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  EXPECT_EQ(hop_.CountInClear("MAIL"), 1);
  EXPECT_FALSE(concluded_[0].report.would_fail.has_value());
}

TEST_F(LaneTest, MonitorModeTriesWhatIsDemandedFirstAndThenGoesOn) {
  UseEntry({{"pattern", "example.com"}, {"mode", "monitor"}, {"level", "secure"}});
  const auto lane = NewLane();
  Deliver(*lane);
  // The certificate is the MX host's, not the domain's: refused, and taken by the second
  // connection.
  EXPECT_EQ(hop_.connections(), 2);
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  ASSERT_TRUE(concluded_[0].report.would_fail.has_value());
  EXPECT_EQ(concluded_[0].report.would_fail->tls_reason, tls::Reason::kNameMismatch);
}

TEST_F(LaneTest, AnEntryAddedWhileTheConnectionOpensHoldsForWhatWaits) {
  hop_.answer = [](const Heard& heard) {
    const bool ehlo = absl::StartsWith(heard.line, "EHLO");
    return Said{ehlo ? "250 mx" : TestHop::Good(heard.line), absl::Seconds(10)};
  };
  const auto lane = NewLane();
  At(absl::Seconds(15), [this] { Enforce(); });
  Deliver(*lane, 3);
  EXPECT_THAT(redirected_, SizeIs(3));
  EXPECT_THAT(concluded_, IsEmpty());
  EXPECT_EQ(hop_.Count("MAIL"), 0);
}

TEST_F(LaneTest, AnEntryAddedWhileTheBodyIsReadHoldsToo) {
  hop_.answer = [](const Heard& heard) {
    return Said{absl::StartsWith(heard.line, "EHLO") ? "250 mx" : TestHop::Good(heard.line)};
  };
  load_time_ = absl::Seconds(10);
  const auto lane = NewLane();
  At(absl::Seconds(5), [this] { Enforce(); });
  Deliver(*lane);
  EXPECT_THAT(redirected_, SizeIs(1));
  EXPECT_EQ(hop_.Count("MAIL"), 0);
}

TEST_F(LaneTest, AnEntryAddedWhileATransactionIsEndedHoldsForTheNextMessage) {
  hop_.answer = [](const Heard& heard) {
    if (absl::StartsWith(heard.line, "EHLO")) return Said{"250 mx"};
    if (absl::StartsWith(heard.line, "RCPT")) return Said{"550 5.1.1 no"};
    return Said{TestHop::Good(heard.line),
                heard.line == "RSET" ? absl::Seconds(10) : absl::ZeroDuration()};
  };
  const auto lane = NewLane();
  At(absl::Seconds(5), [this] { Enforce(); });
  Deliver(*lane, 2);
  EXPECT_THAT(concluded_, SizeIs(1));
  EXPECT_THAT(redirected_, ElementsAre("a1@sender.example"));
  EXPECT_EQ(hop_.Count("MAIL"), 1);
}

TEST_F(LaneTest, ABodyThatCannotBeReadKeepsNothingElse) {
  load_body_ = [loads = 0]() mutable { return ++loads != 2; };
  const auto lane = NewLane();
  Deliver(*lane, 3);
  EXPECT_THAT(put_back_, ElementsAre("a1@sender.example"));
  EXPECT_THAT(concluded_, SizeIs(2));
}

TEST_F(LaneTest, AConnectionThatWasClosedWhileItWasIdleCostsNoTry) {
  hop_.answer = [](const Heard& heard) {
    if (heard.connection == 0 && heard.line == "<body>") {
      return Said{"250 ok\r\n421 4.4.2 idle for too long"};
    }
    return Said{TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  At(absl::Seconds(2), [this, &lane] { core_.Spawn(OfferTo(*lane, 1)); });
  Deliver(*lane);
  EXPECT_EQ(hop_.connections(), 2);
  ASSERT_THAT(concluded_, SizeIs(2));
  EXPECT_EQ(OutcomeOf(1), Outcome::kDelivered);
}

TEST_F(LaneTest, WhatOneAddressDefersTheNextMayTake) {
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  hop_.answer = [](const Heard& heard) {
    const bool busy = heard.connection == 0 && absl::StartsWith(heard.line, "RCPT");
    return Said{busy ? "450 4.2.0 greylisted" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  EXPECT_EQ(concluded_[0].report.server->address.ToString(), "192.0.2.2:25");
}

TEST_F(LaneTest, ARefusalForGoodIsNotAskedAnotherAddressAbout) {
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  hop_.answer = [](const Heard& heard) {
    return Said{absl::StartsWith(heard.line, "RCPT") ? "550 5.1.1 no" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  EXPECT_EQ(hop_.connections(), 1);
  EXPECT_EQ(OutcomeOf(0), Outcome::kFailed);
}

TEST_F(LaneTest, WhatMayHaveBeenTakenUnheardIsNotSentElsewhere) {
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  hop_.answer = [](const Heard& heard) {
    return Said{heard.line == "<body>" ? "" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  EXPECT_EQ(hop_.connections(), 1);
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(OutcomeOf(0), Outcome::kDeferred);
  EXPECT_TRUE(concluded_[0].report.sent->final_reply_lost);
}

TEST_F(LaneTest, ADomainThatCannotBeFoundFailsAllThatWaits) {
  resolver_.FailMx("example.com", absl::UnavailableError("SERVFAIL"));
  const auto lane = NewLane();
  Deliver(*lane, 5);
  EXPECT_EQ(hop_.connections(), 0);
  ASSERT_THAT(concluded_, SizeIs(5));
  EXPECT_EQ(concluded_[4].report.failure->stage, smtp::Stage::kDns);
  EXPECT_FALSE(concluded_[4].report.server.has_value());
}

TEST_F(LaneTest, AConnectionCarriesOnlySoManyMessages) {
  settings_.connection_messages = 2;
  settings_.lane_connections = 1;
  const auto lane = NewLane();
  Deliver(*lane, 5);
  EXPECT_EQ(hop_.connections(), 3);
  EXPECT_THAT(concluded_, SizeIs(5));
}

TEST_F(LaneTest, AFullBacklogTakesNoMore) {
  settings_.lane_backlog = 2;
  const auto lane = NewLane();
  At(absl::ZeroDuration(), [this, &lane] {
    Attempt late = MessageFrom("late@sender.example");
    EXPECT_EQ(lane->backlog(), 2u);
    EXPECT_FALSE(lane->Offer(late));
    EXPECT_EQ(late.envelope.sender, "late@sender.example");  // as it was
  });
  Deliver(*lane, 2);
  EXPECT_THAT(concluded_, SizeIs(2));
}

TEST_F(LaneTest, ADrainPutsBackWhatWaitsAndEndsWhatRuns) {
  hop_.answer = [](const Heard& heard) {
    return Said{TestHop::Good(heard.line), absl::Seconds(1)};
  };
  const auto lane = NewLane();
  At(absl::Seconds(7), [&lane] { lane->Drain(); });  // in the first transaction
  Deliver(*lane, 3);
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  EXPECT_THAT(put_back_, ElementsAre("a1@sender.example", "a2@sender.example"));
  EXPECT_TRUE(lane->idle());
}

TEST_F(LaneTest, WhatIsOnItsWayIsNotWithdrawnAndTheRestLeavesInItsOrder) {
  settings_.lane_connections = 1;
  hop_.answer = [](const Heard& heard) {
    return Said{TestHop::Good(heard.line), absl::Seconds(1)};
  };
  const auto lane = NewLane();
  const queue::Selection second = {.message_id = queue::MessageId::Of(2, 1), .destination = ""};
  At(absl::Seconds(2), [&] {  // the connection opens for these
    for (int i = 1; i <= 4; ++i) {
      Attempt attempt = MessageFrom(absl::StrCat("m", i, "@sender.example"));
      attempt.envelope.id = queue::MessageId::Of(i, 1);
      EXPECT_TRUE(lane->Offer(attempt));
    }
  });
  At(absl::Seconds(7), [&] {  // in the first transaction
    EXPECT_THAT(lane->Withdraw(second), SizeIs(1));
    EXPECT_THAT(lane->Withdraw(second), IsEmpty());
    EXPECT_EQ(lane->backlog(), 3u);
  });
  Deliver(*lane);
  std::vector<std::string> senders;
  for (const Concluded& one : concluded_) senders.push_back(one.sender);
  EXPECT_THAT(senders, ElementsAre("a0@sender.example", "m1@sender.example", "m3@sender.example",
                                   "m4@sender.example"));
  for (size_t i = 0; i < concluded_.size(); ++i) EXPECT_EQ(OutcomeOf(i), Outcome::kDelivered);
}

TEST_F(LaneTest, AnAbortEndsAStuckSendAndLosesNothing) {
  hop_.answer = [](const Heard& heard) {
    return Said{TestHop::Good(heard.line),
                heard.line == "DATA" ? absl::Minutes(1) : absl::ZeroDuration()};
  };
  const auto lane = NewLane();
  At(absl::Seconds(7), [&lane] { lane->Abort(); });
  Deliver(*lane, 2);
  EXPECT_THAT(put_back_, ElementsAre("a1@sender.example"));
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(OutcomeOf(0), Outcome::kDeferred);
  EXPECT_LE(concluded_[0].at - MonoTime(), absl::Seconds(8));
}

TEST_F(LaneTest, ABurstIsNotLeftToTheOneConnectionThatWasIdle) {
  hop_.answer = [](const Heard& heard) {
    return Said{TestHop::Good(heard.line),
                heard.line == "<body>" ? absl::Seconds(5) : absl::ZeroDuration()};
  };
  const auto lane = NewLane();
  At(absl::Seconds(7), [this, &lane] { core_.Spawn(OfferTo(*lane, 40)); });
  Deliver(*lane, 1);
  EXPECT_THAT(concluded_, SizeIs(41));
  EXPECT_GT(hop_.connections(), 5);
}

TEST_F(LaneTest, AHeldMessageIsConcludedUnderItsOwnEntry) {
  resolver_.SetAddresses("mx.example.net", {"192.0.2.1", "192.0.2.2"});
  UseEntry({{"pattern", "example.com"}});
  hop_.answer = [this](const Heard& heard) {
    if (heard.connection == 0 && absl::StartsWith(heard.line, "RCPT")) {
      UseEntry({{"pattern", ".example.com"}});  // the same demand, of another entry
      return Said{"450 4.2.0 later"};
    }
    return Said{heard.connection == 1 ? "" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(concluded_[0].report.policy.pattern, ".example.com");
}

TEST_F(LaneTest, ARefusalIsNotTheLastWordWhereAnotherHostMayBeFoundLater) {
  resolver_.SetMx("example.com", {{10, "a.test"}, {20, "mx.example.net"}});
  resolver_.FailAddresses("a.test", absl::UnavailableError("SERVFAIL"));
  hop_.answer = [](const Heard& heard) {
    const bool greeting =
        absl::StartsWith(heard.line, "EHLO") || absl::StartsWith(heard.line, "HELO");
    return Said{greeting ? "550 5.7.1 go away" : TestHop::Good(heard.line)};
  };
  const auto lane = NewLane();
  Deliver(*lane);
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(concluded_[0].report.failure->kind, smtp::Failure::Kind::kTransient);
}

}  // namespace
}  // namespace sluice::relay
