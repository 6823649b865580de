#include "engine/base/random.h"

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(Random, SameSeedSameSequence) {
  Random a(42), b(42), c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t x = a.Next();
    EXPECT_EQ(x, b.Next());
    differs |= x != c.Next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, StaysInBoundsAndReachesThem) {
  Random random(7);
  bool seen[6] = {};
  for (int i = 0; i < 1000; ++i) {
    const uint64_t x = random.Below(6);
    ASSERT_LT(x, 6u);
    seen[x] = true;
    const double unit = random.Unit();
    ASSERT_GE(unit, 0.0);
    ASSERT_LT(unit, 1.0);
  }
  for (const bool hit : seen) EXPECT_TRUE(hit);
}

}  // namespace
}  // namespace sluice
