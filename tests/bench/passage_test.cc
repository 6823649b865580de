#include "bench/load/passage.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice::bench {
namespace {

const MonoTime kStart = MonoTime::FromNanos(1'000'000'000);

TEST(PassagesTest, TheTimeUnderWayIsToldOnce) {
  Passages passages;
  const uint64_t number = passages.Begin();
  const std::string head =
      absl::StrCat("Received: by gw\r\nSubject: load\r\n", passages.Field(number), "\r\n");
  EXPECT_EQ(passages.Arrive(head, kStart), std::nullopt);  // has not left yet
  passages.Depart(number, kStart);
  EXPECT_EQ(passages.Arrive(head, kStart + absl::Milliseconds(3)), absl::Milliseconds(3));
  EXPECT_EQ(passages.Arrive(head, kStart + absl::Seconds(9)), std::nullopt);  // a second copy
}

TEST(PassagesTest, MailOfAnotherRunIsNotOurs) {
  Passages earlier, now;
  const uint64_t number = now.Begin();
  now.Depart(number, kStart);
  EXPECT_EQ(now.Arrive(earlier.Field(number), kStart), std::nullopt);
  EXPECT_EQ(now.Arrive("Subject: something else\r\n\r\n", kStart), std::nullopt);
  EXPECT_EQ(now.Arrive("X-Sluice-Bench: nonsense\r\n", kStart), std::nullopt);
}

}  // namespace
}  // namespace sluice::bench
