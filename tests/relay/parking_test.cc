// Destinations whose TLS fails: probed, healed, and their mail let go on in steps, over a real
// spool and real sessions. The lanes are the test's: they take what is handed to them at a pace of
// their own.
#include "engine/relay/parking.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/relay/tls_session.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/table.h"
#include "tests/queue/lossy_disk.h"
#include "tests/queue/spool_fixture.h"
#include "tests/relay/fake_resolver.h"
#include "tests/relay/test_entries.h"
#include "tests/relay/test_hop.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kBroken[] = "a.example";
constexpr char kOther[] = "b.example";

class ParkingTest : public testing::Test, private LaneHost, private ParkingHost {
 protected:
  ParkingTest() : hop_(core_, contexts_.server()) {
    settings_.retries = std::make_shared<const queue::RetryTimetable>(
        *queue::RetryTimetable::Parse("5m,10m,20m,40m"));
    client_options_.hostname = "gw.example.com";
    UseList(1);
    for (const char* domain : {kBroken, kOther}) {
      resolver_.SetMx(domain, {{10, "mx.example.net"}});
    }
    resolver_.SetAddresses("mx.example.net", {"192.0.2.1"});
    queue::SpoolOptions options;
    options.data_dir = "/var/lib/sluice";
    options.env = disk_.env();
    options.clock = &core_.clock();
    options.store = &store_;
    options.memory_bytes = 16 << 20;
    spool_ = *queue::Spool::Open(options);
    parking_ =
        std::make_unique<Parking>(static_cast<LaneHost&>(*this), static_cast<ParkingHost&>(*this));
  }
  ~ParkingTest() override {
    spool_->Close([](const absl::Status&) {});
    store_.RunAll();
    core_.RunToEnd(Nothing());
  }

  void UseList(uint64_t generation) {
    std::vector<policy::Entry> entries;
    for (const char* domain : {kBroken, kOther}) {
      entries.push_back(EntryOf({{"pattern", domain}}));
      entries.back().generation = generation;
    }
    table_ = *policy::Table::Load(std::move(entries), generation);
  }
  void BreakTls() {
    hop_.answer = [](const TestHop::Heard& heard) {
      return TestHop::Said{absl::StartsWith(heard.line, "EHLO") ? "250 mx.example.net"
                                                                : TestHop::Good(heard.line)};
    };
  }
  void MendTls() {
    hop_.answer = [](const TestHop::Heard& heard) {
      return TestHop::Said{TestHop::Good(heard.line)};
    };
  }

