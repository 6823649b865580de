// What is asked for when, and what holds when something fails.
#include "engine/sts/keeper.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/relay/fake_resolver.h"
#include "tests/smtp/client_fake_network.h"

namespace sluice::sts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kInterval = absl::Minutes(5);

std::string PolicyFile(absl::string_view mode, absl::Duration max_age = absl::Hours(24 * 7)) {
  return absl::StrCat("version: STSv1\nmode: ", mode,
                      "\nmx: mx.example.com\nmax_age: ", absl::ToInt64Seconds(max_age), "\n");
}

class KeeperTest : public ::testing::Test, private KeeperHost {
 protected:
  KeeperTest() { Announce("1"); }

  void Announce(const std::string& id) {
    resolver_.SetTxt("_mta-sts.example.com", {absl::StrCat("v=STSv1; id=", id, ";")});
  }

  Finding PolicyFor(const std::string& domain = "example.com") {
    Finding finding;
    core_.RunToEnd(AskInto(domain, finding));
    return finding;
  }
  // How many policies of those who ask at the same time are there.
  int AskedAtOnce(int count) {
    int found = 0;
    core_.RunToEnd(AskAtOnce(count, found));
    return found;
  }
  void Sleep(absl::Duration time) { core_.RunToEnd(SleepFor(time)); }
  // Lets what is kept be looked after for so long.
  void KeepFreshFor(absl::Duration time) { core_.RunToEnd(KeepFresh(time)); }

  smtp::FakeCore core_;
  relay::FakeResolver resolver_;
  Keeper keeper_{core_, resolver_, *this, kInterval};
  absl::StatusOr<std::string> file_ = PolicyFile("enforce");
  absl::Duration fetch_time_ = absl::Seconds(1);
  int fetches_ = 0;
  std::map<std::string, std::string> stored_;

 private:
  io::Task<void> AskInto(std::string domain, Finding& finding) {
    finding = co_await keeper_.PolicyFor(domain);
  }
  io::Task<void> CountInto(int& found) {
    const Finding finding = co_await keeper_.PolicyFor("example.com");
    if (finding.policy != nullptr) ++found;
  }
  io::Task<void> AskAtOnce(int count, int& found) {
    for (int i = 0; i < count; ++i) core_.Spawn(CountInto(found));
    co_return;
  }
  io::Task<void> SleepFor(absl::Duration time) { co_await core_.SleepUntil(core_.Now() + time); }
  io::Task<void> KeepFresh(absl::Duration time) {
    core_.Spawn(keeper_.KeepFresh());
    co_await core_.SleepUntil(core_.Now() + time);
    keeper_.Stop();
  }

  io::Task<absl::StatusOr<std::string>> FetchPolicy(std::string domain) override {
    EXPECT_EQ(domain, "example.com");
    ++fetches_;
    co_await core_.SleepUntil(core_.Now() + fetch_time_);
    co_return file_;
  }
  absl::Time Now() const override { return core_.WallNow(); }
  void Store(absl::string_view domain, const KeptPolicy* policy) override {
    if (policy == nullptr) {
      stored_.erase(std::string(domain));
    } else {
      stored_[std::string(domain)] = EncodePolicy(*policy);
    }
  }
};

