// The spool on real threads and a real disk, for the sanitizers and for what no order of jobs
// shows.
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "queue/spool.h"

namespace sluice::queue {
namespace {

class SpoolThreadsTest : public ::testing::Test {
 protected:
  SpoolThreadsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-queue-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  ~SpoolThreadsTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Spool> Open() {
    absl::StatusOr<std::unique_ptr<Spool>> spool = Spool::Open({.data_dir = directory_ + "/a/b",
                                                                .clock = &SystemClock(),
                                                                .store = store_.get(),
                                                                .readers = readers_.get(),
                                                                .memory_bytes = 16 << 20});
    EXPECT_TRUE(spool.ok()) << spool.status();
    return *std::move(spool);
  }
  static void Close(std::unique_ptr<Spool> spool) {
    std::promise<absl::Status> closed;
    spool->Close([&closed](absl::Status status) { closed.set_value(status); });
    EXPECT_TRUE(closed.get_future().get().ok());
  }

  static NewMessage Compose(MessageIdSource& ids, const std::vector<std::string>& domains) {
    NewMessage message;
    message.id = ids.Next(SystemClock().WallNow());
    message.body = io::Body::Copy("hello\r\n");
    for (const std::string& domain : domains) {
      Envelope& envelope = message.envelopes.emplace_back();
      envelope.id = message.id;
      envelope.destination = domain;
      envelope.recipients.push_back({.address = "bob@" + domain});
      envelope.deadline = SystemClock().WallNow() + absl::Hours(1);
    }
    return message;
  }

  std::string directory_;
  const std::unique_ptr<io::Executor> readers_ = io::NewThreadExecutor("test-readers", 2);
  const std::unique_ptr<io::Executor> store_ = io::NewThreadExecutor("test-store");
};

TEST_F(SpoolThreadsTest, EveryCoreAcceptsFinishesAndLooksOnAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kMessages = 200;
  std::unique_ptr<Spool> spool = Open();
  std::atomic<int> gone = 0;
  std::atomic<int> deferred = 0;
  std::atomic<bool> over = false;
  std::thread onlooker([&] {
    while (!over) {
      EXPECT_TRUE(spool->List({}).ok());
      EXPECT_TRUE(spool->Count(10).ok());
      EXPECT_TRUE(spool->QueryHistory({}).ok());
    }
  });
  std::vector<std::thread> cores;
  for (int core = 0; core < kThreads; ++core) {
    cores.emplace_back([&, core] {
      Random random(static_cast<uint64_t>(core) + 1);
      MessageIdSource ids(random);
      for (int i = 0; i < kMessages; ++i) {
        NewMessage message = Compose(ids, {"a.example", "b.example"});
        const std::vector<Envelope> envelopes = message.envelopes;
        std::promise<absl::Status> stored;
        spool->Accept(std::move(message), [&](absl::Status status) { stored.set_value(status); });
        ASSERT_TRUE(stored.get_future().get().ok());
        for (const Envelope& envelope : envelopes) {
          AttemptResult result = {.envelope = envelope};
          result.next_attempt = SystemClock().WallNow() + absl::Minutes(5);
          result.history.emplace_back().message_id = envelope.id;
          if (i % 4 != 0) result.envelope.recipients[0].state = RecipientState::kDelivered;
          spool->Finish(std::move(result), [&](absl::StatusOr<Afterwards> after) {
            ASSERT_TRUE(after.ok()) << after.status();
            ++(*after == Afterwards::kGone ? gone : deferred);
          });
        }
      }
    });
  }
  for (std::thread& core : cores) core.join();
  over = true;
  onlooker.join();
  Close(std::move(spool));
  EXPECT_EQ(gone, kThreads * kMessages * 2 * 3 / 4);
  EXPECT_EQ(deferred, kThreads * kMessages * 2 / 4);
  spool = Open();
  EXPECT_EQ(spool->Count(1)->items, static_cast<uint64_t>(deferred));
  Close(std::move(spool));
}

TEST_F(SpoolThreadsTest, WithdrawTellsTheTruthHoweverItFalls) {
  constexpr int kMessages = 2000;
  std::unique_ptr<Spool> spool = Open();
  Random random(1);
  MessageIdSource ids(random);
  uint64_t kept = 0;
  std::atomic<uint64_t> stored = 0;
  for (int i = 0; i < kMessages; ++i) {
    AcceptTicket ticket = spool->Accept(Compose(ids, {"a.example"}),
                                        [&](const absl::Status& s) { stored += s.ok(); });
    for (uint64_t spins = random.Below(20'000); spins > 0; --spins)
      std::atomic_signal_fence(std::memory_order_seq_cst);
    kept += !ticket.Withdraw();
  }
  Close(std::move(spool));
  spool = Open();
  EXPECT_EQ(spool->Count(1)->items, kept);
  EXPECT_EQ(stored, kept);
  Close(std::move(spool));
}

}  // namespace
}  // namespace sluice::queue
