#include "engine/smtp/client_body.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/random.h"
#include "engine/smtp/data_decoder.h"
#include "gtest/gtest.h"

namespace sluice::smtp {
namespace {

// What is to come out, the plain way.
std::string Reference(const std::string& body) {
  std::string out;
  bool line_start = true;
  for (const char c : body) {
    if (line_start && c == '.') out += '.';
    out += c;
    line_start = c == '\n';
  }
  if (!out.empty() && !absl::EndsWith(out, "\r\n")) out += "\r\n";
  return out + ".\r\n";
}

io::Body Chunked(const std::string& bytes, const std::vector<size_t>& cuts) {
  io::Body body;
  size_t from = 0;
  for (const size_t cut : cuts) {
    body.Append(io::Chunk::Copy(absl::string_view(bytes).substr(from, cut - from)));
    from = cut;
  }
  body.Append(io::Chunk::Copy(absl::string_view(bytes).substr(from)));
  return body;
}

std::string Stuff(const io::Body& body, size_t max_bytes) {
  DotStuffer stuffer(body);
  std::vector<absl::string_view> pieces;
  std::string out;
  while (stuffer.Next(max_bytes, pieces)) {
    const std::string written = absl::StrJoin(pieces, "");
    EXPECT_FALSE(written.empty());
    EXPECT_LE(written.size(), max_bytes);
    EXPECT_LE(pieces.size(), DotStuffer::kMostPieces);
    out += written;
  }
  EXPECT_TRUE(stuffer.finished());
  EXPECT_TRUE(pieces.empty());
  return out;
}

const char* const kBodies[] = {
    "",
    ".\r\n",
    "..\r\n",
    "\r\n",
    "a\r\n",
    "a\r\n.\r\nb\r\n",
    "a\r\n.b\r\n..c\r\n.\r\n.\r\n",
    "a.b\r\nc.\r\n",
    "Subject: x\r\n\r\n.\r\n\r\n.\r\n",
    // Bodies that do not end a line, which nothing should hand over.
    "a",
    ".",
    "a\r",
    "a\n",
    "a\r\n.",
    // Bare LF, which nothing should hand over either.
    "a\n.\r\nb\r\n",
    "a\n.\nb\r\n",
};

TEST(BdatChunkTest, SaysHowMuchAndThenAllOfIt) {
  for (const std::string body : kBodies) {
    const bool whole = body.empty() || absl::EndsWith(body, "\r\n");
    const std::string said = body + (whole ? "" : "\r\n");
    for (size_t cut = 0; cut <= body.size(); ++cut) {
      for (const size_t max : {size_t{1}, size_t{3}, size_t{1 << 20}}) {
        const io::Body chunked = Chunked(body, {cut});
        BdatChunk chunk(chunked);
        std::vector<absl::string_view> pieces;
        std::string out;
        while (chunk.Next(max, pieces)) out += absl::StrJoin(pieces, "");
        EXPECT_TRUE(pieces.empty());
        EXPECT_EQ(out, absl::StrCat("BDAT ", said.size(), " LAST\r\n", said)) << body << cut;
      }
    }
  }
}

TEST(DotStufferTest, MatchesTheReferenceWhereverTheBodyIsCut) {
  for (const std::string body : kBodies) {
    for (size_t i = 0; i <= body.size(); ++i) {
      for (size_t j = i; j <= body.size(); ++j) {
        SCOPED_TRACE(absl::StrCat(body, " cut at ", i, " and ", j));
        EXPECT_EQ(Stuff(Chunked(body, {i, j}), 1 << 20), Reference(body));
      }
    }
  }
}

TEST(DotStufferTest, MatchesTheReferenceInWritesOfAnySize) {
  for (const std::string body : kBodies) {
    for (size_t max = DotStuffer::kLeastBytes; max < 20; ++max) {
      SCOPED_TRACE(absl::StrCat(body, " in writes of ", max));
      EXPECT_EQ(Stuff(Chunked(body, {}), max), Reference(body));
    }
  }
}

TEST(DotStufferTest, MatchesTheReferenceForRandomBodies) {
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string body;
    const uint64_t parts = random.Below(60);
    for (uint64_t i = 0; i < parts; ++i) {
      static constexpr const char* kParts[] = {".", "\r\n", "\r\n.", "x", "text text", "\r\n\r\n"};
      body += kParts[random.Below(6)];
    }
    body += "\r\n";
    std::vector<size_t> cuts;
    size_t at = 0;
    while ((at += random.Below(12)) < body.size()) cuts.push_back(at);
    EXPECT_EQ(Stuff(Chunked(body, cuts), DotStuffer::kLeastBytes + random.Below(50)),
              Reference(body));
  }
}

// What goes out here is what comes in there.
TEST(DotStufferTest, TheServerSideUndoesIt) {
  Random random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string body;
    const uint64_t parts = random.Below(60);
    for (uint64_t i = 0; i < parts; ++i) {
      static constexpr const char* kParts[] = {".", "\r\n", "\r\n.", "x", "text text", "\r\n\r\n"};
      body += kParts[random.Below(6)];
    }
    body += "\r\n";
    const std::string wire =
        Stuff(Chunked(body, {random.Below(body.size())}), DotStuffer::kLeastBytes + 40) + "QUIT";
    DataDecoder decoder({}, "");
    size_t at = 0;
    bool ended = false;
    while (!ended && at < wire.size()) {
      size_t used = 0;
      ended = decoder.Consume(absl::string_view(wire).substr(at, 1 + random.Below(30)), used);
      at += used;
    }
    ASSERT_TRUE(ended);
    EXPECT_EQ(wire.substr(at), "QUIT");
    ASSERT_FALSE(decoder.refusal().has_value()) << decoder.refusal()->ToString();
    EXPECT_EQ(decoder.TakeBody().Flatten(), body);
  }
}

TEST(DotStufferTest, ABodyOfDotsStaysWithinTheBoundsOfAWrite) {
  std::string body;
  for (int i = 0; i < 5000; ++i) body += ".\r\n";
  EXPECT_EQ(Stuff(Chunked(body, {}), 1 << 20), Reference(body));
}

TEST(DotStufferTest, CopiesNothing) {
  const io::Body body = Chunked("line one\r\n.line two\r\n", {3});
  DotStuffer stuffer(body);
  std::vector<absl::string_view> pieces;
  ASSERT_TRUE(stuffer.Next(1000, pieces));
  ASSERT_EQ(pieces.size(), 5u);
  EXPECT_EQ(pieces[0].data(), body.chunks()[0].view().data());
  EXPECT_EQ(pieces[1].data(), body.chunks()[1].view().data());
  EXPECT_EQ(pieces[2], ".");
  EXPECT_EQ(pieces[3].data(), pieces[1].data() + pieces[1].size());
  EXPECT_EQ(pieces[4], ".\r\n");
}

}  // namespace
}  // namespace sluice::smtp
