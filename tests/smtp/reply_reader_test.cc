#include "engine/smtp/reply_reader.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice::smtp {
namespace {

// Reads one reply out of `pieces`; `rest` gets what the reader did not take.
absl::StatusOr<Reply> ReadPieces(const std::vector<std::string>& pieces, std::string& rest) {
  ReplyReader reader;
  for (size_t i = 0; i < pieces.size(); ++i) {
    size_t used = 0;
    const absl::StatusOr<bool> complete = reader.Read(pieces[i], used);
    if (!complete.ok()) return complete.status();
    if (!*complete) {
      EXPECT_EQ(used, pieces[i].size());
      continue;
    }
    rest = pieces[i].substr(used);
    for (size_t j = i + 1; j < pieces.size(); ++j) rest += pieces[j];
    return reader.Take();
  }
  return absl::OutOfRangeError("not complete");
}

absl::StatusOr<Reply> ReadWhole(const std::string& bytes) {
  std::string rest;
  return ReadPieces({bytes}, rest);
}

struct GoodCase {
  std::string bytes;
  int code;
  std::string status;  // empty: none
  std::string text;
  std::string rest;
};

const std::vector<GoodCase>& GoodCases() {
  static const auto& cases = *new std::vector<GoodCase>{
      {"220 mx.example.net ESMTP\r\n", 220, "", "mx.example.net ESMTP", ""},
      {"250\r\n", 250, "", "", ""},
      {"250 \r\n", 250, "", "", ""},
      {"250-a\r\n250-b\r\n250 c\r\n", 250, "", "a\nb\nc", ""},
      {"250-\r\n250\r\n", 250, "", "\n", ""},
      {"250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n", 250, "", "mx\nSIZE 1000\nSTARTTLS", ""},
      {"550 5.1.1 No such user\r\n", 550, "5.1.1", "No such user", ""},
      {"550-5.7.1 one\r\n550 5.7.1 two\r\n", 550, "5.7.1", "one\ntwo", ""},
      {"550-one\r\n550 5.7.26 two\r\n", 550, "5.7.26", "one\ntwo", ""},
      {"250 2.0.0\r\n", 250, "2.0.0", "", ""},
      {"421 4.4.2 bye\r\n", 421, "4.4.2", "bye", ""},
      // A status of another class, or what only looks like one, is text.
      {"550 4.1.1 hm\r\n", 550, "", "4.1.1 hm", ""},
      {"250 2.0 of 3\r\n", 250, "", "2.0 of 3", ""},
      {"250 2.0.0.1 release\r\n", 250, "", "2.0.0.1 release", ""},
      {"250 2.1234.0 release\r\n", 250, "", "2.1234.0 release", ""},
      // Bare LF ends a line; a bare CR is text.
      {"250-a\n250 b\n", 250, "", "a\nb", ""},
      {"250 a\rb\r\n", 250, "", "a?b", ""},
      // Nothing unprintable gets through.
      {absl::StrCat("250 a\x1b[31m\xc3\xa9", std::string(1, '\0'), "\t\r\n"), 250, "", "a?[31m????",
       ""},
      // Not a byte behind the end is taken.
      {"220 go ahead\r\n250 injected\r\n", 220, "", "go ahead", "250 injected\r\n"},
      {"354 send\r\nx", 354, "", "send", "x"},
  };
  return cases;
}

void ExpectCase(const GoodCase& expected, const absl::StatusOr<Reply>& reply,
                const std::string& rest) {
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->code, expected.code);
  EXPECT_EQ(reply->text, expected.text);
  EXPECT_EQ(reply->status.has_value() ? reply->status->ToString() : "", expected.status);
  EXPECT_EQ(rest, expected.rest);
}

TEST(ReplyReaderTest, ReadsWholeReplies) {
  for (const GoodCase& expected : GoodCases()) {
    SCOPED_TRACE(expected.bytes);
    std::string rest;
    ExpectCase(expected, ReadPieces({expected.bytes}, rest), rest);
  }
}

TEST(ReplyReaderTest, ReadsRepliesCutInTwoAnywhere) {
  for (const GoodCase& expected : GoodCases()) {
    for (size_t cut = 0; cut <= expected.bytes.size(); ++cut) {
      SCOPED_TRACE(absl::StrCat(expected.bytes, " cut at ", cut));
      std::string rest;
      ExpectCase(expected,
                 ReadPieces({expected.bytes.substr(0, cut), expected.bytes.substr(cut)}, rest),
                 rest);
    }
  }
}

