#include "queue/history.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HistoryTest : public ::testing::Test {
 protected:
  void Append(HistoryEntry entry) {
    world_.spool().AppendHistory(
        std::move(entry), [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
    world_.store().RunAll();
  }
  void AppendNumbered(int number) {
    HistoryEntry entry;
    entry.detail = absl::StrCat(number);
    Append(entry);
  }
  HistoryPage Query(const HistoryQuery& query) {
    absl::StatusOr<HistoryPage> page = world_.spool().QueryHistory(query);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.value_or(HistoryPage());
  }
  std::vector<std::string> Details(const HistoryQuery& query) {
    std::vector<std::string> details;
    for (const HistoryEntry& entry : Query(query).entries) details.push_back(entry.detail);
    return details;
  }

  SpoolWorld world_;
};

TEST_F(HistoryTest, ReadsFromEitherEnd) {
  for (int i = 1; i <= 5; ++i) {
    AppendNumbered(i);
    world_.clock().Advance(absl::Seconds(1));
  }
  EXPECT_THAT(Details({}), ElementsAre("5", "4", "3", "2", "1"));
  EXPECT_THAT(Details({.newest_first = false}), ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_THAT(Details({.limit = 2}), ElementsAre("5", "4"));
}

TEST_F(HistoryTest, PagesJoinUpInBothDirections) {
  for (int i = 1; i <= 7; ++i) AppendNumbered(i);  // all at the same time
  for (const bool newest_first : {true, false}) {
    std::vector<std::string> seen;
    HistoryQuery query = {.newest_first = newest_first, .limit = 3};
    for (int page_number = 0; page_number < 3; ++page_number) {
      const HistoryPage page = Query(query);
      for (const HistoryEntry& entry : page.entries) seen.push_back(entry.detail);
      query.cursor = page.next;
    }
    if (newest_first) {
      EXPECT_THAT(seen, ElementsAre("7", "6", "5", "4", "3", "2", "1"));
      EXPECT_EQ(query.cursor, "");
    } else {
      EXPECT_THAT(seen, ElementsAre("1", "2", "3", "4", "5", "6", "7"));
      EXPECT_NE(query.cursor, "");
    }
  }
}

TEST_F(HistoryTest, FollowingMissesNothingThoughTheClockIsSetBack) {
  HistoryQuery query = {.newest_first = false};
  query.cursor = Query(query).next;  // of an empty log
  ASSERT_NE(query.cursor, "");
  std::vector<std::string> seen;
  for (int i = 1; i <= 6; ++i) {
    AppendNumbered(i);
    world_.clock().Advance(i % 2 == 0 ? absl::Hours(1) : -absl::Hours(2));
    if (i == 3) {  // and the gateway is restarted
      world_.Close();
      ASSERT_TRUE(world_.Open().ok());
    }
    const HistoryPage page = Query(query);
    for (const HistoryEntry& entry : page.entries) seen.push_back(entry.detail);
    query.cursor = page.next;
  }
  EXPECT_THAT(seen, ElementsAre("1", "2", "3", "4", "5", "6"));
  EXPECT_THAT(Query(query).entries, IsEmpty());
  EXPECT_EQ(Query(query).next, query.cursor);
}

TEST_F(HistoryTest, CursorOfAnEntryGoesOnAfterIt) {
  for (int i = 1; i <= 3; ++i) AppendNumbered(i);
  const HistoryEntry middle = Query({}).entries[1];
  EXPECT_THAT(Details({.cursor = CursorOf(middle)}), ElementsAre("1"));
  EXPECT_THAT(Details({.newest_first = false, .cursor = CursorOf(middle)}), ElementsAre("3"));
  for (const char* bad : {"x", "00", "zz", "ffffffffffffffffffffffffffffffff"}) {
    EXPECT_EQ(world_.spool().QueryHistory({.cursor = bad}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST_F(HistoryTest, Filters) {
  const MessageId id = MessageId::Of(absl::ToUnixNanos(world_.Now()), 1);
  HistoryEntry entry;
  entry.detail = "a";
  entry.domain = "a.example";
  entry.message_id = id;
  entry.sender = "Alice@sender.example";
  entry.recipients = {"bob@a.example", "carol@a.example"};
  entry.outcome = Outcome::kDeferred;
  entry.tls = true;
  Append(entry);
  world_.clock().Advance(absl::Hours(1));
  entry = HistoryEntry();
  entry.detail = "b";
  entry.domain = "b.example";
  entry.outcome = Outcome::kDeferred;
  Append(entry);
  world_.clock().Advance(absl::Hours(1));
  entry.detail = "c";
  entry.outcome = Outcome::kDelivered;
  Append(entry);

  EXPECT_THAT(Details({.domain = "b.example"}), ElementsAre("c", "b"));
  EXPECT_THAT(Details({.message_id = id}), ElementsAre("a"));
  EXPECT_THAT(Details({.sender = "alice@SENDER.example"}), ElementsAre("a"));
  EXPECT_THAT(Details({.recipient = "CAROL@a.example"}), ElementsAre("a"));
  EXPECT_THAT(Details({.recipient = "dave@a.example"}), IsEmpty());
  EXPECT_THAT(Details({.outcomes = {Outcome::kDeferred}}), ElementsAre("b", "a"));
  EXPECT_THAT(Details({.outcomes = {Outcome::kDeferred}, .tls = true}), ElementsAre("a"));
  EXPECT_THAT(Details({.outcomes = {Outcome::kDelivered, Outcome::kFailed}}), ElementsAre("c"));
  const absl::Time second = world_.Now() - absl::Hours(1);
  EXPECT_THAT(Details({.since = second}), ElementsAre("c", "b"));
  EXPECT_THAT(Details({.until = second}), ElementsAre("a"));
  EXPECT_THAT(Details({.since = second, .until = second + absl::Nanoseconds(1)}), ElementsAre("b"));
  EXPECT_THAT(Details({.since = second, .until = second}), IsEmpty());
}

TEST_F(HistoryTest, AQueryThatFindsNothingIsBoundedAndGoesOn) {
  for (int i = 1; i <= 10; ++i) AppendNumbered(i);
  HistoryQuery query = {.domain = "nowhere.example", .most_scanned = 4};
  int pages = 0;
  do {
    const HistoryPage page = Query(query);
    EXPECT_THAT(page.entries, IsEmpty());
    query.cursor = page.next;
    ++pages;
  } while (!query.cursor.empty());
  EXPECT_EQ(pages, 3);
}

TEST_F(HistoryTest, TrimForgetsWhatIsOld) {
  for (int i = 1; i <= 5; ++i) {
    AppendNumbered(i);
    world_.clock().Advance(absl::Hours(1));
  }
  absl::Status trimmed = absl::UnknownError("");
  world_.spool().TrimHistory(world_.Now() - absl::Hours(2), UINT64_MAX, [&](absl::Status s) { trimmed = s; });
  world_.store().RunAll();
  EXPECT_TRUE(trimmed.ok());
  EXPECT_THAT(Details({}), ElementsAre("5", "4"));
  AppendNumbered(6);
  EXPECT_THAT(Details({}), ElementsAre("6", "5", "4"));
}

TEST_F(HistoryTest, TrimKeepsToASize) {
  for (int i = 1; i <= 400; ++i) {
    HistoryEntry entry;
    for (int byte = 0; byte < 4096; ++byte) {
      entry.detail.push_back(static_cast<char>('a' + world_.random().Below(26)));
    }
    Append(entry);
    world_.clock().Advance(absl::Hours(1));
  }
  absl::Status trimmed = absl::UnknownError("");
  world_.spool().TrimHistory(absl::InfinitePast(), 800'000,
                             [&](absl::Status s) { trimmed = s; });
  world_.store().RunAll();
  ASSERT_TRUE(trimmed.ok()) << trimmed;
  const size_t left = Query({.limit = 1000}).entries.size();
  EXPECT_GT(left, 20u);  // some 190: sizes are rough
  EXPECT_LT(left, 350u);
  EXPECT_EQ(Query({.limit = 1}).entries.at(0).sequence, 400u);
}

TEST_F(HistoryTest, StandsOrFallsWithWhatItTells) {
  const NewMessage message = world_.Compose({"a.example"});
  ASSERT_TRUE(world_.Accept(message).ok());
  AttemptResult result;
  result.envelope = message.envelopes[0];
  result.next_attempt = world_.Now() + absl::Hours(1);
  result.history.emplace_back().detail = "first";
  result.history.emplace_back().detail = "second";
  ASSERT_TRUE(world_.Finish(result).ok());
  EXPECT_EQ(world_.Finish(result).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Details({.newest_first = false}), ElementsAre("first", "second"));
}

}  // namespace
}  // namespace sluice::queue
