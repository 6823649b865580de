#include "engine/base/line_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice::log {
namespace {

std::string Notice(uint64_t dropped) { return absl::StrCat("dropped ", dropped, "\n"); }

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0); }
  ~Pipe() {
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }
  int in() const { return ends_[1]; }
  std::string Read(size_t most) {
    std::string text(most, '\0');
    const ssize_t n = read(ends_[0], text.data(), most);
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }
  std::string ReadToEnd() {
    close(ends_[1]);
    ends_[1] = -1;
    std::string all;
    for (std::string some; !(some = Read(65536)).empty();) all += some;
    return all;
  }

 private:
  int ends_[2];
};

TEST(LineWriter, LinesThatGatherLeaveTogetherInOrder) {
  Pipe pipe;
  LineWriter writer(pipe.in(), &Notice);
  for (int i = 0; i < 100; ++i) writer.Add(absl::StrCat("line ", i, "\n"), false);
  writer.Flush(absl::Seconds(10));
  const std::string text = pipe.Read(65536);
  EXPECT_EQ(text.rfind("line 0\nline 1\n", 0), 0u);
  EXPECT_NE(text.find("line 98\nline 99\n"), std::string::npos);
}

TEST(LineWriter, AnUrgentLineLeavesWithoutAFlush) {
  Pipe pipe;
  LineWriter writer(pipe.in(), &Notice);
  writer.Add("first\n", false);
  writer.Add("now\n", true);
  std::string text;
  while (text.find("now\n") == std::string::npos) text += pipe.Read(4096);
  EXPECT_EQ(text, "first\nnow\n");
}

TEST(LineWriter, WhatFindsNoRoomIsCountedAndNobodyWaits) {
  constexpr size_t kLine = 1 << 16;
  constexpr size_t kLines = 4 * LineWriter::kMostBytes / kLine;
  Pipe pipe;  // holds 64 KiB, and nobody reads
  size_t told = 0;
  {
    LineWriter writer(pipe.in(), [&told](uint64_t dropped) {
      told += dropped;
      return Notice(dropped);
    });
    const std::string line = std::string(kLine - 1, 'x') + "\n";
    for (size_t i = 0; i < kLines; ++i) writer.Add(line, false);  // comes back, all the same
    writer.Flush(absl::Milliseconds(1));
    // Somebody reads again: there is room, and the next line says what was lost.
    size_t read = 0;
    while (read < LineWriter::kMostBytes / 2) read += pipe.Read(65536).size();
    while (told == 0) {
      writer.Add("after\n", false);
      read += pipe.Read(65536).size();
    }
    std::thread reader([&] {
      while (pipe.Read(65536).find("end\n") == std::string::npos) {
      }
    });
    writer.Add("end\n", true);
    reader.join();
  }
  EXPECT_GT(told, kLines / 4);
  EXPECT_LT(told, kLines);
}

TEST(LineWriter, TheEndWaitsForWhatHasGathered) {
  Pipe pipe;
  {
    LineWriter writer(pipe.in(), &Notice);
    writer.Add("last words\n", false);
  }
  EXPECT_EQ(pipe.ReadToEnd(), "last words\n");
}

}  // namespace
}  // namespace sluice::log
