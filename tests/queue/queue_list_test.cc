#include <string>
#include <vector>

#include "engine/io/chunk.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "queue/queue_view.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class QueueListTest : public ::testing::Test {
 protected:
  Envelope Accept(const std::string& domain, const std::string& sender = "alice@sender.example") {
    NewMessage message = world_.Compose({domain});
    message.envelopes[0].sender = sender;
    EXPECT_TRUE(world_.Accept(message).ok());
    world_.clock().Advance(absl::Seconds(1));
    return message.envelopes[0];
  }
  std::vector<std::string> Destinations(const QueueQuery& query) {
    std::vector<std::string> destinations;
    const QueuePage page = world_.spool().List(query).value();
    for (const QueueItem& item : page.items) {
      destinations.push_back(item.envelope.destination);
    }
    return destinations;
  }

  SpoolWorld world_;
};

TEST_F(QueueListTest, OldestFirstInPages) {
  for (const char* domain : {"e.example", "d.example", "c.example", "b.example", "a.example"}) {
    Accept(domain);
  }
  EXPECT_THAT(Destinations({}),
              ElementsAre("e.example", "d.example", "c.example", "b.example", "a.example"));
  QueueQuery query = {.limit = 2};
  std::vector<std::string> seen;
  int pages = 0;
  do {
    const QueuePage page = world_.spool().List(query).value();
    for (const QueueItem& item : page.items) seen.push_back(item.envelope.destination);
    query.cursor = page.next;
    ++pages;
  } while (!query.cursor.empty());
  EXPECT_THAT(seen, ElementsAre("e.example", "d.example", "c.example", "b.example", "a.example"));
  EXPECT_EQ(pages, 3);
}

TEST_F(QueueListTest, Filters) {
  const Envelope a = Accept("a.example");
  const Envelope b = Accept("b.example", "dave@sender.example");
  const Envelope aa = Accept("aa.example", "");
  ASSERT_TRUE(world_.Defer(b, world_.Now() + absl::Hours(1)).ok());
  EXPECT_THAT(Destinations({.destination = "a.example"}), ElementsAre("a.example"));
  EXPECT_THAT(Destinations({.message_id = aa.id}), ElementsAre("aa.example"));
  EXPECT_THAT(Destinations({.sender = "DAVE@sender.example"}), ElementsAre("b.example"));
  EXPECT_THAT(Destinations({.recipient = "BOB@a.example"}), ElementsAre("a.example"));
  EXPECT_THAT(Destinations({.state = ItemState::kWaiting}), ElementsAre("b.example"));
  EXPECT_THAT(Destinations({.state = ItemState::kActive}), ElementsAre("a.example", "aa.example"));
  EXPECT_THAT(Destinations({.destination = "nowhere.example"}), IsEmpty());
}

TEST_F(QueueListTest, ALongSearchIsBoundedAndGoesOn) {
  for (int i = 0; i < 10; ++i) Accept("a.example");
  Accept("b.example");
  QueueQuery query = {.destination = "b.example", .most_scanned = 4};
  QueuePage page = world_.spool().List(query).value();
  EXPECT_THAT(page.items, IsEmpty());
  ASSERT_NE(page.next, "");
  query.cursor = page.next;
  query.most_scanned = 100;
  page = world_.spool().List(query).value();
  EXPECT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(page.next, "");
}

TEST_F(QueueListTest, FindShowsAllOfOneMessageAndNoOther) {
  const NewMessage message = world_.Compose({"a.example", "b.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  Accept("c.example");
  EXPECT_THAT(*world_.spool().Find(message.id), SizeIs(2));
  EXPECT_THAT(*world_.spool().Find(MessageId::Of(1, 1)), IsEmpty());
}

TEST_F(QueueListTest, ReadsTheBeginningOfABodyInWholeChunks) {
  NewMessage message = world_.Compose({"a.example"});
  message.body = io::Body();
  for (const char* chunk : {"0123", "456", "789"}) message.body.Append(io::Chunk::Copy(chunk));
  ASSERT_TRUE(world_.Accept(message).ok());
  const auto beginning = [this](const MessageId& id, size_t least_bytes) {
    std::string bytes;
    const io::Body body = world_.spool().ReadBeginning(id, least_bytes).value();
    for (const io::Chunk& chunk : body.chunks()) bytes += std::string(chunk.view());
    return bytes;
  };
  EXPECT_EQ(beginning(message.id, 0), "");
  EXPECT_EQ(beginning(message.id, 1), "0123");
  EXPECT_EQ(beginning(message.id, 4), "0123");
  EXPECT_EQ(beginning(message.id, 5), "0123456");
  EXPECT_EQ(beginning(message.id, 1000), "0123456789");
  EXPECT_EQ(beginning(MessageId::Of(1, 1), 1000), "");
}

TEST_F(QueueListTest, RefusesAStrangeCursor) {
  for (const char* bad : {"x", "00", "zz"}) {
    EXPECT_EQ(world_.spool().List({.cursor = bad}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

}  // namespace
}  // namespace sluice::queue
