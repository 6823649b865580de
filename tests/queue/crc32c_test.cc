#include "queue/crc32c.h"

#include <dlfcn.h>

#include <string>

#include "engine/base/random.h"
#include "gtest/gtest.h"

namespace rocksdb::crc32c {
uint32_t Extend(uint32_t crc, const char* bytes, size_t size);
}

namespace sluice::queue {
namespace {

// RFC 3720 appendix B.4.
TEST(Crc32cTest, SumsAreThoseOfTheStandard) {
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;
  for (const auto extend : {&ExtendCrc32c, &ExtendCrc32cByTable}) {
    EXPECT_EQ(extend(0, std::string(32, '\0')), 0x8a9136aau);
    EXPECT_EQ(extend(0, std::string(32, '\xff')), 0x62a8ab43u);
    EXPECT_EQ(extend(0, ascending), 0x46dd794eu);
    EXPECT_EQ(extend(0, ""), 0u);
  }
}

TEST(Crc32cTest, TheInstructionSumsAsTheTableDoesHoweverTheBytesAreCut) {
  Random random(1);
  std::string bytes(5000, ' ');
  for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
  const absl::string_view whole = bytes;
  for (int i = 0; i < 2000; ++i) {
    const size_t begin = random.Below(64);
    const size_t size = random.Below(i % 10 == 0 ? bytes.size() - 64 : 100);
    const size_t cut = random.Below(size + 1);
    const absl::string_view part = whole.substr(begin, size);
    const uint32_t sum = ExtendCrc32cByTable(0, part);
    ASSERT_EQ(ExtendCrc32c(0, part), sum) << begin << " " << size;
    ASSERT_EQ(ExtendCrc32c(ExtendCrc32c(0, part.substr(0, cut)), part.substr(cut)), sum);
  }
}

// What the dynamic linker finds first under the name is what RocksDB calls.
TEST(Crc32cTest, RocksDbCallsIt) {
  void* const called = dlsym(RTLD_DEFAULT, "_ZN7rocksdb6crc32c6ExtendEjPKcm");
  ASSERT_NE(called, nullptr);
  Dl_info info{};
  ASSERT_NE(dladdr(called, &info), 0);
  EXPECT_EQ(std::string(info.dli_fname).find("librocksdb"), std::string::npos) << info.dli_fname;
  EXPECT_EQ(called, reinterpret_cast<void*>(&rocksdb::crc32c::Extend));
}

}  // namespace
}  // namespace sluice::queue
