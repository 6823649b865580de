// The decoder of message bodies, held against a plain account of its rules, for every way in which
// the octets can be cut on their way.
#include "engine/smtp/data_decoder.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "gtest/gtest.h"
#include "tests/smtp/data_reference.h"

namespace sluice::smtp {
namespace {

constexpr absl::string_view kPrefix = "Received: by us\r\n";

// Nullopt: the message has not ended.
using Result = std::optional<DecodedData>;

// `cuts`: where one piece ends and the next begins; rising.
Result Decode(const DataDecoder::Limits& limits, absl::string_view input,
              const std::vector<size_t>& cuts) {
  DataDecoder decoder(limits, kPrefix);
  size_t end = 0;
  for (size_t i = 0, begin = 0; i <= cuts.size(); ++i) {
    const size_t piece_end = i < cuts.size() ? cuts[i] : input.size();
    const bool ended = decoder.Consume(input.substr(begin, piece_end - begin), end);
    // What is kept is bounded by what may be sent, in whole chunks.
    EXPECT_LT(decoder.memory(), io::ChunkWriter::kFirstChunk + kPrefix.size() +
                                    limits.message_bytes + io::ChunkWriter::kLargestChunk);
    if (ended) {
      EXPECT_LE(end, piece_end);
      const std::optional<Reply> refusal = decoder.refusal();
      if (refusal.has_value()) {
        return DecodedData{end, absl::StrCat(refusal->code, " ", refusal->status->ToString()), ""};
      }
      const std::string body = decoder.TakeBody().Flatten();
      EXPECT_TRUE(absl::StartsWith(body, kPrefix));
      return DecodedData{end, "", body.substr(kPrefix.size())};
    }
    EXPECT_EQ(end, piece_end);  // all of it was used
    begin = piece_end;
  }
  return std::nullopt;
}

std::vector<size_t> EveryOctet(absl::string_view input) {
  std::vector<size_t> cuts;
  for (size_t i = 1; i < input.size(); ++i) cuts.push_back(i);
  return cuts;
}

// Whole, cut in two at every place, octet by octet, and cut at random.
void ExpectTheRules(const DataDecoder::Limits& limits, absl::string_view input, Random& random) {
  const Result expected = ReferenceDecode(limits, input);
  ASSERT_EQ(Decode(limits, input, {}), expected) << absl::CHexEscape(input);
  for (size_t cut = 0; cut <= input.size(); ++cut) {
    ASSERT_EQ(Decode(limits, input, {cut}), expected)
        << absl::CHexEscape(input) << " cut at " << cut;
  }
  ASSERT_EQ(Decode(limits, input, EveryOctet(input)), expected)
      << absl::CHexEscape(input) << " octet by octet";
  for (int i = 0; i < 4; ++i) {
    std::vector<size_t> cuts;
    for (size_t n = 1 + random.Below(8); n > 0; --n) {
      cuts.push_back(random.Below(input.size() + 1));
    }
    std::sort(cuts.begin(), cuts.end());
    ASSERT_EQ(Decode(limits, input, cuts), expected) << absl::CHexEscape(input) << " cut at random";
  }
}

// What a body can be made of to be read in two ways, and what makes it pass a limit.
std::string RandomBody(Random& random) {
  static const std::vector<std::string> pieces = {".",
                                                  "..",
                                                  "\r",
                                                  "\n",
                                                  "\r\n",
                                                  "\r\n.",
                                                  "\n.\n",
                                                  "\r.\r",
                                                  "\n.\r\n",
                                                  "\r\n.\n",
                                                  "\r\n.\r",
                                                  "\r\n.\r\r\n",
                                                  "\r\r\n.\r\n",
                                                  "\r\n..\r\n",
                                                  "a",
                                                  " ",
                                                  "\xff",
                                                  "\r\n\r\n",
                                                  "Received: x\r\n",
                                                  "rEcEiVeD:",
                                                  ".Received: y\r\n",
                                                  "Subject: z\r\n",
                                                  std::string(1, '\0'),
                                                  std::string(40, 'x')};
  std::string body;
  for (uint64_t n = random.Below(16); n > 0; --n) body += pieces[random.Below(pieces.size())];
  if (random.Below(8) > 0) body += "\r\n.\r\n";
  if (random.Below(2) > 0) body += "QUIT\r\n.\r\n";  // belongs to what comes next
  return body;
}

// 4^7 and fewer: whatever can be said with these four octets, so that no order of them is missed.
TEST(DataDecoderTest, EveryShortSequenceOfDotsAndLineEndsIsReadByTheRules) {
  constexpr absl::string_view kAlphabet = ".\r\na";
  constexpr size_t kLongest = 7;
  for (size_t length = 1; length <= kLongest; ++length) {
    for (size_t number = 0; number < size_t{1} << (2 * length); ++number) {
      std::string input;
      for (size_t i = 0; i < length; ++i) input += kAlphabet[number >> (2 * i) & 3];
      const Result expected = ReferenceDecode({}, input);
      ASSERT_EQ(Decode({}, input, {}), expected) << absl::CHexEscape(input);
      ASSERT_EQ(Decode({}, input, EveryOctet(input)), expected) << absl::CHexEscape(input);
    }
  }
}

// All 2^(n-1) ways to cut what smugglers write: each of the lookalikes, then a second message.
TEST(DataDecoderTest, EveryWayToCutALookalikeOfTheEndGivesTheSame) {
  for (const absl::string_view lookalike :
       {"\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n.\r\r\n", "\r\n\n.\r\n",
        "\r\n..\r\n", "\r\n.\r\n"}) {
    const std::string input = absl::StrCat("a", lookalike, "b\r\n.\r\nc");
    const Result expected = ReferenceDecode({}, input);
    for (size_t mask = 0; mask < size_t{1} << (input.size() - 1); ++mask) {
      std::vector<size_t> cuts;
      for (size_t i = 1; i < input.size(); ++i) {
        if ((mask >> (i - 1) & 1) != 0) cuts.push_back(i);
      }
      ASSERT_EQ(Decode({}, input, cuts), expected) << absl::CHexEscape(input) << " " << mask;
    }
  }
}

TEST(DataDecoderTest, RandomBodiesAreReadByTheRulesHoweverTheyAreCut) {
  Random random(20240117);
  DataDecoder::Limits tight;
  tight.message_bytes = 96;
  tight.header_bytes = 64;
  tight.received_fields = 1;
  for (int i = 0; i < 2000 && !HasFatalFailure(); ++i) {
    ExpectTheRules(i % 2 == 0 ? tight : DataDecoder::Limits(), RandomBody(random), random);
  }
}

TEST(DataDecoderTest, LongLinesAndManyChunksAreKeptWhole) {
  Random random(7);
  std::string input = "Subject: long\r\n\r\n";
  for (int line = 0; line < 60; ++line) {
    const size_t size = random.Below(10'000);
    absl::StrAppend(&input, line % 3 == 0 ? ".." : "", std::string(size, 'x'), "\r\n");
  }
  input += ".\r\n";
  const Result expected = ReferenceDecode({}, input);
  ASSERT_TRUE(expected.has_value() && expected->refusal.empty());
  for (int i = 0; i < 20; ++i) {
    std::vector<size_t> cuts(random.Below(200));
    for (size_t& cut : cuts) cut = random.Below(input.size());
    std::sort(cuts.begin(), cuts.end());
    ASSERT_TRUE(Decode({}, input, cuts) == expected) << i;
  }
}

TEST(DataDecoderTest, ABodyThatIsDroppedStillEndsWhereItEnds) {
  Random random(99);
  for (int i = 0; i < 2000; ++i) {
    const std::string input = RandomBody(random);
    const Result expected = ReferenceDecode({}, input);
    if (!expected.has_value()) continue;
    const size_t cut = random.Below(expected->end);
    DataDecoder decoder({}, kPrefix);
    size_t used = 0;
    ASSERT_FALSE(decoder.Consume(absl::string_view(input).substr(0, cut), used));
    decoder.Discard();
    EXPECT_EQ(decoder.memory(), 0u);
    ASSERT_TRUE(decoder.Consume(absl::string_view(input).substr(cut), used));
    ASSERT_EQ(used, expected->end) << absl::CHexEscape(input);
    EXPECT_EQ(decoder.memory(), 0u);
    EXPECT_EQ(decoder.refusal()->code, 452);
  }
}

}  // namespace
}  // namespace sluice::smtp
