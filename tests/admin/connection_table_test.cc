#include "engine/admin/connection_table.h"

#include <sys/socket.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace sluice::admin {
namespace {

const MonoTime kNow = MonoTime::FromNanos(0) + absl::Hours(1);

class ConnectionTableTest : public ::testing::Test {
 protected:
  ConnectionTableTest() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair_), 0); }
  ~ConnectionTableTest() override {
    close(pair_[0]);
    close(pair_[1]);
  }

  OpenConnection* Add(const std::string& client, MonoTime deadline = MonoTime::Never()) {
    OpenConnection connection;
    connection.fd = pair_[0];
    connection.client = client;
    connection.deadline = deadline;
    return table_.Add(std::move(connection));
  }
  bool PeerIsShutDown() const {
    char octet;
    return recv(pair_[1], &octet, 1, MSG_DONTWAIT) == 0;
  }

  int pair_[2];
  ConnectionTable table_{2};
};

TEST_F(ConnectionTableTest, EachClientHasItsShare) {
  OpenConnection* const first = Add("a");
  EXPECT_TRUE(table_.HasRoomFor("a"));
  Add("a");
  EXPECT_FALSE(table_.HasRoomFor("a"));
  EXPECT_TRUE(table_.HasRoomFor("b"));
  table_.Remove(first);
  EXPECT_TRUE(table_.HasRoomFor("a"));

  ConnectionTable unbounded(0);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(unbounded.HasRoomFor(""));
    unbounded.Add({});
  }
}

TEST_F(ConnectionTableTest, WhoIsLateIsShutDown) {
  OpenConnection* const connection = Add("a", kNow);
  table_.Tend(kNow);
  EXPECT_FALSE(PeerIsShutDown());
  table_.SetDeadline(connection, kNow + absl::Seconds(1));
  table_.Tend(kNow + absl::Seconds(1));
  EXPECT_FALSE(PeerIsShutDown());
  table_.Tend(kNow + absl::Seconds(2));
  EXPECT_TRUE(PeerIsShutDown());
}

TEST_F(ConnectionTableTest, WhoRestsIsWokenOnceAtItsTime) {
  OpenConnection* const connection = Add("a");
  int woken = 0;
  table_.Rest(connection, kNow + absl::Seconds(1), [&woken] { ++woken; });
  table_.Tend(kNow);
  EXPECT_EQ(woken, 0);
  table_.Tend(kNow + absl::Seconds(1));
  table_.Tend(kNow + absl::Seconds(2));
  EXPECT_EQ(woken, 1);

  table_.Rest(connection, MonoTime::Never(), [&woken] { ++woken; });
  table_.WakeAll();
  EXPECT_EQ(woken, 2);
  table_.Rest(connection, MonoTime::Never(), [&woken] { ++woken; });
  EXPECT_EQ(woken, 3);
  table_.Remove(connection);
}

}  // namespace
}  // namespace sluice::admin
