// The promise: what was answered with OK is there after any crash.
//
// A gateway in small takes mail in, sends it, defers it, bounces it, while its disk fills up,
// breaks and loses power at random moments. After each restart everything is counted.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

// A message as the world outside knows it.
struct Known {
  std::string body;
  // Destinations that the spool has not been told to be done. (Where it has, that may not have
  // reached the disk, and the item may come again.)
  std::set<std::string> open;
};

class PowerLossTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  void AcceptSome() {
    const size_t count = 1 + Below(8);
    for (size_t i = 0; i < count; ++i) {
      std::vector<std::string> domains = {"a.example"};
      if (Below(3) == 0) domains.push_back("b.example");
      if (Below(9) == 0) domains.push_back("c.example");
      // Small, in a row; larger, in a blob file; and several chunks.
      static constexpr size_t kSizes[] = {1, 500, 5'000, 200'000};
      const std::string body(kSizes[Below(4)], static_cast<char>('a' + Below(26)));
      NewMessage message = world_.Compose(domains, body);
      const MessageId id = message.id;
      world_.spool().Accept(std::move(message), [this, id, domains, body](const absl::Status& s) {
        if (!s.ok()) return;
        ++acknowledged_;
        known_[id] = {.body = body, .open = {domains.begin(), domains.end()}};
        for (const std::string& domain : domains) in_hand_.emplace_back(id, domain);
      });
    }
  }

  void FinishSome() {
    for (size_t n = Below(in_hand_.size() + 1); n > 0; --n) {
      const auto [id, domain] = in_hand_.back();
      in_hand_.pop_back();
      Envelope envelope;
      envelope.id = id;
      envelope.destination = domain;
      envelope.sender = "alice@sender.example";
      envelope.recipients.push_back({.address = "bob@" + domain});
      const bool deliver = Below(2) == 0;
      if (deliver) {
        envelope.recipients[0].state = RecipientState::kDelivered;
        // From this moment on it may be gone.
        const auto known = known_.find(id);
        if (known != known_.end()) known->second.open.erase(domain);
      }
      world_.spool().Finish(
          {.envelope = std::move(envelope), .next_attempt = world_.Now() + absl::Minutes(5)},
          [this, id, domain](absl::StatusOr<Afterwards> done) {
            // A disk that fails: the item stays in the caller's hands.
            if (!done.ok() && !absl::IsFailedPrecondition(done.status())) {
              in_hand_.emplace_back(id, domain);
            }
          });
    }
  }

  void TakeSome() {
    world_.spool().TakeDue(world_.Now(), 1 + Below(20), [this](absl::StatusOr<TakenWork> work) {
      if (!work.ok()) return;
      for (const Envelope& envelope : work->items) {
        in_hand_.emplace_back(envelope.id, envelope.destination);
      }
    });
  }

  void InjectFault() {
    using Fault = LossyDisk::Fault;
    static constexpr Fault kFaults[] = {Fault::kFull, Fault::kBroken, Fault::kSyncFails};
    world_.disk().SetFault(kFaults[Below(3)], Below(5000));
  }

  // Everything that was acknowledged and not finished is there, with its body; and of the others no
  // body is left without an envelope, and no row without the rest.
  void CountEverything() {
    size_t items = 0;
    QueuePage page;
    QueueQuery query;
    do {
      page = world_.spool().List(query).value();
      for (const QueueItem& item : page.items) {
        ++items;
        present_.emplace(item.envelope.id, item.envelope.destination);
      }
      query.cursor = page.next;
    } while (!query.cursor.empty());
    for (const auto& [id, known] : known_) {
      for (const std::string& domain : known.open) {
        if (!present_.contains({id, domain})) ++lost_;
      }
    }
    EXPECT_EQ(world_.spool().Count(1)->items, items);
  }

  // Takes everything and reads each body; puts it all back.
  void ReadEverything() {
    world_.clock().Advance(absl::Hours(1));
    size_t chunks = 0;
    std::map<MessageId, size_t> seen;
    const TakenWork work = world_.TakeDue(1'000'000).value();
    EXPECT_EQ(work.items.size(), present_.size());
    for (const Envelope& envelope : work.items) {
      const absl::StatusOr<io::Body> body = world_.LoadBody(envelope);
      ASSERT_TRUE(body.ok()) << body.status();
      const auto known = known_.find(envelope.id);
      // What was refused may be there all the same, whole: its sender will send it again.
      if (known != known_.end()) {
        EXPECT_EQ(body->Flatten(), known->second.body);
      }
      if (seen[envelope.id]++ == 0) chunks += envelope.body_chunks;
      world_.Release(envelope);
    }
    std::map<std::string, size_t> rows = world_.CountRows();
    EXPECT_EQ(rows["due"], present_.size());
    EXPECT_EQ(rows["expiry"], present_.size());
    EXPECT_EQ(rows["envelope"], present_.size());
    EXPECT_EQ(rows["body"], chunks);
  }

  // The restarted gateway knows only what is queued.
  void StartOver() {
    in_hand_.clear();
    for (auto& [id, known] : known_) known.open.clear();
    for (const auto& [id, domain] : present_) {
      const auto known = known_.find(id);
      if (known != known_.end()) known->second.open.insert(domain);
    }
    present_.clear();
  }

  uint64_t Below(uint64_t bound) { return world_.random().Below(bound); }

  SpoolWorld world_{GetParam()};
  std::map<MessageId, Known> known_;
  std::vector<std::pair<MessageId, std::string>> in_hand_;
  std::set<std::pair<MessageId, std::string>> present_;
  size_t acknowledged_ = 0;
  size_t lost_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Seeds, PowerLossTest, ::testing::Range<uint64_t>(1, 9));

TEST_P(PowerLossTest, NothingThatWasAcknowledgedIsLost) {
  for (int round = 0; round < 8; ++round) {
    const size_t steps = 5 + Below(60);
    for (size_t step = 0; step < steps; ++step) {
      AcceptSome();
      if (Below(2) == 0) FinishSome();
      if (Below(4) == 0) TakeSome();
      if (Below(25) == 0) InjectFault();
      if (Below(5) == 0) world_.disk().SetFault(LossyDisk::Fault::kNone);
      for (size_t jobs = Below(6); jobs > 0; --jobs) world_.store().Step();
      world_.clock().Advance(absl::Seconds(static_cast<int64_t>(Below(20))));
    }
    world_.Crash();
    ASSERT_TRUE(world_.Open().ok());
    CountEverything();
    ReadEverything();
    EXPECT_EQ(lost_, 0u);
    StartOver();
  }
  EXPECT_GT(acknowledged_, 100u);
}

}  // namespace
}  // namespace sluice::queue