TEST_F(KeeperTest, FindsAPolicyAndKeepsIt) {
  const Finding finding = PolicyFor();
  ASSERT_NE(finding.policy, nullptr);
  EXPECT_EQ(finding.policy->id, "1");
  EXPECT_EQ(finding.policy->policy.mode, Mode::kEnforce);
  EXPECT_FALSE(finding.fault.has_value());
  EXPECT_EQ(stored_.count("example.com"), 1u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(PolicyFor().policy, finding.policy);
  EXPECT_THAT(resolver_.asked(), ElementsAre("txt _mta-sts.example.com"));
  EXPECT_EQ(fetches_, 1);
}

TEST_F(KeeperTest, ADomainWithoutAPolicyCostsOneLookupAnInterval) {
  for (int i = 0; i < 10; ++i) {
    const Finding finding = PolicyFor("plain.example");
    EXPECT_EQ(finding.policy, nullptr);
    EXPECT_FALSE(finding.fault.has_value());
    EXPECT_EQ(finding.detail, "");
  }
  EXPECT_THAT(resolver_.asked(), SizeIs(1));
  Sleep(kInterval);
  PolicyFor("plain.example");
  EXPECT_THAT(resolver_.asked(), SizeIs(2));
  EXPECT_EQ(fetches_, 0);
}

TEST_F(KeeperTest, TheRecordIsLookedAtEachIntervalAndTheFileOnlyWhenItIsAnother) {
  PolicyFor();
  Sleep(kInterval);
  EXPECT_EQ(PolicyFor().policy->id, "1");
  EXPECT_THAT(resolver_.asked(), SizeIs(2));
  EXPECT_EQ(fetches_, 1);
  Announce("2");
  file_ = PolicyFile("testing");
  Sleep(kInterval);
  const Finding changed = PolicyFor();
  EXPECT_EQ(changed.policy->id, "2");
  EXPECT_EQ(changed.policy->policy.mode, Mode::kTesting);
  EXPECT_EQ(fetches_, 2);
}

TEST_F(KeeperTest, WhoAsksMeanwhileWaitsForTheSameAnswer) {
  EXPECT_EQ(AskedAtOnce(20), 20);
  EXPECT_THAT(resolver_.asked(), SizeIs(1));
  EXPECT_EQ(fetches_, 1);
}

TEST_F(KeeperTest, WhenAPolicyIsThereNobodyWaitsForAnothersCheck) {
  PolicyFor();
  Announce("2");
  Sleep(kInterval);
  fetch_time_ = absl::Seconds(50);
  const absl::Duration before = core_.elapsed();
  EXPECT_EQ(AskedAtOnce(20), 20);
  EXPECT_EQ(core_.elapsed() - before,
            absl::Seconds(50));  // the one that asked; the end of all tasks
  EXPECT_EQ(fetches_, 2);
}

TEST_F(KeeperTest, AKeptPolicyHoldsWhateverFails) {
  const auto policy = PolicyFor().policy;
  const std::function<void()> failures[] = {
      [this] { resolver_.FailTxt("_mta-sts.example.com", absl::UnavailableError("SERVFAIL")); },
      [this] { resolver_.FailTxt("_mta-sts.example.com", absl::NotFoundError("no record")); },
      [this] { resolver_.SetTxt("_mta-sts.example.com", {"v=STSv1; nonsense"}); },
      [this] {
        Announce("2");
        file_ = absl::UnavailableError("status 404");
      },
      [this] { file_ = absl::UnauthenticatedError("expired"); },
      [this] { file_ = std::string("<html>"); }};
  const std::optional<Fault> faults[] = {std::nullopt,          std::nullopt,
                                         Fault::kInvalid,       Fault::kFetchError,
                                         Fault::kWebPkiInvalid, Fault::kInvalid};
  for (size_t i = 0; i < std::size(failures); ++i) {
    failures[i]();
    Sleep(kInterval);
    const Finding finding = PolicyFor();
    EXPECT_EQ(finding.policy, policy) << i;
    EXPECT_EQ(finding.fault, faults[i]) << i;
    EXPECT_NE(finding.detail, "") << i;
  }
}

TEST_F(KeeperTest, WithoutAKeptPolicyAFailureLeavesNone) {
  file_ = absl::UnauthenticatedError("name_mismatch");
  const Finding finding = PolicyFor();
  EXPECT_EQ(finding.policy, nullptr);
  EXPECT_EQ(finding.fault, Fault::kWebPkiInvalid);
  EXPECT_EQ(finding.detail, "name_mismatch");
  EXPECT_THAT(stored_, IsEmpty());
  PolicyFor();
  EXPECT_EQ(fetches_, 1);  // not again within the interval (§3.3)
  file_ = PolicyFile("enforce");
  Sleep(kInterval);
  EXPECT_NE(PolicyFor().policy, nullptr);
}

TEST_F(KeeperTest, APolicyLapsesWithItsMaxAge) {
  PolicyFor();
  resolver_.FailTxt("_mta-sts.example.com", absl::NotFoundError("no record"));
  Sleep(absl::Hours(24 * 7) - absl::Minutes(1));
  EXPECT_NE(PolicyFor().policy, nullptr);
  Sleep(kInterval);
  EXPECT_EQ(PolicyFor().policy, nullptr);
  EXPECT_THAT(stored_, IsEmpty());
}

TEST_F(KeeperTest, AMaxAgeOfNothingHoldsUntilTheRecordIsLookedAt) {
  file_ = PolicyFile("enforce", absl::ZeroDuration());
  for (int i = 0; i < 10; ++i) EXPECT_NE(PolicyFor().policy, nullptr);
  EXPECT_EQ(fetches_, 1);
  Sleep(kInterval);
  EXPECT_NE(PolicyFor().policy, nullptr);
  EXPECT_EQ(fetches_, 2);
}

TEST_F(KeeperTest, IsKeptFreshWithoutMail) {
  PolicyFor();
  KeepFreshFor(absl::Hours(24 * 30));
  EXPECT_GE(fetches_, 30);
  EXPECT_LE(fetches_, 32);
  EXPECT_LE(core_.WallNow() - DecodePolicy(stored_["example.com"])->fetched_at, absl::Hours(25));
}

TEST_F(KeeperTest, AShortMaxAgeIsRefreshedInTime) {
  file_ = PolicyFile("enforce", absl::Hours(1));
  PolicyFor();
  KeepFreshFor(absl::Hours(9));
  EXPECT_GE(fetches_, 15);
  EXPECT_LE(core_.WallNow() - DecodePolicy(stored_["example.com"])->fetched_at, absl::Hours(1));
}

TEST_F(KeeperTest, AFailingRefreshIsTriedAgainAndKeepsThePolicy) {
  PolicyFor();
  file_ = absl::UnavailableError("down");
  KeepFreshFor(absl::Hours(24 * 6));
  EXPECT_GT(fetches_, 100);
  const Finding finding = PolicyFor();
  EXPECT_NE(finding.policy, nullptr);
  EXPECT_EQ(finding.fault, Fault::kFetchError);
}

TEST_F(KeeperTest, WhatNobodySendsToIsForgotten) {
  PolicyFor();
  PolicyFor("plain.example");
  KeepFreshFor(absl::Hours(24 * 90));
  EXPECT_EQ(keeper_.size(), 0u);
  EXPECT_THAT(stored_, IsEmpty());
  EXPECT_LE(fetches_, 62);
}

TEST_F(KeeperTest, IsThereAfterARestart) {
  KeptPolicy kept;
  kept.id = "1";
  kept.file = PolicyFile("enforce");
  kept.policy = *ReadPolicy(kept.file);
  kept.fetched_at = kept.used_at = core_.WallNow() - absl::Hours(1);
  keeper_.Remember("example.com", kept);
  resolver_.FailTxt("_mta-sts.example.com", absl::UnavailableError("SERVFAIL"));
  const Finding finding = PolicyFor();
  ASSERT_NE(finding.policy, nullptr);
  EXPECT_EQ(finding.policy->file, kept.file);
  EXPECT_THAT(finding.detail, HasSubstr("SERVFAIL"));
}

TEST_F(KeeperTest, WhatLapsedWhileItWasDownIsGone) {
  KeptPolicy kept;
  kept.id = "1";
  kept.file = PolicyFile("enforce");
  kept.policy = *ReadPolicy(kept.file);
  kept.fetched_at = core_.WallNow() - absl::Hours(24 * 8);
  stored_["example.com"] = EncodePolicy(kept);
  keeper_.Remember("example.com", kept);
  EXPECT_THAT(stored_, IsEmpty());
  resolver_.FailTxt("_mta-sts.example.com", absl::UnavailableError("SERVFAIL"));
  EXPECT_EQ(PolicyFor().policy, nullptr);
}

TEST_F(KeeperTest, TheNumberOfDomainsIsBounded) {
  PolicyFor();
  Sleep(absl::Seconds(1));
  for (size_t i = 0; i < Keeper::kMostDomains; ++i) PolicyFor(absl::StrCat("d", i, ".example"));
  EXPECT_LE(keeper_.size(), Keeper::kMostDomains);
  EXPECT_THAT(stored_, IsEmpty());  // used longest ago
}

}  // namespace
}  // namespace sluice::sts