TEST(ReplyReaderTest, ReadsRepliesByteByByte) {
  for (const GoodCase& expected : GoodCases()) {
    SCOPED_TRACE(expected.bytes);
    std::vector<std::string> bytes;
    for (const char c : expected.bytes) bytes.emplace_back(1, c);
    std::string rest;
    ExpectCase(expected, ReadPieces(bytes, rest), rest);
  }
}

TEST(ReplyReaderTest, OneReaderReadsOneReplyAfterAnother) {
  const std::string bytes = "250-a\r\n250 5\r\n550 5.1.1 b\r\n250 ok\r\n";
  ReplyReader reader;
  std::vector<std::string> replies;
  size_t used = 0;
  while (used < bytes.size()) {
    const absl::StatusOr<bool> complete = reader.Read(absl::string_view(bytes).substr(used), used);
    ASSERT_TRUE(complete.ok() && *complete);
    const Reply reply = reader.Take();
    replies.push_back(absl::StrCat(reply.code, "|", reply.status.has_value(), "|", reply.text));
  }
  EXPECT_EQ(replies, (std::vector<std::string>{"250|0|a\n5", "550|1|b", "250|0|ok"}));
}

TEST(ReplyReaderTest, RefusesWhatIsNoReply) {
  for (const std::string bytes :
       {"\r\n", "2\r\n", "25\r\n", "hello\r\n", "2x0 ok\r\n", "250ok\r\n", "2500 ok\r\n",
        "150 early\r\n", "650 late\r\n", "050 ok\r\n", "-50 ok\r\n", " 250 ok\r\n", "250_ok\r\n",
        "HTTP/1.1 200 OK\r\n", "\x15\x03\x01\r\n"}) {
    SCOPED_TRACE(bytes);
    EXPECT_EQ(ReadWhole(bytes).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ReplyReaderTest, TheErrorShowsWhatWasSentInPrintableForm) {
  const absl::Status status = ReadWhole("\x1b]0;owned\x07\r\n").status();
  for (const char c : status.message()) EXPECT_TRUE(c >= ' ' && c <= '~') << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "owned"));
}

TEST(ReplyReaderTest, RefusesCodesThatDiffer) {
  const absl::Status status = ReadWhole("250-a\r\n550 b\r\n").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "250 and 550")) << status;
}

TEST(ReplyReaderTest, BoundsTheLine) {
  const std::string longest =
      absl::StrCat("250 ", std::string(ReplyReader::kMaxLine - 6, 'x'), "\r\n");
  EXPECT_TRUE(ReadWhole(longest).ok());
  const std::string longer =
      absl::StrCat("250 ", std::string(ReplyReader::kMaxLine - 5, 'x'), "\r\n");
  EXPECT_EQ(ReadWhole(longer).status().code(), absl::StatusCode::kInvalidArgument);
  // Without waiting for an end that never comes, in however small pieces it does not come.
  ReplyReader reader;
  size_t taken = 0;
  absl::StatusOr<bool> complete = false;
  while (complete.ok()) complete = reader.Read("xxxxxxx", taken);
  EXPECT_LE(taken, ReplyReader::kMaxLine);
}

TEST(ReplyReaderTest, BoundsTheLines) {
  const auto reply_of = [](int lines) {
    std::string bytes;
    for (int i = 1; i < lines; ++i) bytes += "250-x\r\n";
    return bytes + "250 x\r\n";
  };
  EXPECT_TRUE(ReadWhole(reply_of(ReplyReader::kMaxLines)).ok());
  EXPECT_EQ(ReadWhole(reply_of(ReplyReader::kMaxLines + 1)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ReplyReaderTest, KeepsTheFirstLinesOfAVeryLongReply) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    bytes += absl::StrCat("250-", 100 + i, std::string(500, 'x'), "\r\n");
  }
  const absl::StatusOr<Reply> reply = ReadWhole(bytes + "250 last\r\n");
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_LE(reply->text.size(), ReplyReader::kKeptBytes);
  EXPECT_GT(reply->text.size(), ReplyReader::kKeptBytes - 510);
  EXPECT_TRUE(absl::StartsWith(reply->text, "100x"));
  EXPECT_TRUE(absl::EndsWith(reply->text, "xx"));  // whole lines: not "last", which came later
}

}  // namespace
}  // namespace sluice::smtp
