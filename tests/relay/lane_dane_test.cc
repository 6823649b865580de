// Where a message leaves whose hosts announce their certificates (DANE).
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/lane_fixture.h"

namespace sluice::relay {
namespace {

using testing::SizeIs;
using Heard = TestHop::Heard;
using Outcome = smtp::RecipientResult::Outcome;
using Said = TestHop::Said;

// What the host's certificate is announced by, once a message has gone there.
class LaneDaneTest : public LaneTest {
 protected:
  LaneDaneTest() {
    resolver_.SignMx("example.com");
    resolver_.SignAddresses("mx.example.net");
    DeliverOne();
    hash_ = absl::HexStringToBytes(concluded_.at(0).report.server->facts.tls->peer_fingerprint);
    concluded_.clear();
  }
  void DeliverOne() {
    const auto lane = NewLane();
    Deliver(*lane);
  }
  void Announce(const std::string& hash) {
    resolver_.SetTlsa("mx.example.net", 25, {{3, 0, 1, hash}});
  }

  std::string hash_;
};

TEST_F(LaneDaneTest, AHostOnNoEntryIsHeldToWhatItAnnounces) {
  Announce(hash_);
  DeliverOne();
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  EXPECT_EQ(concluded_[0].report.server->decided_by, "dane");
  EXPECT_TRUE(concluded_[0].report.server->authenticated);

  const int connections = hop_.connections();
  Announce(std::string(32, 'x'));
  DeliverOne();
  ASSERT_THAT(concluded_, SizeIs(2));
  EXPECT_EQ(ReasonOf(1), tls::Reason::kDaneMismatch);
  EXPECT_EQ(concluded_[1].report.failure->stage, smtp::Stage::kVerify);
  EXPECT_EQ(hop_.connections(), connections + 1) << "and no other way was tried";
  EXPECT_EQ(hop_.CountInClear("MAIL"), 0);
}

TEST_F(LaneDaneTest, NoMailGoesInClearToAHostThatAnnouncesItself) {
  Announce(hash_);
  hop_.answer = [](const Heard& heard) {
    return Said{absl::StartsWith(heard.line, "EHLO") ? "250 mx" : TestHop::Good(heard.line)};
  };
  DeliverOne();
  EXPECT_EQ(ReasonOf(0), tls::Reason::kNotOffered);
  EXPECT_EQ(hop_.CountInClear("MAIL"), 0);
}

TEST_F(LaneDaneTest, AHostOfWhichNothingCanBeLearntIsNotEvenAsked) {
  resolver_.FailTlsa("mx.example.net", 25, absl::UnavailableError("bogus signature"));
  const int connections = hop_.connections();
  DeliverOne();
  ASSERT_THAT(concluded_, SizeIs(1));
  EXPECT_EQ(ReasonOf(0), tls::Reason::kDnssecInvalid);
  EXPECT_EQ(concluded_[0].report.failure->detail, "bogus signature");
  EXPECT_EQ(concluded_[0].report.server->host, "mx.example.net");
  EXPECT_EQ(concluded_[0].report.server->decided_by, "dane");
  EXPECT_EQ(hop_.connections(), connections);
}

TEST_F(LaneDaneTest, AnotherHostThatIsAsItAnnouncesTakesTheMail) {
  resolver_.SetMx("example.com", {{10, "mx.example.net"}, {20, "mx2.example.net"}});
  resolver_.SetAddresses("mx2.example.net", {"192.0.2.2"});
  resolver_.SignMx("example.com");
  resolver_.SignAddresses("mx2.example.net");
  resolver_.FailTlsa("mx.example.net", 25, absl::UnavailableError("SERVFAIL"));
  resolver_.SetTlsa("mx2.example.net", 25, {{3, 0, 1, hash_}});
  DeliverOne();
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  EXPECT_EQ(concluded_[0].report.server->host, "mx2.example.net");
}

TEST_F(LaneDaneTest, DaneOnlyWaitsForAHostWithoutRecords) {
  UseEntry({{"pattern", "example.com"}, {"level", "dane-only"}});
  DeliverOne();
  EXPECT_EQ(ReasonOf(0), tls::Reason::kDaneRequired);
  EXPECT_EQ(concluded_[0].report.server->decided_by, "entry");
  Announce(hash_);
  DeliverOne();
  EXPECT_EQ(OutcomeOf(1), Outcome::kDelivered);
  EXPECT_EQ(concluded_[1].report.server->decided_by, "entry+dane");
}

TEST_F(LaneDaneTest, DaneOnlyThatIsMonitoredIsCountedAndSent) {
  UseEntry({{"pattern", "example.com"}, {"level", "dane-only"}, {"mode", "monitor"}});
  DeliverOne();
  EXPECT_EQ(OutcomeOf(0), Outcome::kDelivered);
  ASSERT_TRUE(concluded_[0].report.would_fail.has_value());
  EXPECT_EQ(concluded_[0].report.would_fail->tls_reason, tls::Reason::kDaneRequired);
  EXPECT_EQ(counters_.tls_would_defer.value(), 1u);
}

}  // namespace
}  // namespace sluice::relay
