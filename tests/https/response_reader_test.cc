#include "engine/https/response_reader.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::https {
namespace {

using ::testing::HasSubstr;

constexpr size_t kMost = 100;

// In pieces of `piece` bytes. Unavailable: it ended before the response did.
absl::StatusOr<Response> Read(absl::string_view text, size_t piece, size_t most = kMost) {
  ResponseReader reader(most);
  std::string waiting;
  while (!text.empty()) {
    waiting.append(text.data(), std::min(piece, text.size()));
    text.remove_prefix(std::min(piece, text.size()));
    const absl::StatusOr<size_t> taken = reader.Take(waiting);
    if (!taken.ok()) return taken.status();
    waiting.erase(0, *taken);
    if (reader.done()) return reader.response();
  }
  return absl::UnavailableError("more is needed");
}

absl::Status Fault(absl::string_view text) { return Read(text, 1000).status(); }

TEST(ResponseReaderTest, ReadsABodyWhoseLengthIsTold) {
  for (const size_t piece : {1u, 2u, 7u, 1000u}) {
    const auto response = Read(
        "HTTP/1.1 200 OK\r\ncontent-TYPE: text/plain; charset=utf-8 \r\nX: y\r\n"
        "Content-Length: 5\r\n\r\nhello and what nobody asked for",
        piece);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->content_type, "text/plain; charset=utf-8");
    EXPECT_EQ(response->body, "hello");
  }
}

TEST(ResponseReaderTest, ReadsChunks) {
  for (const size_t piece : {1u, 2u, 7u, 1000u}) {
    const auto response = Read(
        "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n"
        "HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n"
        "5;x=y\r\nhello\r\n00B\r\n, you there\r\n0\r\nTrailer: x\r\n\r\n",
        piece);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body, "hello, you there");
  }
}

TEST(ResponseReaderTest, OfOtherResponsesTheStatusCounts) {
  for (const auto& [text, status] : std::vector<std::pair<std::string, int>>{
           {"HTTP/1.1 404 Not Found\r\n\r\n", 404},
           {"HTTP/1.0 302 Found\r\nLocation: https://other.example/\r\n\r\n", 302},
           {"HTTP/1.1 204 No Content\r\n\r\n", 204}}) {
    const auto response = Read(text, 1000);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->body, "");
  }
  const auto unwanted = Read("HTTP/1.1 200 OK\r\n\r\n", 1000, /*most=*/0);
  ASSERT_TRUE(unwanted.ok()) << unwanted.status();
  EXPECT_EQ(unwanted->status, 200);
}

TEST(ResponseReaderTest, AnEmptyBodyIsOne) {
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1000)->body, "");
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1000)->body, "");
}

TEST(ResponseReaderTest, TheLargestBodyIsTakenAndNoLarger) {
  const std::string body(kMost, 'x');
  const std::string head = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(Read(absl::StrCat(head, "Content-Length: 100\r\n\r\n", body), 1000)->body, body);
  EXPECT_EQ(
      Read(absl::StrCat(head, "Transfer-Encoding: chunked\r\n\r\n64\r\n", body, "\r\n0\r\n\r\n"),
           1000)
          ->body,
      body);
  const std::string too_long[] = {
      "Content-Length: 101\r\n\r\n", "Content-Length: 18446744073709551615\r\n\r\n",
      absl::StrCat("Transfer-Encoding: chunked\r\n\r\n64\r\n", body, "\r\n1\r\n"),
      "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"};
  for (const std::string& rest : too_long) {
    EXPECT_THAT(Fault(head + rest).message(), HasSubstr("more than 100 bytes")) << rest;
  }
}

TEST(ResponseReaderTest, ABodyThatBreaksOffIsNotDone) {
  for (const char* const rest :
       {"Content-Length: 5\r\n\r\nhell", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "Content-Length: 5\r\n"}) {
    EXPECT_TRUE(absl::IsUnavailable(Fault(absl::StrCat("HTTP/1.1 200 OK\r\n", rest)))) << rest;
  }
}

TEST(ResponseReaderTest, RefusesWhatIsNoResponse) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  for (const std::string& text : std::vector<std::string>{
           "220 mx.example.com ESMTP\r\n",
           "HTTP/2 200 OK\r\n",
           "HTTP/1.1 2000 OK\r\n",
           "HTTP/1.1 20 OK\r\n",
           "HTTP/1.1 099 OK\r\n",
           "HTTP/1.1 600 OK\r\n",
           "HTTP/1.1 -20 OK\r\n",
           "\r\n",
           absl::StrCat(ok, "no header\r\n"),
           absl::StrCat(ok, "A: b\r\n c\r\n"),
           absl::StrCat(ok, "A : b\r\n"),
           absl::StrCat(ok, ": b\r\n"),
           absl::StrCat(ok, "Content-Length: +5\r\n"),
           absl::StrCat(ok, "Content-Length: 5, 5\r\n"),
           absl::StrCat(ok, "Content-Length: 5\r\nContent-Length: 6\r\n"),
           absl::StrCat(ok, "Content-Length: 18446744073709551616\r\n"),
           absl::StrCat(ok, "Transfer-Encoding: gzip\r\n"),
           absl::StrCat(ok, "Transfer-Encoding: gzip, chunked\r\n"),
           absl::StrCat(ok, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
           absl::StrCat(ok, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
           absl::StrCat(ok, "\r\n"),
           absl::StrCat(ok, "Transfer-Encoding: chunked\r\n\r\n0x5\r\n"),
           absl::StrCat(ok, "Transfer-Encoding: chunked\r\n\r\n\r\n"),
           absl::StrCat(ok, "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"),
           absl::StrCat(ok, "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Fault(text))) << text;
  }
}

TEST(ResponseReaderTest, TheHeadIsBounded) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::string line = absl::StrCat("X: ", std::string(1000, 'x'), "\r\n");
  std::string many = ok;
  while (many.size() <= ResponseReader::kMostHeadBytes) many += line;
  EXPECT_THAT(Fault(many).message(), HasSubstr("too long"));
  const std::string endless(ResponseReader::kMostLineBytes + 1, 'x');
  EXPECT_THAT(Read(absl::StrCat(ok, "X: ", endless), 100).status().message(),
              HasSubstr("too long"));
}

TEST(ResponseReaderTest, FaultsAreToldInPrintableText) {
  EXPECT_EQ(Fault("\x1b[31m\r\n").message(), "the HTTP response has no status: '\\x1b[31m'");
}

}  // namespace
}  // namespace sluice::https
