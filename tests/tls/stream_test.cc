// Streams over loopback sockets, on a core of its own.
#include "tls/stream.h"

#include <algorithm>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/uring_core.h"
#include "tests/tls/session_fixture.h"

namespace sluice::tls {
namespace {

constexpr absl::Duration kLong = absl::Seconds(30);

// Counts what leaves through a connection.
struct Sends {
  int count = 0;
  size_t largest = 0;
  // Set: what is sent leaves in one piece when the connection is closed, which happens then.
  io::Event* closes = nullptr;
  std::string held;
};

class CountingConnection : public io::Connection {
 public:
  CountingConnection(std::unique_ptr<io::Connection> inner, Sends& sends)
      : inner_(std::move(inner)), sends_(sends) {}
  const io::SocketAddress& local() const override { return inner_->local(); }
  const io::SocketAddress& remote() const override { return inner_->remote(); }
  io::Task<absl::StatusOr<io::Input>> Receive(MonoTime deadline) override {
    return inner_->Receive(deadline);
  }
  io::Task<absl::Status> Send(absl::Span<const absl::string_view> pieces,
                              MonoTime deadline) override {
    ++sends_.count;
    size_t size = 0;
    for (const absl::string_view piece : pieces) size += piece.size();
    sends_.largest = std::max(sends_.largest, size);
    if (sends_.closes != nullptr) return Hold(pieces);
    return inner_->Send(pieces, deadline);
  }
  void Abort() override { inner_->Abort(); }
  io::Task<void> Close() override {
    if (sends_.closes != nullptr) {
      const absl::string_view held = sends_.held;
      const absl::Status sent =
          co_await inner_->Send(absl::MakeConstSpan(&held, 1), MonoTime::Never());
      EXPECT_TRUE(sent.ok()) << sent;
      co_await sends_.closes->Wait(MonoTime::Never());
    }
    co_await inner_->Close();
  }

 private:
  io::Task<absl::Status> Hold(absl::Span<const absl::string_view> pieces) {
    for (const absl::string_view piece : pieces) sends_.held.append(piece.data(), piece.size());
    co_return absl::OkStatus();
  }

  const std::unique_ptr<io::Connection> inner_;
  Sends& sends_;
};

// Two ends of one connection, and what a scene needs besides.
struct Ends {
  io::Core& core;
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
  ServerContext& server_context;
  ClientContext& client_context;
  Sends client_sends = {};
  Sends server_sends = {};

  MonoTime Soon() const { return core.Now() + kLong; }
};

using Scene = io::Task<void> (*)(Ends& ends);

class StreamTest : public SessionTest {
 protected:
  void Play(Scene scene) {
    io::EngineOptions options;
    options.pin = false;
    absl::StatusOr<std::unique_ptr<io::Engine>> engine =
        io::StartUringEngine(options, SystemClock());
    ASSERT_TRUE(engine.ok()) << engine.status();
    io::Core& core = (*engine)->core(0);
    std::promise<void> done;
    core.Run([&] { core.Spawn(Connect(core, *server_context_, *client_context_, scene, done)); });
    ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
    (*engine)->Stop();
  }

 private:
  static io::Task<void> Connect(io::Core& core, ServerContext& server_context,
                                ClientContext& client_context, Scene scene,
                                std::promise<void>& done) {
    absl::StatusOr<std::unique_ptr<io::Listener>> listener =
        core.Listen(*io::SocketAddress::Parse("127.0.0.1:0"));
    EXPECT_TRUE(listener.ok()) << listener.status();
    const io::ConnectOptions to{.remote = (*listener)->address(), .source = std::nullopt};
    absl::StatusOr<std::unique_ptr<io::Connection>> near =
        co_await core.Connect(to, core.Now() + kLong);
    absl::StatusOr<std::unique_ptr<io::Connection>> far = co_await (*listener)->Accept();
    Ends ends{core, nullptr, nullptr, server_context, client_context};
    ends.client = std::make_unique<Stream>(
        core, std::make_unique<CountingConnection>(*std::move(near), ends.client_sends));
    ends.server = std::make_unique<Stream>(
        core, std::make_unique<CountingConnection>(*std::move(far), ends.server_sends));
    co_await scene(ends);
    co_await ends.client->Close(core.Now() + kLong);
    if (ends.server != nullptr) co_await ends.server->Close(core.Now() + kLong);
    co_await (*listener)->Close();
    done.set_value();
  }
};

// A task that runs beside the scene, and its end.
template <typename T>
class Beside {
 public:
  Beside(io::Core& core, io::Task<T> task) : ended_(core) {
    core.Spawn(Run(std::move(task), value_, ended_));
  }
  io::Task<T> Join() {
    if (!value_.has_value()) co_await ended_.Wait(MonoTime::Never());
    co_return *std::move(value_);
  }

