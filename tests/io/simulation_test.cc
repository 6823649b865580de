// The simulated world itself: that its network and its threads do what real ones do, and the same
// each time.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/io/answer.h"
#include "engine/io/simulation/network.h"
#include "engine/io/simulation/process.h"
#include "engine/io/simulation/simulation.h"
#include "gtest/gtest.h"

namespace sluice::io {
namespace {

class SimulationTest : public ::testing::Test {
 protected:
  explicit SimulationTest(uint64_t seed = 1) : world_(seed) {}

  ~SimulationTest() override {
    StopListening();
  }

  void StopListening() {
    if (listener_ != nullptr) std::exchange(listener_, nullptr)->Stop();
    RunToEnd();
  }

  // Until nothing happens any more.
  void RunToEnd() {
    while (world_.Step()) {
    }
  }

  Core& client_core() { return client_engine_->core(0); }
  Core& server_core() { return server_engine_->core(0); }

  // `serve` is called with each connection that is accepted.
  void Listen(Task<void> (*serve)(Core&, std::unique_ptr<Connection>, SimulationTest&)) {
    absl::StatusOr<std::unique_ptr<Listener>> listener = server_core().Listen(address_);
    ASSERT_TRUE(listener.ok());
    listener_ = listener->get();
    server_core().Spawn(Accept(*std::move(listener), serve));
  }
  Task<void> Accept(std::unique_ptr<Listener> listener,
                    Task<void> (*serve)(Core&, std::unique_ptr<Connection>, SimulationTest&)) {
    while (true) {
      absl::StatusOr<std::unique_ptr<Connection>> connection = co_await listener->Accept();
      if (!connection.ok()) break;
      server_core().Spawn(serve(server_core(), *std::move(connection), *this));
    }
    co_await listener->Close();
  }

  // Sends `text`, then reads to the end; what was read, or the error.
  Task<void> Talk(std::string text, absl::Duration patience) {
    const ConnectOptions to{.remote = address_, .source = std::nullopt};
    const MonoTime deadline = client_core().Now() + patience;
    absl::StatusOr<std::unique_ptr<Connection>> connection =
        co_await client_core().Connect(to, deadline);
    if (!connection.ok()) {
      heard_ = connection.status();
      co_return;
    }
    const absl::string_view piece = text;
    absl::Status status = co_await (*connection)->Send({&piece, 1}, deadline);
    std::string all;
    while (status.ok()) {
      absl::StatusOr<Input> input = co_await (*connection)->Receive(deadline);
      status = input.status();
      if (!status.ok() || input->empty()) break;
      all.append(input->view().data(), input->view().size());
    }
    if (status.ok()) {
      heard_ = all;
    } else {
      heard_ = status;
    }
    co_await (*connection)->Close();
  }

  // Says everything back until 10 bytes have come, and closes.
  static Task<void> Echo(Core& core, std::unique_ptr<Connection> connection, SimulationTest& test) {
    size_t count = 0;
    while (count < 10) {
      absl::StatusOr<Input> input =
          co_await connection->Receive(core.Now() + absl::Minutes(1));
      if (!input.ok() || input->empty()) break;
      count += input->view().size();
      const std::string copy(input->view());
      test.story_ += absl::StrCat(copy, "@", absl::FormatDuration(test.world_.clock().elapsed()), " ");
      const absl::string_view piece = copy;
      const absl::Status sent =
          co_await connection->Send({&piece, 1}, core.Now() + absl::Minutes(1));
      if (!sent.ok()) break;
    }
    co_await connection->Close();
  }

  static Task<void> TakeAnHour(Core& core, std::unique_ptr<Connection> connection,
                               SimulationTest& test) {
    test.story_ += "served ";
    const MonoTime later = core.Now() + absl::Hours(1);
    (void)co_await connection->Receive(later);
    co_await core.SleepUntil(later);
    test.story_ += "and went on";
    co_await connection->Close();
  }

