#include "policy/source_address.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SourceAddressTest, OneOfEachFamilyInCanonicalForm) {
  EXPECT_THAT(*ParseSourceAddresses(""), IsEmpty());
  EXPECT_THAT(*ParseSourceAddresses("127.0.0.2"), ElementsAre("127.0.0.2"));
  EXPECT_THAT(*ParseSourceAddresses(" 2001:DB8:0:0::7,\t192.0.2.7 "),
              ElementsAre("192.0.2.7", "2001:db8::7"));
}

TEST(SourceAddressTest, WhatCannotBeConnectedFromIsRefused) {
  const auto reason = [](absl::string_view text) {
    return std::string(ParseSourceAddresses(text).status().message());
  };
  EXPECT_THAT(reason("mail.example.com"), HasSubstr("'mail.example.com' is neither an IPv4"));
  EXPECT_THAT(reason("192.0.2.7:25"), HasSubstr("is neither"));
  EXPECT_THAT(reason("192.0.2.0/24"), HasSubstr("is neither"));
  EXPECT_EQ(
      reason("192.0.2.7 192.0.2.8"),
      "'192.0.2.8' is a second IPv4 address, beside 192.0.2.7; one of each family is accepted");
  EXPECT_THAT(reason("::1 ::2"), HasSubstr("second IPv6"));
  for (const char* const text : {"0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"}) {
    EXPECT_THAT(reason(text), HasSubstr("no address that a connection can come from")) << text;
  }
  EXPECT_THAT(reason("::ffff:192.0.2.7"), HasSubstr("is an IPv4 address"));
  EXPECT_THAT(reason("fe80::1"), HasSubstr("link-local"));
}

}  // namespace
}  // namespace sluice::policy
