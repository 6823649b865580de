#include "engine/io/uring_core.h"

#include <sys/resource.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "engine/io/answer.h"
#include "engine/io/executor.h"
#include "engine/io/machine.h"
#include "gtest/gtest.h"

namespace sluice::io {
namespace {

SocketAddress Loopback() { return *SocketAddress::Parse("127.0.0.1:0"); }

class UringCoreTest : public testing::Test {
 protected:
  void StartEngine(EngineOptions options = {}) {
    options.pin = false;
    absl::StatusOr<std::unique_ptr<Engine>> engine = StartUringEngine(options, SystemClock());
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
  }

  Core& core(int i = 0) { return engine_->core(i); }

  // Runs `task` on core i to its end.
  void RunToEnd(Task<void> task, int i = 0) {
    std::promise<void> done;
    Core& on = core(i);
    on.Run([&on, &done, task = std::move(task)]() mutable {
      on.Spawn(Finish(std::move(task), done));
    });
    ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  }

  static Task<void> Finish(Task<void> task, std::promise<void>& done) {
    co_await task;
    done.set_value();
  }

  std::unique_ptr<Engine> engine_;
};

// Sends back what it gets until the end of the stream.
Task<void> Echo(Core& core, std::unique_ptr<Connection> connection) {
  while (true) {
    absl::StatusOr<Input> input = co_await connection->Receive(core.Now() + absl::Seconds(30));
    if (!input.ok() || input->empty()) break;
    // Copied, and the buffer given back: while this waits to send, others need one to receive.
    const std::string copy(input->view().data(), input->view().size());
    *input = Input();
    const absl::string_view bytes = copy;
    const absl::Status sent =
        co_await connection->Send(absl::MakeConstSpan(&bytes, 1), core.Now() + absl::Seconds(30));
    if (!sent.ok()) break;
  }
  co_await connection->Close();
}

Task<void> EchoServer(Core& core, Listener& listener) {
  while (true) {
    absl::StatusOr<std::unique_ptr<Connection>> connection = co_await listener.Accept();
    if (!connection.ok()) break;
    core.Spawn(Echo(core, *std::move(connection)));
  }
}

Task<void> SendAll(Core& core, Connection& connection, std::string bytes, Event& sent) {
  const std::vector<absl::string_view> pieces = {absl::string_view(bytes).substr(0, 10),
                                                 absl::string_view(bytes).substr(10)};
  const absl::Status status = co_await connection.Send(pieces, core.Now() + absl::Seconds(30));
  EXPECT_TRUE(status.ok()) << status;
  sent.NotifyAll();
}

Task<void> ExchangeALot(Core& core) {
  absl::StatusOr<std::unique_ptr<Listener>> listener = core.Listen(Loopback());
  EXPECT_TRUE(listener.ok()) << listener.status();
  core.Spawn(EchoServer(core, **listener));
  const ConnectOptions to{.remote = (*listener)->address(), .source = std::nullopt};
  absl::StatusOr<std::unique_ptr<Connection>> connection =
      co_await core.Connect(to, core.Now() + absl::Seconds(5));
  EXPECT_TRUE(connection.ok()) << connection.status();

  std::string bytes(8'000'000, ' ');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 + (i >> 10));
  Event sent(core);
  core.Spawn(SendAll(core, **connection, bytes, sent));
  std::string received;
  while (received.size() < bytes.size()) {
    absl::StatusOr<Input> input = co_await (*connection)->Receive(core.Now() + absl::Seconds(30));
    EXPECT_TRUE(input.ok()) << input.status();
    if (!input.ok() || input->empty()) break;
    received.append(input->view().data(), input->view().size());
  }
  EXPECT_TRUE(received == bytes);  // not EXPECT_EQ: it would print megabytes
  co_await (*connection)->Close();
  co_await (*listener)->Close();
}

TEST_F(UringCoreTest, EchoesMegabytes) {
  StartEngine();
  RunToEnd(ExchangeALot(core()));
}

TEST_F(UringCoreTest, EchoesWithHardlyAnyReceiveBuffers) {
  StartEngine({.receive_buffers = 1, .receive_buffer_bytes = 512});
  RunToEnd(ExchangeALot(core()));
}

TEST_F(UringCoreTest, SubmitsMoreThanTheRingHolds) {
  StartEngine({.ring_entries = 4});
  RunToEnd([](Core& core) -> Task<void> {
    absl::StatusOr<std::unique_ptr<Listener>> listener = core.Listen(Loopback());
    core.Spawn(EchoServer(core, **listener));
    const ConnectOptions to{.remote = (*listener)->address(), .source = std::nullopt};
    Event done(core);
    int open = 50;
    for (int i = 0; i < 50; ++i) {
      core.Spawn([](Core& c, ConnectOptions options, Event& finished, int& left) -> Task<void> {
        absl::StatusOr<std::unique_ptr<Connection>> connection =
            co_await c.Connect(options, c.Now() + absl::Seconds(5));
        EXPECT_TRUE(connection.ok()) << connection.status();
        const absl::string_view hello = "hello";
        const absl::Status sent =
            co_await (*connection)
                ->Send(absl::MakeConstSpan(&hello, 1), c.Now() + absl::Seconds(5));
        EXPECT_TRUE(sent.ok()) << sent;
        absl::StatusOr<Input> input = co_await (*connection)->Receive(c.Now() + absl::Seconds(5));
        EXPECT_TRUE(input.ok() && input->view() == "hello");
        co_await (*connection)->Close();
        if (--left == 0) finished.NotifyAll();
      }(core, to, done, open));
    }
    co_await done.Wait(core.Now() + absl::Seconds(30));
    EXPECT_EQ(open, 0);
    co_await (*listener)->Close();
  }(core()));
}

TEST_F(UringCoreTest, ReceiveEndsAtItsDeadlineAndTheConnectionCanBeClosed) {
  StartEngine();
  RunToEnd([](Core& core) -> Task<void> {
    absl::StatusOr<std::unique_ptr<Listener>> listener = core.Listen(Loopback());
    const ConnectOptions to{.remote = (*listener)->address(), .source = std::nullopt};
    absl::StatusOr<std::unique_ptr<Connection>> client =
        co_await core.Connect(to, core.Now() + absl::Seconds(5));
    absl::StatusOr<std::unique_ptr<Connection>> server = co_await (*listener)->Accept();
    const absl::StatusOr<Input> input =
        co_await (*client)->Receive(core.Now() + absl::Milliseconds(20));
    EXPECT_EQ(input.status().code(), absl::StatusCode::kDeadlineExceeded) << input.status();
    co_await (*client)->Close();
    const absl::StatusOr<Input> end = co_await (*server)->Receive(core.Now() + absl::Seconds(5));
    EXPECT_TRUE(end.ok() && end->empty()) << end.status();
    co_await (*server)->Close();
    co_await (*listener)->Close();
  }(core()));
}

TEST_F(UringCoreTest, SendToAPeerThatDoesNotReadEndsAtItsDeadline) {
  StartEngine();
  RunToEnd([](Core& core) -> Task<void> {
    absl::StatusOr<std::unique_ptr<Listener>> listener = core.Listen(Loopback());
    const ConnectOptions to{.remote = (*listener)->address(), .source = std::nullopt};
    absl::StatusOr<std::unique_ptr<Connection>> client =
        co_await core.Connect(to, core.Now() + absl::Seconds(5));
    absl::StatusOr<std::unique_ptr<Connection>> server = co_await (*listener)->Accept();
    const std::string much(64 * 1024 * 1024, 'x');
    const absl::string_view piece = much;
    const absl::Status sent = co_await (*client)->Send(absl::MakeConstSpan(&piece, 1),
                                                       core.Now() + absl::Milliseconds(50));
    EXPECT_EQ(sent.code(), absl::StatusCode::kDeadlineExceeded) << sent;
    co_await (*client)->Close();
    co_await (*server)->Close();
    co_await (*listener)->Close();
  }(core()));
}

Task<void> ReceiveUntilAborted(Core& core, Connection& connection, Event& ended, bool& cancelled) {
  const absl::StatusOr<Input> input = co_await connection.Receive(core.Now() + absl::Seconds(60));
  cancelled =
      input.status().code() == absl::StatusCode::kCancelled || (input.ok() && input->empty());
  ended.NotifyAll();
}

TEST_F(UringCoreTest, CloseEndsAReceiveThatIsUnderWay) {
  StartEngine();
  RunToEnd([](Core& core) -> Task<void> {
    absl::StatusOr<std::unique_ptr<Listener>> listener = core.Listen(Loopback());
    const ConnectOptions to{.remote = (*listener)->address(), .source = std::nullopt};
    absl::StatusOr<std::unique_ptr<Connection>> client =
        co_await core.Connect(to, core.Now() + absl::Seconds(5));
    absl::StatusOr<std::unique_ptr<Connection>> server = co_await (*listener)->Accept();
    Event ended(core);
    bool cancelled = false;
    core.Spawn(ReceiveUntilAborted(core, **client, ended, cancelled));
    co_await core.SleepUntil(core.Now() + absl::Milliseconds(5));
    co_await (*client)->Close();
    if (!cancelled) co_await ended.Wait(core.Now() + absl::Seconds(5));
    EXPECT_TRUE(cancelled);
    co_await (*server)->Close();
    co_await (*listener)->Close();
  }(core()));
}

TEST_F(UringCoreTest, ConnectSaysWhyItFailed) {
  StartEngine();
  RunToEnd([](Core& core) -> Task<void> {
    absl::StatusOr<std::unique_ptr<Listener>> listener = core.Listen(Loopback());
    const ConnectOptions to{.remote = (*listener)->address(), .source = std::nullopt};
    co_await (*listener)->Close();
    const auto refused = co_await core.Connect(to, core.Now() + absl::Seconds(5));
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(refused.status().message(),
              "connect to " + to.remote.ToString() + ": Connection refused");
    const ConnectOptions mixed{.remote = to.remote, .source = *SocketAddress::FromIp("::1", 0)};
    const auto families = co_await core.Connect(mixed, core.Now() + absl::Seconds(5));
    EXPECT_EQ(families.status().code(), absl::StatusCode::kInvalidArgument) << families.status();
  }(core()));
}

TEST_F(UringCoreTest, ConnectsFromTheAddressThatIsNamed) {
  StartEngine();
  RunToEnd([](Core& core) -> Task<void> {
    absl::StatusOr<std::unique_ptr<Listener>> listener = core.Listen(Loopback());
    const ConnectOptions to{.remote = (*listener)->address(),
                            .source = *SocketAddress::FromIp("127.0.0.2", 0)};
    absl::StatusOr<std::unique_ptr<Connection>> client =
        co_await core.Connect(to, core.Now() + absl::Seconds(30));
    EXPECT_TRUE(client.ok()) << client.status();
    absl::StatusOr<std::unique_ptr<Connection>> server = co_await (*listener)->Accept();
    EXPECT_EQ((*server)->remote().ip(), "127.0.0.2");
    EXPECT_EQ((*server)->remote(), (*client)->local());
    co_await (*client)->Close();
    co_await (*server)->Close();
    // One that is not here is an error, and not replaced by another.
    const ConnectOptions from_elsewhere{.remote = to.remote,
                                        .source = *SocketAddress::FromIp("192.0.2.7", 0)};
    const auto failed = co_await core.Connect(from_elsewhere, core.Now() + absl::Seconds(30));
    EXPECT_EQ(failed.status().message(), "connect to " + to.remote.ToString() +
                                             " from 192.0.2.7: Cannot assign requested address");
    co_await (*listener)->Close();
  }(core()));
}

TEST(RealMachineTest, KnowsWhichAddressesConnectionsCanComeFrom) {
  EXPECT_TRUE(RealMachine().CheckSource(*SocketAddress::FromIp("127.0.0.2", 0)).ok());
  const absl::Status elsewhere = RealMachine().CheckSource(*SocketAddress::FromIp("192.0.2.7", 0));
  EXPECT_EQ(elsewhere.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(elsewhere.message(),
            "192.0.2.7 is no address of this machine ('ip address' lists them)");
}

TEST_F(UringCoreTest, ListensOnIpv6) {
  StartEngine();
  RunToEnd([](Core& core) -> Task<void> {
    absl::StatusOr<std::unique_ptr<Listener>> listener =
        core.Listen(*SocketAddress::Parse("[::1]:0"));
    EXPECT_TRUE(listener.ok()) << listener.status();
    const ConnectOptions to{.remote = (*listener)->address(), .source = std::nullopt};
    absl::StatusOr<std::unique_ptr<Connection>> client =
        co_await core.Connect(to, core.Now() + absl::Seconds(5));
    EXPECT_TRUE(client.ok()) << client.status();
    absl::StatusOr<std::unique_ptr<Connection>> server = co_await (*listener)->Accept();
    EXPECT_EQ((*server)->remote(), (*client)->local());
    co_await (*client)->Close();
    co_await (*server)->Close();
    co_await (*listener)->Close();
  }(core()));
}

TEST_F(UringCoreTest, TimersAndEventsWakeInOrder) {
  StartEngine();
  RunToEnd([](Core& core) -> Task<void> {
    Event event(core);
    const bool in_vain = co_await event.Wait(core.Now() + absl::Milliseconds(5));
    EXPECT_FALSE(in_vain);
    std::vector<int> order;
    for (const int ms : {30, 10, 20}) {
      core.Spawn([](Core& c, int wait_ms, std::vector<int>& out, Event& done) -> Task<void> {
        co_await c.SleepUntil(c.Now() + absl::Milliseconds(wait_ms));
        out.push_back(wait_ms);
        if (out.size() == 3) done.NotifyOne();
      }(core, ms, order, event));
    }
    const bool notified = co_await event.Wait(core.Now() + absl::Seconds(10));
    EXPECT_TRUE(notified);
    EXPECT_EQ(order, (std::vector<int>{10, 20, 30}));
  }(core()));
}

// Work that takes as long as all the turns of a tick may.
Task<void> WorkLong(Core& core, std::string& log) {
  co_await core.Turn();
  for (const MonoTime end = SystemClock().MonoNow() + absl::Milliseconds(2);
       SystemClock().MonoNow() < end;) {
  }
  log += 'L';
}

// Is ready again in each tick.
Task<void> WorkShort(Core& core, std::string& log) {
  for (int i = 0; i < 4; ++i) {
    co_await core.SleepUntil(MonoTime());
    log += 's';
  }
}

Task<void> WorkBoth(Core& core, std::string& log) {
  for (int i = 0; i < 3; ++i) core.Spawn(WorkLong(core, log));
  core.Spawn(WorkShort(core, log));
  while (log.size() < 7) co_await core.SleepUntil(MonoTime());
}

TEST_F(UringCoreTest, WhatIsReadyDoesNotWaitForAllTurns) {
  StartEngine();
  std::string log;
  RunToEnd(WorkBoth(core(), log));
  EXPECT_EQ(log, "LsLsLss");
}

// Whose turns take no time, so that all of them have room in a tick.
Task<void> TakeTurns(Core& core, int& taken) {
  for (int i = 0; i < 100; ++i) co_await core.Turn();
  ++taken;
}

Task<void> AwaitTurns(Core& core, int& taken) {
  for (int i = 0; i < 10; ++i) core.Spawn(TakeTurns(core, taken));
  while (taken < 10) co_await core.SleepUntil(core.Now() + absl::Milliseconds(1));
}

TEST_F(UringCoreTest, TurnsThatAreAskedForAgainEnd) {
  StartEngine();
  int taken = 0;
  RunToEnd(AwaitTurns(core(), taken));
  EXPECT_EQ(taken, 10);
}

TEST_F(UringCoreTest, AnswersComeFromServiceThreads) {
  StartEngine();
  const std::unique_ptr<Executor> service = NewThreadExecutor("service");
  RunToEnd([](Core& core, Executor& executor) -> Task<void> {
    for (int i = 0; i < 2000; ++i) {
      Answer<absl::StatusOr<int>> answer(core);
      executor.Post([send = answer.Sender(), i]() mutable { std::move(send)(i * 2); });
      const std::optional<absl::StatusOr<int>> result =
          co_await answer.Wait(core.Now() + absl::Seconds(10));
      EXPECT_TRUE(result.has_value() && **result == i * 2);
    }
    Answer<absl::Status> dropped(core);
    { const auto sender = dropped.Sender(); }
    const std::optional<absl::Status> nothing =
        co_await dropped.Wait(core.Now() + absl::Seconds(10));
    EXPECT_TRUE(nothing.has_value() && absl::IsCancelled(*nothing));
  }(core(), *service));
}

TEST_F(UringCoreTest, AnAnswerAfterItsDeadlineIsDiscarded) {
  StartEngine();
  std::promise<absl::AnyInvocable<void(absl::Status) &&>> handed_over;
  RunToEnd([](Core& core, auto& sender) -> Task<void> {
    Answer<absl::Status> answer(core);
    sender.set_value(answer.Sender());
    const std::optional<absl::Status> late =
        co_await answer.Wait(core.Now() + absl::Milliseconds(5));
    EXPECT_FALSE(late.has_value());
  }(core(), handed_over));
  handed_over.get_future().get()(absl::OkStatus());  // ASan sees a touch of what is gone
}

TEST_F(UringCoreTest, CoresWakeOneAnother) {
  if (UsableCpus() < 2) GTEST_SKIP() << "one CPU";
  StartEngine({.cores = 2});
  RunToEnd([](Core& here, Core& there) -> Task<void> {
    for (int i = 0; i < 2000; ++i) {
      Answer<absl::StatusOr<int>> answer(here);
      there.Run([send = answer.Sender(), &there]() mutable {
        EXPECT_EQ(Core::Current(), &there);
        std::move(send)(7);
      });
      const std::optional<absl::StatusOr<int>> result =
          co_await answer.Wait(here.Now() + absl::Seconds(10));
      EXPECT_TRUE(result.has_value() && **result == 7);
    }
  }(core(0), core(1)));
}

TEST_F(UringCoreTest, AcceptReportsThatDescriptorsHaveRunOutAndGoesOn) {
  StartEngine();
  RunToEnd([](Core& core) -> Task<void> {
    absl::StatusOr<std::unique_ptr<Listener>> listener = core.Listen(Loopback());
    const ConnectOptions to{.remote = (*listener)->address(), .source = std::nullopt};
    absl::StatusOr<std::unique_ptr<Connection>> client =
        co_await core.Connect(to, core.Now() + absl::Seconds(5));
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    rlimit none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    const auto failed = co_await (*listener)->Accept();
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(failed.status().code(), absl::StatusCode::kResourceExhausted) << failed.status();
    absl::StatusOr<std::unique_ptr<Connection>> server = co_await (*listener)->Accept();
    EXPECT_TRUE(server.ok()) << server.status();
    co_await (*server)->Close();
    co_await (*client)->Close();
    co_await (*listener)->Close();
  }(core()));
}

TEST_F(UringCoreTest, RefusesMoreCoresThanThereAre) {
  const auto engine = StartUringEngine({.cores = 100'000}, SystemClock());
  EXPECT_EQ(engine.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sluice::io