 private:
  static io::Task<void> Run(io::Task<T> task, std::optional<T>& value, io::Event& ended) {
    value = co_await task;
    ended.NotifyAll();
  }
  std::optional<T> value_;
  io::Event ended_;
};

io::Task<std::string> ReadExactly(Stream& stream, size_t size, MonoTime deadline) {
  std::string text;
  while (text.size() < size) {
    if (stream.input().empty()) {
      const absl::StatusOr<bool> more = co_await stream.Fill(deadline);
      EXPECT_TRUE(more.ok()) << more.status();
      if (!more.ok() || !*more) break;
    }
    const size_t n = std::min(stream.input().size(), size - text.size());
    text.append(stream.input().data(), n);
    stream.Consume(n);
  }
  co_return text;
}

// The client's Finished comes with the first word that it says.
io::Task<void> ShakeHands(Ends& ends) {
  Beside<std::optional<Failure>> accepted(ends.core,
                                          ends.server->AcceptTls(ends.server_context, ends.Soon()));
  const PeerDemand demand;
  const std::optional<Failure> connected =
      co_await ends.client->ConnectTls(ends.client_context, demand, ends.Soon());
  EXPECT_FALSE(connected.has_value()) << connected->detail;
  ends.client_sends = {};
  const absl::Status sent = co_await ends.client->Write("EHLO", ends.Soon());
  EXPECT_TRUE(sent.ok()) << sent;
  EXPECT_EQ(ends.client_sends.count, 1);
  const std::optional<Failure> failed = co_await accepted.Join();
  EXPECT_FALSE(failed.has_value()) << failed->detail;
  const std::string said = co_await ReadExactly(*ends.server, 4, ends.Soon());
  EXPECT_EQ(said, "EHLO");
}

// One that waits instead of speaking has its Finished sent all the same.
io::Task<void> ShakeHandsAndListen(Ends& ends) {
  Beside<std::optional<Failure>> accepted(ends.core,
                                          ends.server->AcceptTls(ends.server_context, ends.Soon()));
  const PeerDemand demand;
  const std::optional<Failure> connected =
      co_await ends.client->ConnectTls(ends.client_context, demand, ends.Soon());
  EXPECT_FALSE(connected.has_value()) << connected->detail;
  Beside<std::string> heard(ends.core, ReadExactly(*ends.client, 2, ends.Soon()));
  const std::optional<Failure> failed = co_await accepted.Join();
  EXPECT_FALSE(failed.has_value()) << failed->detail;
  const absl::Status sent = co_await ends.server->Write("hi", ends.Soon());
  EXPECT_TRUE(sent.ok()) << sent;
  const std::string text = co_await heard.Join();
  EXPECT_EQ(text, "hi");
}

TEST_F(StreamTest, StartsInClearAndTurnsToTls) {
  Play([](Ends& ends) -> io::Task<void> {
    EXPECT_EQ(ends.client->tls(), nullptr);
    absl::Status sent = co_await ends.client->Write("STARTTLS\r\n", ends.Soon());
    EXPECT_TRUE(sent.ok()) << sent;
    std::string got = co_await ReadExactly(*ends.server, 10, ends.Soon());
    EXPECT_EQ(got, "STARTTLS\r\n");
    co_await ShakeHands(ends);
    EXPECT_EQ(ends.client->tls()->version_name, "TLSv1.3");
    EXPECT_EQ(ends.server->tls()->version_name, "TLSv1.3");

    sent = co_await ends.server->Write("220 ready\r\n", ends.Soon());
    EXPECT_TRUE(sent.ok()) << sent;
    got = co_await ReadExactly(*ends.client, 11, ends.Soon());
    EXPECT_EQ(got, "220 ready\r\n");
    const std::vector<absl::string_view> pieces = {"EHLO ", "client.example", "\r\n"};
    sent = co_await ends.client->Write(pieces, ends.Soon());
    EXPECT_TRUE(sent.ok()) << sent;
    got = co_await ReadExactly(*ends.server, 21, ends.Soon());
    EXPECT_EQ(got, "EHLO client.example\r\n");
  });
}

TEST_F(StreamTest, AClientMayListenFirst) { Play(ShakeHandsAndListen); }

TEST_F(StreamTest, SignsWithRsaOffTheCore) {
  server_context_ = NewServerContext({RsaCertificate()});
  Play(ShakeHands);
}

TEST_F(StreamTest, SendsAFlightOrAReplyAtOnce) {
  Play([](Ends& ends) -> io::Task<void> {
    co_await ShakeHands(ends);
    EXPECT_EQ(ends.server_sends.count, 1);
    const std::string reply(40'000, 'r');  // three records
    const absl::Status sent = co_await ends.server->Write(reply, ends.Soon());
    EXPECT_TRUE(sent.ok()) << sent;
    EXPECT_EQ(ends.server_sends.count, 2);
    const std::string got = co_await ReadExactly(*ends.client, reply.size(), ends.Soon());
    EXPECT_EQ(got, reply);
  });
}

TEST_F(StreamTest, SendsManySmallPiecesAsOneRecord) {
  Play([](Ends& ends) -> io::Task<void> {
    co_await ShakeHands(ends);
    // With the first reply the ticket leaves.
    absl::Status sent = co_await ends.server->Write("250 ok\r\n", ends.Soon());
    EXPECT_TRUE(sent.ok()) << sent;
    ends.server_sends = {};
    const std::vector<absl::string_view> pieces(1000, "250-x\r\n");
    sent = co_await ends.server->Write(pieces, ends.Soon());
    EXPECT_TRUE(sent.ok()) << sent;
    EXPECT_EQ(ends.server_sends.count, 1);
    EXPECT_LT(ends.server_sends.largest, 7000u + 64);
    const std::string got = co_await ReadExactly(*ends.client, 8 + 7000, ends.Soon());
    EXPECT_EQ(got.substr(8 + 6993), "250-x\r\n");
  });
}

io::Task<absl::Status> WriteAll(Stream& stream, const std::string& text, MonoTime deadline) {
  const absl::string_view whole = text;
  const std::vector<absl::string_view> pieces = {whole.substr(0, 1), whole.substr(1, 70'000),
                                                 whole.substr(70'001)};
  absl::Status sent = co_await stream.Write(pieces, deadline);
  co_return sent;
}

TEST_F(StreamTest, CarriesMegabytesInBoundedSteps) {
  Play([](Ends& ends) -> io::Task<void> {
    co_await ShakeHands(ends);
    std::string text(5'000'000, ' ');
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 + (i >> 10));
    Beside<absl::Status> written(ends.core, WriteAll(*ends.server, text, ends.Soon()));
    const std::string got = co_await ReadExactly(*ends.client, text.size(), ends.Soon());
    EXPECT_TRUE(got == text);  // not EXPECT_EQ: it would print megabytes
    const absl::Status sent = co_await written.Join();
    EXPECT_TRUE(sent.ok()) << sent;
    EXPECT_LT(ends.server_sends.largest, 100'000u);
  });
}

TEST_F(StreamTest, StopsReadingWhenNobodyConsumes) {
  Play([](Ends& ends) -> io::Task<void> {
    co_await ShakeHands(ends);
    const std::string text(300'000, 'z');
    Beside<absl::Status> written(ends.core, WriteAll(*ends.server, text, ends.Soon()));
    while (ends.client->input().size() < Stream::kInputLimit) {
      const absl::StatusOr<bool> more = co_await ends.client->Fill(ends.Soon());
      EXPECT_TRUE(more.ok() && *more);
    }
    EXPECT_EQ(ends.client->input().size(), Stream::kInputLimit);
    const std::string got = co_await ReadExactly(*ends.client, text.size(), ends.Soon());
    EXPECT_EQ(got, text);
    const absl::Status sent = co_await written.Join();
    EXPECT_TRUE(sent.ok()) << sent;
  });
}

TEST_F(StreamTest, EndsWhenThePeerCloses) {
  Play([](Ends& ends) -> io::Task<void> {
    co_await ShakeHands(ends);
    ends.server_sends = {};
    co_await ends.server->Close(ends.Soon());
    EXPECT_EQ(ends.server_sends.count, 1);  // close_notify
    const absl::StatusOr<bool> more = co_await ends.client->Fill(ends.Soon());
    EXPECT_TRUE(more.ok()) << more.status();
    EXPECT_FALSE(*more);
    ends.server = nullptr;
  });
}

io::Task<bool> CloseServer(Ends& ends) {
  co_await ends.server->Close(ends.Soon());
  co_return true;
}

// The server's last words, `behind` and its close_notify come in one piece, and the connection stays
// open, as with servers that wait for the client's close_notify. What two calls of Fill make of what
// comes behind the words.
io::Task<std::vector<absl::StatusOr<bool>>> HearBehindTheLastWords(Ends& ends, std::string behind) {
  co_await ShakeHands(ends);
  io::Event closes(ends.core);
  ends.server_sends.closes = &closes;
  const absl::Status sent = co_await ends.server->Write("221 bye", ends.Soon());
  EXPECT_TRUE(sent.ok()) << sent;
  ends.server_sends.held += behind;
  Beside<bool> closed(ends.core, CloseServer(ends));
  const std::string said = co_await ReadExactly(*ends.client, 7, ends.Soon());
  EXPECT_EQ(said, "221 bye");
  std::vector<absl::StatusOr<bool>> heard;
  for (int i = 0; i < 2; ++i) {
    heard.push_back(co_await ends.client->Fill(ends.core.Now() + absl::Seconds(5)));
  }
  closes.NotifyAll();
  co_await closed.Join();
  ends.server = nullptr;
  co_return heard;
}

TEST_F(StreamTest, HearsTheEndThatComesWithTheLastWordsThoughTheConnectionStays) {
  Play([](Ends& ends) -> io::Task<void> {
    for (const absl::StatusOr<bool>& more : co_await HearBehindTheLastWords(ends, "")) {
      EXPECT_TRUE(more.ok()) << more.status();
      EXPECT_FALSE(more.ok() && *more);
    }
  });
}

TEST_F(StreamTest, WhatIsBrokenStaysBrokenBehindTheLastWords) {
  Play([](Ends& ends) -> io::Task<void> {
    const std::string no_record = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
    for (const absl::StatusOr<bool>& more : co_await HearBehindTheLastWords(ends, no_record)) {
      EXPECT_EQ(more.status().code(), absl::StatusCode::kDataLoss) << more.status();
    }
  });
}

TEST_F(StreamTest, GivesUpOnAPeerThatStalls) {
  Play([](Ends& ends) -> io::Task<void> {
    const PeerDemand demand;
    const std::optional<Failure> failed = co_await ends.client->ConnectTls(
        ends.client_context, demand, ends.core.Now() + absl::Milliseconds(20));
    EXPECT_TRUE(failed.has_value());
    EXPECT_EQ(failed->reason, Reason::kHandshakeTimeout);
    EXPECT_EQ(ends.client->tls(), nullptr);
  });
}

TEST_F(StreamTest, NamesAPeerThatSpeaksPlaintext) {
  Play([](Ends& ends) -> io::Task<void> {
    const absl::Status sent = co_await ends.server->Write("454 4.7.0 not now\r\n", ends.Soon());
    EXPECT_TRUE(sent.ok());
    const PeerDemand demand;
    const std::optional<Failure> failed =
        co_await ends.client->ConnectTls(ends.client_context, demand, ends.Soon());
    EXPECT_TRUE(failed.has_value());
    EXPECT_EQ(failed->reason, Reason::kProtocol);
    EXPECT_EQ(failed->detail, "the peer does not speak TLS; it said: 454 4.7.0 not now\\r\\n");
  });
}

TEST_F(StreamTest, NoticesAPeerThatGoesAway) {
  Play([](Ends& ends) -> io::Task<void> {
    ends.server->Abort();
    const PeerDemand demand;
    const std::optional<Failure> failed =
        co_await ends.client->ConnectTls(ends.client_context, demand, ends.Soon());
    EXPECT_TRUE(failed.has_value());
    EXPECT_EQ(failed->reason, Reason::kClosed);
  });
}

TEST_F(StreamTest, BothSidesHearOfARefusal) {
  Play([](Ends& ends) -> io::Task<void> {
    Beside<std::optional<Failure>> accepted(
        ends.core, ends.server->AcceptTls(ends.server_context, ends.Soon()));
    const PeerDemand demand = DemandName("other.example.com");
    const std::optional<Failure> failed =
        co_await ends.client->ConnectTls(ends.client_context, demand, ends.Soon());
    EXPECT_TRUE(failed.has_value());
    EXPECT_EQ(failed->reason, Reason::kNameMismatch);
    const std::optional<Failure> heard = co_await accepted.Join();
    EXPECT_TRUE(heard.has_value());
    EXPECT_EQ(heard->reason, Reason::kAlert);
    EXPECT_EQ(heard->detail, "alert from the peer: bad certificate");
  });
}

TEST_F(StreamTest, AbortEndsAWait) {
  Play([](Ends& ends) -> io::Task<void> {
    co_await ShakeHands(ends);
    Beside<absl::StatusOr<bool>> waiting(ends.core, ends.client->Fill(MonoTime::Never()));
    co_await ends.core.SleepUntil(ends.core.Now());
    ends.client->Abort();
    const absl::StatusOr<bool> more = co_await waiting.Join();
    EXPECT_TRUE(!more.ok() || !*more);
  });
}

}  // namespace
}  // namespace sluice::tls