  void Converse(absl::Duration patience = absl::Minutes(5)) {
    Listen(&SimulationTest::Echo);
    client_core().Spawn(Talk("0123456789", patience));
    RunToEnd();
  }

  Simulation world_;
  SimulatedNetwork network_{world_};
  SimulatedProcess& client_ = SimulatedProcess::New(world_, network_, "client",
                                                    *SocketAddress::FromIp("10.0.0.1", 0));
  SimulatedProcess& server_ = SimulatedProcess::New(world_, network_, "server",
                                                    *SocketAddress::FromIp("10.0.0.2", 0));
  std::unique_ptr<Engine> client_engine_ = *client_.StartEngine({.cores = 1});
  std::unique_ptr<Engine> server_engine_ = *server_.StartEngine({.cores = 1});
  const SocketAddress address_ = *SocketAddress::Parse("10.0.0.2:25");
  Listener* listener_ = nullptr;
  absl::StatusOr<std::string> heard_ = std::string("nothing yet");
  std::string story_;
};

TEST_F(SimulationTest, BytesArriveInOrderHoweverTheyAreCut) {
  for (const size_t segment : {size_t{1}, size_t{3}, size_t{1000}}) {
    StopListening();
    network_.set_weather([segment](const SocketAddress&, const SocketAddress&) {
      Link link;
      link.most_segment = segment;
      link.window = 10;
      return link;
    });
    Converse();
    EXPECT_EQ(heard_.value_or("an error"), "0123456789");
  }
  StopListening();
  EXPECT_EQ(client_.open_ends() + server_.open_ends(), 0u);
  EXPECT_EQ(client_.buffers_on_loan() + server_.buffers_on_loan(), 0u);
}

TEST_F(SimulationTest, TheSameSeedGivesTheSameRun) {
  const auto story_of = [](uint64_t seed) {
    class Run : public SimulationTest {
     public:
      explicit Run(uint64_t seed) : SimulationTest(seed) { Converse(); }
      void TestBody() override {}
      std::string story() const { return story_; }
    };
    return Run(seed).story();
  };
  EXPECT_EQ(story_of(7), story_of(7));
  EXPECT_NE(story_of(7), story_of(8));
}

TEST_F(SimulationTest, ConnectsAreRefusedOrNeverAnswered) {
  for (const auto kind : {Link::Connect::kRefused, Link::Connect::kBlackHole}) {
    StopListening();
    network_.set_weather([kind](const SocketAddress&, const SocketAddress&) {
      Link link;
      link.connect = kind;
      return link;
    });
    const MonoTime before = world_.Now();
    Converse(absl::Seconds(30));
    const bool refused = kind == Link::Connect::kRefused;
    EXPECT_EQ(heard_.status().code(), refused ? absl::StatusCode::kUnavailable
                                              : absl::StatusCode::kDeadlineExceeded);
    EXPECT_EQ(world_.Now() - before >= absl::Seconds(30), !refused);
  }
}

TEST_F(SimulationTest, ADirectionThatFallsSilentIsFoundOutByDeadlinesAlone) {
  network_.set_weather([](const SocketAddress&, const SocketAddress&) {
    Link link;
    link.most_segment = 1;
    link.inward.stalls_after = 3;
    return link;
  });
  Converse(absl::Minutes(2));
  EXPECT_TRUE(absl::IsDeadlineExceeded(heard_.status())) << heard_.status();
}

TEST_F(SimulationTest, AResetIsHeardAtBothEnds) {
  network_.set_weather([](const SocketAddress&, const SocketAddress&) {
    Link link;
    link.most_segment = 1;
    link.outward.resets_after = 5;
    return link;
  });
  Converse();
  EXPECT_TRUE(absl::IsUnavailable(heard_.status())) << heard_.status();
  EXPECT_EQ(server_.open_ends(), 0u);
}

TEST_F(SimulationTest, ADripTakesItsTime) {
  network_.set_weather([](const SocketAddress&, const SocketAddress&) {
    Link link;
    link.most_segment = 1;
    link.outward.drip = absl::Seconds(5);
    return link;
  });
  Converse();
  EXPECT_EQ(heard_.value_or("an error"), "0123456789");
  EXPECT_GE(world_.clock().elapsed(), absl::Seconds(45));
}

TEST_F(SimulationTest, AThreadWaitsForWhatACoreDoes) {
  std::string order;
  client_.StartThread([&] {
    absl::Mutex mutex;
    bool done = false;
    client_core().Run([&] {
      const absl::MutexLock lock(&mutex);
      order += "core ";
      done = true;
    });
    const absl::MutexLock lock(&mutex);
    EXPECT_TRUE(client_.Await(mutex, absl::Condition(&done), MonoTime::Never()));
    done = false;
    EXPECT_FALSE(client_.Await(mutex, absl::Condition(&done), world_.Now() + absl::Hours(1)));
    order += "thread";
  });
  RunToEnd();
  EXPECT_EQ(order, "core thread");
  EXPECT_EQ(world_.clock().elapsed(), absl::Hours(1));
  EXPECT_EQ(client_.threads(), 0u);
}

TEST_F(SimulationTest, AServiceAnswersACoreInItsOwnTime) {
  client_.set_job_time([](const std::string&) { return absl::Seconds(20); });
  const std::unique_ptr<Executor> service = client_.NewExecutor("service", 1, Urgency::kBackground);
  std::vector<bool> in_time;
  const auto ask = [](Core& core, Executor& executor, absl::Duration patience,
                      std::vector<bool>& answers) -> Task<void> {
    Answer<absl::Status> answer(core);
    executor.Post([send = answer.Sender()]() mutable { std::move(send)(absl::OkStatus()); });
    const std::optional<absl::Status> said = co_await answer.Wait(core.Now() + patience);
    answers.push_back(said.has_value());
  };
  client_core().Spawn(ask(client_core(), *service, absl::Seconds(30), in_time));
  RunToEnd();
  client_core().Spawn(ask(client_core(), *service, absl::Seconds(10), in_time));
  RunToEnd();
  EXPECT_EQ(in_time, (std::vector<bool>{true, false}));
}

TEST_F(SimulationTest, WhatIsKilledStandsStillAndItsPeersAreTold) {
  Listen(&SimulationTest::TakeAnHour);
  client_core().Spawn(Talk("0123456789", absl::Hours(10)));
  world_.After(absl::Minutes(1), [this] { server_.Kill(/*power_fails=*/false); });
  RunToEnd();
  EXPECT_EQ(story_, "served ");
  // A kernel ends what a dead process had open.
  EXPECT_TRUE(heard_.ok() || absl::IsUnavailable(heard_.status()));
  EXPECT_EQ(client_.open_ends(), 0u);
  listener_ = nullptr;
  // Nothing of it is destroyed, for it would begin to run again; and nothing is lost sight of.
  static auto* const graves = new std::vector<std::unique_ptr<Engine>>;
  graves->push_back(std::move(server_engine_));
}

TEST_F(SimulationTest, AStepOfTheWallClockMovesNoTimer) {
  std::optional<MonoTime> woke;
  const auto sleep = [](Core& core, std::optional<MonoTime>& woke_at) -> Task<void> {
    co_await core.SleepUntil(core.Now() + absl::Hours(2));
    woke_at = core.Now();
  };
  client_core().Spawn(sleep(client_core(), woke));
  world_.After(absl::Hours(1), [this] { world_.clock().StepWall(absl::Hours(72)); });
  RunToEnd();
  ASSERT_TRUE(woke.has_value());
  EXPECT_LT(*woke - MonoTime(), absl::Hours(2) + absl::Seconds(1));
  EXPECT_EQ(world_.clock().wall_error(), absl::Hours(72));
}

}  // namespace
}  // namespace sluice::io
