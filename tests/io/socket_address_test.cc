#include "engine/io/socket_address.h"

#include "gtest/gtest.h"

namespace sluice::io {
namespace {

TEST(SocketAddress, ParsesAndPrints) {
  const SocketAddress v4 = *SocketAddress::Parse("192.0.2.1:25");
  EXPECT_EQ(v4.ToString(), "192.0.2.1:25");
  EXPECT_EQ(v4.literal(), "[192.0.2.1]");
  EXPECT_FALSE(v4.is_ipv6());
  for (const char* const text : {"0.0.0.0:1", "255.255.255.255:65535", "10.20.130.9:25"}) {
    EXPECT_EQ(SocketAddress::Parse(text)->ToString(), text);
  }
  const SocketAddress v6 = *SocketAddress::Parse("[2001:db8::1]:465");
  EXPECT_EQ(v6.ToString(), "[2001:db8::1]:465");
  EXPECT_EQ(v6.literal(), "[IPv6:2001:db8::1]");
  EXPECT_EQ(v6.port(), 465);
  EXPECT_EQ(*SocketAddress::FromIp("[::1]", 25), *SocketAddress::Parse("[::1]:25"));
}

TEST(SocketAddress, AMappedIpv4AddressIsTheIpv4Address) {
  const SocketAddress mapped = *SocketAddress::FromIp("::ffff:192.0.2.1", 25);
  EXPECT_EQ(mapped.ToString(), "192.0.2.1:25");
  EXPECT_EQ(mapped, *SocketAddress::Parse("192.0.2.1:25"));
  EXPECT_EQ(SocketAddress::FromBytes(mapped.ip_bytes(), 7).ToString(), "192.0.2.1:7");
}

TEST(SocketAddress, RefusesWithTheReason) {
  EXPECT_EQ(SocketAddress::Parse("192.0.2.1").status().message(),
            "'192.0.2.1' is not address:port, such as 192.0.2.1:25 or [2001:db8::1]:25");
  EXPECT_EQ(SocketAddress::Parse("2001:db8::1:25").status().message(),
            "'2001:db8::1:25': an IPv6 address stands in brackets: [2001:db8::1]:25");
  EXPECT_FALSE(SocketAddress::Parse("192.0.2.1:65536").ok());
  EXPECT_FALSE(SocketAddress::Parse("mail.example:25").ok());
}

}  // namespace
}  // namespace sluice::io
