#include "engine/io/chunk.h"

#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace sluice::io {
namespace {

TEST(ChunkWriter, KeepsEveryByteInOrderWhateverTheSplit) {
  std::string expected;
  ChunkWriter writer;
  for (size_t i = 0; i < 5000; ++i) {
    const std::string piece(i % 97, static_cast<char>('a' + i % 26));
    expected += piece;
    writer.Append(piece);
    ASSERT_EQ(writer.size(), expected.size());
    ASSERT_GE(writer.memory(), writer.size());
    ASSERT_LE(writer.memory(), ChunkWriter::kFirstChunk + 2 * writer.size());
  }
  const Body body = std::move(writer).Finish();
  EXPECT_EQ(body.Flatten(), expected);
  EXPECT_EQ(body.size(), expected.size());
  EXPECT_EQ(body.chunks().front().size(), ChunkWriter::kFirstChunk);
  EXPECT_EQ(body.chunks()[1].size(), 2 * ChunkWriter::kFirstChunk);
  EXPECT_EQ(body.chunks()[4].size(), ChunkWriter::kLargestChunk);
  EXPECT_EQ(body.chunks()[5].size(), ChunkWriter::kLargestChunk);
}

TEST(ChunkWriter, EmptyIsEmpty) {
  ChunkWriter writer;
  writer.Append("");
  const Body body = std::move(writer).Finish();
  EXPECT_EQ(body.size(), 0u);
  EXPECT_TRUE(body.chunks().empty());
}

TEST(Body, CopiesMayBeDroppedOnOtherThreads) {
  Body body = Body::Copy(std::string(100'000, 'x'));
  std::thread other([copy = body]() mutable { copy = Body(); });
  const std::string flat = body.Flatten();
  body = Body();
  other.join();
  EXPECT_EQ(flat.size(), 100'000u);
}

}  // namespace
}  // namespace sluice::io
