#include "engine/admin/failure_table.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice::admin {
namespace {

io::SocketAddress At(absl::string_view ip) { return *io::SocketAddress::FromIp(ip, 1); }

TEST(FailureTableTest, AClientIsAnIpv4AddressOrAnIpv6Network) {
  EXPECT_NE(ClientKey(At("192.0.2.1")), ClientKey(At("192.0.2.2")));
  EXPECT_EQ(ClientKey(At("2001:db8:0:1::1")), ClientKey(At("2001:db8:0:1:ffff::2")));
  EXPECT_NE(ClientKey(At("2001:db8:0:1::1")), ClientKey(At("2001:db8:0:2::1")));
  EXPECT_EQ(ClientKey(At("::ffff:192.0.2.1")), ClientKey(At("192.0.2.1")));
}

TEST(FailureTableTest, TheLogHasAnAllowanceOfItsOwn) {
  FailureTable failures;
  const MonoTime now = MonoTime::FromNanos(0) + absl::Hours(1);
  int lines = 0;
  for (int i = 0; i < 100; ++i) {
    const auto verdict = failures.Add(At(absl::StrCat("192.0.2.", i)), now);
    EXPECT_FALSE(verdict.too_many);
    lines += static_cast<int>(verdict.worth_a_line);
  }
  EXPECT_EQ(lines, FailureTable::kBurst);
}

TEST(FailureTableTest, MemoryIsBoundedAndComesBack) {
  FailureTable failures;
  MonoTime now = MonoTime::FromNanos(0) + absl::Hours(1);
  const auto add = [&](size_t i) {
    return failures.Add(At(absl::StrCat("10.", i >> 16, ".", i >> 8 & 255, ".", i & 255)), now);
  };
  for (size_t i = 0; i < FailureTable::kMaxClients; ++i) EXPECT_FALSE(add(i).too_many);
  // The rest share one allowance.
  int too_many = 0;
  for (size_t i = 0; i < 100; ++i) {
    too_many += static_cast<int>(add(FailureTable::kMaxClients + i).too_many);
  }
  EXPECT_EQ(too_many, 100 - FailureTable::kBurst);
  EXPECT_EQ(failures.size(), FailureTable::kMaxClients);
  now = now + FailureTable::kRecovery;
  EXPECT_FALSE(add(FailureTable::kMaxClients).too_many);
  EXPECT_EQ(failures.size(), 1u);
}

}  // namespace
}  // namespace sluice::admin