  // Messages in the store that are parked.
  void ParkInStore(const std::string& domain, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      queue::NewMessage message;
      message.id = ids_.Next(spool_->Now());
      message.body = io::Body::Copy("hello\r\n");
      queue::Envelope& envelope = message.envelopes.emplace_back();
      envelope.id = message.id;
      envelope.destination = domain;
      envelope.recipients.push_back({.address = absl::StrCat("bob@", domain)});
      envelope.accepted_at = spool_->Now();
      envelope.deadline = spool_->Now() + absl::Hours(168);
      queue::AttemptResult result;
      result.envelope = envelope;
      result.envelope.last_failure = queue::AttemptFailure{.at = spool_->Now(),
                                                           .tls = true,
                                                           .stage = "starttls",
                                                           .reason = "not_offered",
                                                           .mx = "mx.example.net",
                                                           .address = "192.0.2.1:25",
                                                           .text = "no"};
      result.park = true;
      spool_->Accept(std::move(message), [this, result](const absl::Status& accepted) {
        ASSERT_TRUE(accepted.ok());
        spool_->Finish(result, [](const absl::StatusOr<queue::Afterwards>&) {});
      });
      if (i % 1000 == 0) store_.RunAll();
    }
    store_.RunAll();
  }

  // Runs the core, with the store beside it, until `done` or for so long.
  void RunFor(
      absl::Duration time, std::function<bool()> done = [] { return false; }) {
    core_.RunToEnd(Pump(core_.Now() + time, std::move(done)));
  }
  io::Task<void> Pump(MonoTime until, std::function<bool()> done) {
    while (core_.Now() < until && !done()) {
      CarryOn();
      store_.RunAll();
      co_await core_.SleepUntil(core_.Now() + absl::Milliseconds(20));
    }
    // What runs for as long as a breaker is open is ended, for the core to come to its end.
    parking_->Drain();
    store_.RunAll();
  }
  // The lanes take so many messages a turn, from each destination that has any.
  void CarryOn() {
    for (auto& [domain, lane] : lanes_) {
      for (size_t i = 0; i < pace_ && !lane.empty(); ++i) {
        queue::AttemptResult result;
        result.envelope = std::move(lane.front().envelope);
        lane.pop_front();
        result.envelope.recipients[0].state = queue::RecipientState::kDelivered;
        ++delivered_[domain];
        spool_->Finish(std::move(result), [](const absl::StatusOr<queue::Afterwards>&) {});
      }
    }
  }
  std::vector<queue::HistoryEntry> History() {
    queue::HistoryQuery query;
    query.newest_first = false;
    query.limit = SIZE_MAX;
    return spool_->QueryHistory(query)->entries;
  }
  void Restore() { parking_->Restore(spool_->ReadParked().value()); }
  bool AllGone() { return spool_->Count(0)->items == 0; }

  smtp::FakeCore core_;
  smtp::TestTlsContexts contexts_;
  FakeResolver resolver_;
  TestHop hop_;
  Settings settings_;
  Counters counters_;
  int failures_reported_ = 0;  // for TLS reports
  std::unique_ptr<queue::Spool> spool_;
  std::unique_ptr<Parking> parking_;
  std::map<std::string, std::deque<Attempt>> lanes_;
  std::map<std::string, size_t> delivered_;
  size_t pace_ = 100;
  size_t most_waiting_ = 0;
  std::vector<std::string> order_;  // destinations, as they were handed to lanes

 private:
  static io::Task<void> Nothing() { co_return; }

  // LaneHost, as far as a ping needs it.
  io::Core& core() override { return core_; }
  dns::Resolver& resolver() override { return resolver_; }
  tls::ClientContext& client_context() override { return contexts_.client(); }
  MtaSts* mta_sts() override { return nullptr; }
  const Settings& settings() const override { return settings_; }
  const smtp::ClientOptions& client_options() const override { return client_options_; }
  Counters& counters() override { return counters_; }
  void CountTlsSession(const TlsSession& session) override {
    const auto counted = CountedSessionOf(session);
    if (counted.has_value() && counted->failure.has_value()) ++failures_reported_;
  }
  OutboundPolicy PolicyFor(absl::string_view domain) const override {
    return OutboundPolicyOf(*table_->current(), domain, DefaultLevel::kMay);
  }
  io::Task<bool> LoadBody(Attempt& /*attempt*/) override { co_return false; }
  void DropBody(Attempt& /*attempt*/) override {}
  void Conclude(Attempt /*attempt*/, const AttemptReport& /*report*/) override {}
  void Redirect(Attempt /*attempt*/) override {}
  void PutBack(Attempt /*attempt*/) override {}

  // ParkingHost.
  queue::Spool& spool() override { return *spool_; }
  void Dispatch(Attempt attempt) override {
    order_.push_back(attempt.envelope.destination);
    std::deque<Attempt>& lane = lanes_[attempt.envelope.destination];
    lane.push_back(std::move(attempt));
    most_waiting_ = std::max(most_waiting_, lane.size());
  }
  size_t Waiting(absl::string_view destination) override {
    return lanes_[std::string(destination)].size();
  }
  bool Owns(absl::string_view /*destination*/) const override { return true; }
  bool LeavesFromAnyCore(absl::string_view /*destination*/) const override { return false; }
  void OnOwner(absl::string_view /*destination*/, std::function<void(Parking&)> function) override {
    function(*parking_);
  }
  void OnOthers(std::function<void(Parking&)> /*function*/) override {}

  smtp::ClientOptions client_options_;
  queue::LossyDisk disk_{1};
  queue::SteppedExecutor store_;
  Random random_{3};
  queue::MessageIdSource ids_{random_};
  std::unique_ptr<policy::Table> table_;
};

