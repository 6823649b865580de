// What tests of lanes begin with: a lane to a domain with one MX host, on a core of its own, and
// what became of what was offered to it.
#ifndef SLUICE_TESTS_RELAY_LANE_FIXTURE_H_
#define SLUICE_TESTS_RELAY_LANE_FIXTURE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/relay/lane.h"
#include "engine/relay/lane_pace.h"
#include "engine/relay/sender_wish.h"
#include "engine/relay/tls_session.h"
#include "gtest/gtest.h"
#include "policy/table.h"
#include "tests/relay/fake_resolver.h"
#include "tests/relay/test_entries.h"
#include "tests/relay/test_hop.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::relay {

inline constexpr char kBody[] = "Subject: x\r\n\r\nhello\r\n";

class LaneTest : public testing::Test, private LaneHost {
 protected:
  LaneTest() : hop_(core_, contexts_.server()) {
    options_.hostname = "gw.example.com";
    table_ = *policy::Table::Load({}, 1);
    resolver_.SetMx("example.com", {{10, "mx.example.net"}});
    resolver_.SetAddresses("mx.example.net", {"192.0.2.1"});
  }

  void UseEntry(Fields fields) { table_ = *policy::Table::Load({EntryOf(fields)}, 1); }
  void Enforce() { UseEntry({{"pattern", "example.com"}}); }

  // A lane under the policy of this moment.
  std::unique_ptr<Lane> NewLane(const std::string& domain = "example.com") {
    LanePace::Limits limits = limits_;
    limits.connections = settings_.lane_connections;
    pace_ = std::make_shared<LanePace>(limits);
    return std::make_unique<Lane>(
        static_cast<LaneHost&>(*this), HopTargetOf(settings_.routes, domain, 25),
        WithWishOf(MessageFrom("a@b").envelope, PolicyFor(domain)), pace_);
  }
  Attempt MessageFrom(const std::string& sender) {
    Attempt attempt;
    attempt.envelope.destination = "example.com";
    attempt.envelope.sender = sender;
    attempt.envelope.require_tls = require_tls_;
    attempt.envelope.tls_optional = tls_optional_;
    attempt.envelope.recipients.emplace_back().address = "bob@example.com";
    attempt.body = io::Body::Copy(kBody);
    return attempt;
  }
  io::Task<void> OfferTo(Lane& lane, int count) {
    for (int i = 0; i < count; ++i) {
      Attempt attempt = MessageFrom(absl::StrCat("a", offered_++, "@sender.example"));
      EXPECT_TRUE(lane.Offer(attempt));
    }
    co_return;
  }
  void Deliver(Lane& lane, int count = 1) { core_.RunToEnd(OfferTo(lane, count)); }
  // Calls `function` on the core after a while.
  void At(absl::Duration after, std::function<void()> function) {
    core_.Spawn(CallAt(after, std::move(function)));
  }

  struct Concluded {
    std::string sender;
    AttemptReport report;
    MonoTime at;
  };
  smtp::RecipientResult::Outcome OutcomeOf(size_t i) {
    return concluded_.at(i).report.sent.value().recipients.at(0).outcome;
  }
  tls::Reason ReasonOf(size_t i) {
    return concluded_.at(i).report.failure.value().tls_reason.value();
  }

  smtp::FakeCore core_;
  smtp::TestTlsContexts contexts_;
  FakeResolver resolver_;
  Settings settings_;
  LanePace::Limits limits_;
  std::shared_ptr<LanePace> pace_;  // of the lane that was made last
  TestHop hop_;
  std::vector<Concluded> concluded_;
  int dropped_ = 0;
  std::vector<std::string> redirected_;
  std::vector<std::string> put_back_;
  std::function<bool()> load_body_ = [] { return true; };
  absl::Duration load_time_;
  bool require_tls_ = false;   // of every message
  bool tls_optional_ = false;  // likewise
  Counters counters_;
  std::vector<CountedSession> counted_;

 private:
  io::Task<void> CallAt(absl::Duration after, std::function<void()> function) {
    co_await core_.SleepUntil(core_.Now() + after);
    function();
  }

  io::Core& core() override { return core_; }
  dns::Resolver& resolver() override { return resolver_; }
  tls::ClientContext& client_context() override { return contexts_.client(); }
  MtaSts* mta_sts() override { return nullptr; }
  const Settings& settings() const override { return settings_; }
  const smtp::ClientOptions& client_options() const override { return options_; }
  Counters& counters() override { return counters_; }
  void CountTlsSession(const TlsSession& session) override {
    if (auto counted = CountedSessionOf(session)) counted_.push_back(*std::move(counted));
  }
  OutboundPolicy PolicyFor(absl::string_view domain) const override {
    return OutboundPolicyOf(*table_->current(), domain, DefaultLevel::kMay);
  }
  io::Task<bool> LoadBody(Attempt& attempt) override {
    co_await core_.SleepUntil(core_.Now() + load_time_);
    const bool loads = load_body_();
    if (loads && !attempt.body.has_value()) attempt.body = io::Body::Copy(kBody);
    co_return loads;
  }
  void DropBody(Attempt& attempt) override {
    dropped_ += attempt.body.has_value() ? 1 : 0;
    attempt.body.reset();
  }
  void Conclude(Attempt attempt, const AttemptReport& report) override {
    concluded_.push_back({attempt.envelope.sender, report, core_.Now()});
  }
  void Redirect(Attempt attempt) override { redirected_.push_back(attempt.envelope.sender); }
  void PutBack(Attempt attempt) override { put_back_.push_back(attempt.envelope.sender); }

  smtp::ClientOptions options_;
  std::unique_ptr<policy::Table> table_;
  int offered_ = 0;
};

}  // namespace sluice::relay

#endif  // SLUICE_TESTS_RELAY_LANE_FIXTURE_H_
