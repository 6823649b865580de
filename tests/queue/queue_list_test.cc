#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "queue/queue_list.h"
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

// In chunks of every size, so that the empty line lies across two of them in every way.
TEST_F(QueueListTest, TheHeaderEndsAtTheEmptyLine) {
  const std::string header = "Subject: a\r\n b\r\nTo: c\r\n";
  const auto header_of = [this](const std::string& text, size_t chunk) {
    NewMessage message = world_.Compose({"a.example"});
    message.body = io::Body();
    for (size_t at = 0; at < text.size(); at += chunk) {
      message.body.Append(io::Chunk::Copy(text.substr(at, chunk)));
    }
    EXPECT_TRUE(world_.Accept(message).ok());
    return world_.spool().ReadHeader(message.id).value();
  };
  for (size_t chunk = 1; chunk <= header.size(); ++chunk) {
    EXPECT_EQ(header_of(header + "\r\nbody\r\n\r\nmore\r\n", chunk), header) << chunk;
  }
  EXPECT_EQ(header_of("\r\nbody\r\n", 64), "");
  EXPECT_EQ(header_of(header, 5), header);  // nothing but a header
  // Cut behind a whole line.
  const std::string line = std::string(98, 'x') + "\r\n";
  std::string endless;
  while (endless.size() <= kShownHeaderBytes) endless += line;
  const std::string cut = header_of(endless, 4096);
  EXPECT_EQ(cut.size(), kShownHeaderBytes / line.size() * line.size());
  EXPECT_EQ(world_.spool().ReadHeader(MessageId::Of(1, 1)).value(), "");
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