TEST_F(ParkingTest, WhatIsFoundAtTheStartIsProbedAndReleased) {
  ParkInStore(kBroken, 10);
  Restore();
  ASSERT_NE(parking_->Find(kBroken), nullptr);
  EXPECT_EQ(parking_->Find(kBroken)->failure.reason, "not_offered");
  EXPECT_EQ(counters_.breakers_open.value(), 1u);
  RunFor(absl::Minutes(2), [this] { return AllGone(); });
  EXPECT_TRUE(AllGone());
  EXPECT_EQ(delivered_[kBroken], 10u);
  EXPECT_EQ(parking_->Find(kBroken), nullptr);
  EXPECT_EQ(counters_.breakers_open.value(), 0u);
  EXPECT_EQ(hop_.Count("MAIL"), 0);  // a probe says none
  EXPECT_EQ(hop_.connections(), 1);
}

TEST_F(ParkingTest, AProbeInVainIsOneEntryAndTriesNoMessage) {
  BreakTls();
  ParkInStore(kBroken, 50);
  Restore();
  RunFor(absl::Minutes(20));
  EXPECT_EQ(hop_.connections(), 2);  // within 30 s, and some 10 minutes after that
  EXPECT_EQ(failures_reported_, 2);  // though no delivery was tried
  const std::vector<queue::HistoryEntry> history = History();
  EXPECT_THAT(history, SizeIs(static_cast<size_t>(hop_.connections())));
  for (const queue::HistoryEntry& entry : history) {
    EXPECT_EQ(entry.message_id, std::nullopt);
    EXPECT_EQ(entry.reason, "not_offered");
    EXPECT_THAT(entry.detail, HasSubstr("for 50 messages"));
  }
  EXPECT_THAT(order_, IsEmpty());
  EXPECT_EQ(spool_->Parked(kBroken), 50u);
}

TEST_F(ParkingTest, MendedItIsFoundOutByTheNextProbe) {
  BreakTls();
  ParkInStore(kBroken, 50);
  Restore();
  int looks = 0;
  RunFor(absl::Hours(2), [&] {
    if (++looks == 60'000) MendTls();  // after 20 minutes
    return AllGone();
  });
  EXPECT_TRUE(AllGone());
  EXPECT_EQ(delivered_[kBroken], 50u);
}

// Many thousands, while the mail of another domain comes back as well: what is in memory is
// bounded, and neither waits for the other.
TEST_F(ParkingTest, ManyComeBackInBoundedMemoryAndStarveNobody) {
  constexpr size_t kMany = 5'000;
  ParkInStore(kBroken, kMany);
  ParkInStore(kOther, 500);
  settings_.tls_probe_interval = absl::Seconds(1);  // the first probes of both come together
  Restore();
  RunFor(absl::Hours(1), [this] { return AllGone(); });
  EXPECT_TRUE(AllGone());
  EXPECT_EQ(delivered_[kBroken], kMany);
  EXPECT_EQ(delivered_[kOther], 500u);
  EXPECT_LE(most_waiting_, 1000u);
  const size_t last_of_other =
      static_cast<size_t>(order_.rend() - std::find(order_.rbegin(), order_.rend(), kOther));
  EXPECT_LT(last_of_other, kMany / 2);
}

TEST_F(ParkingTest, AChangeOfTheEntryReleasesAtOnce) {
  BreakTls();
  ParkInStore(kBroken, 10);
  Restore();
  parking_->ListChanged();  // of other entries
  EXPECT_NE(parking_->Find(kBroken), nullptr);
  UseList(2);
  parking_->ListChanged();
  EXPECT_EQ(parking_->Find(kBroken), nullptr);
  RunFor(absl::Minutes(1), [this] { return AllGone(); });
  EXPECT_EQ(delivered_[kBroken], 10u);
  EXPECT_EQ(hop_.connections(), 0);
}

// Its mail is to be refused now, not to wait for TLS where nobody is.
TEST_F(ParkingTest, WhatTakesNoMailAnyMoreIsReleased) {
  ParkInStore(kBroken, 3);
  resolver_.SetNullMx(kBroken);
  Restore();
  RunFor(absl::Minutes(2), [this] { return AllGone(); });
  EXPECT_EQ(delivered_[kBroken], 3u);
  EXPECT_EQ(hop_.connections(), 0);
}

// It was on its way to the disk when the breaker closed, and found nobody to look after it.
TEST_F(ParkingTest, WhatIsParkedTooLateIsReleasedAtOnce) {
  ParkInStore(kBroken, 3);
  parking_->Parked(kBroken);
  RunFor(absl::Minutes(1), [this] { return AllGone(); });
  EXPECT_EQ(delivered_[kBroken], 3u);
}

}  // namespace
}  // namespace sluice::relay
