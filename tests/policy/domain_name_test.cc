#include "policy/domain_name.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

using ::testing::HasSubstr;

TEST(NormalizeDomainTest, LowersCaseAndDropsTheTrailingDot) {
  EXPECT_EQ(NormalizeDomain("Mail.EXAMPLE.Com.").value(), "mail.example.com");
  EXPECT_EQ(NormalizeDomain("com").value(), "com");
  EXPECT_EQ(NormalizeDomain("r3---sn-4g5e.example").value(), "r3---sn-4g5e.example");
}

TEST(NormalizeDomainTest, ConvertsULabels) {
  EXPECT_EQ(NormalizeDomain("Bücher.Example").value(), "xn--bcher-kva.example");
  EXPECT_EQ(NormalizeDomain("BU\u0308CHER.example").value(), "xn--bcher-kva.example");  // not NFC
  EXPECT_EQ(NormalizeDomain("xn--BCHER-kva.example").value(), "xn--bcher-kva.example");
  // Non-transitional: sharp s is a letter of its own.
  EXPECT_EQ(NormalizeDomain("straße.example").value(), "xn--strae-oqa.example");
  // The ideographic full stop separates labels.
  EXPECT_EQ(NormalizeDomain("例え。テスト").value(), "xn--r8jz45g.xn--zckzah");
}

TEST(NormalizeDomainTest, HoldsTheLimits) {
  const std::string label63(63, 'a');
  EXPECT_TRUE(NormalizeDomain(label63 + ".example").ok());
  EXPECT_THAT(NormalizeDomain(label63 + "a.example").status().message(), HasSubstr("64 octets"));
  const std::string octets252 =
      absl::StrCat(label63, ".", label63, ".", label63, ".", std::string(60, 'b'));
  ASSERT_EQ(octets252.size(), 252u);
  EXPECT_TRUE(NormalizeDomain(octets252 + "b").ok());
  EXPECT_TRUE(NormalizeDomain(octets252 + "b.").ok());
  EXPECT_THAT(NormalizeDomain(octets252 + "bb").status().message(), HasSubstr("254 octets"));
  EXPECT_THAT(NormalizeDomain(std::string(1'000'000, 'a')).status().message(),
              HasSubstr("1000000 octets"));
}

TEST(NormalizeDomainTest, RefusesWithTheReason) {
  const struct {
    absl::string_view typed, reason;
  } cases[] = {
      {"", "a domain name is labels"},
      {".", "a domain name is labels"},
      {"a..b", "empty label"},
      {".example.com", "empty label"},
      {"example.com..", "empty label"},
      {"-a.example", "begins or ends with a hyphen"},
      {"a-.example", "begins or ends with a hyphen"},
      {"_dmarc.example", "has the character '_'"},
      {"a b.example", "has the character ' '"},
      {"user@example.com", "has the character '@'"},
      {"example.com:25", "has the character ':'"},
      {"192.0.2.1", "its last label is a number"},
      {"[192.0.2.1]", "has the character '['"},
      {"xn--a.example", "no valid internationalized name"},
      {"☃\x80.example", "no valid internationalized name"},
  };
  for (const auto& c : cases) {
    const absl::Status status = NormalizeDomain(c.typed).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << c.typed;
    EXPECT_THAT(status.message(), HasSubstr(std::string(c.reason))) << c.typed;
  }
  EXPECT_FALSE(NormalizeDomain(absl::string_view("exam\0ple.com", 12)).ok());
  EXPECT_FALSE(NormalizeDomain(absl::string_view("b\xc3\xbc\0.com", 8)).ok());
}

TEST(ToUnicodeTest, ConvertsWhatItCan) {
  EXPECT_EQ(ToUnicode("xn--bcher-kva.example"), "bücher.example");
  EXPECT_EQ(ToUnicode("mail.example"), "mail.example");
  EXPECT_EQ(ToUnicode("xn--a.example"), "xn--a.example");
}

TEST(LookupNameTest, TakesNamesAsTheyCome) {
  EXPECT_EQ(LookupName("MAIL.Example.COM.").view(), "mail.example.com");
  EXPECT_EQ(LookupName("").view(), "");
  EXPECT_EQ(LookupName("_x.a_b.example").view(), "_x.a_b.example");
  EXPECT_EQ(LookupName("[IPv6:2001:DB8::1]").view(), "[ipv6:2001:db8::1]");
  EXPECT_EQ(LookupName("bücher.example").view(), "xn--bcher-kva.example");
  EXPECT_EQ(LookupName("MAIL.BÜCHER.example").view(), "mail.xn--bcher-kva.example");
}

TEST(LookupNameTest, KeepsWhatIdnaRefuses) {
  EXPECT_EQ(LookupName("\xff.Example.com").view(), "\xff.example.com");
  EXPECT_EQ(LookupName(absl::string_view("\xc3\xbc\0.Example", 11)).view(),
            absl::string_view("\xc3\xbc\0.example", 11));
}

TEST(LookupNameTest, KeepsTheEndOfWhatIsTooLong) {
  const std::string name = std::string(400, 'x') + ".Example.com";
  const LookupName lookup(name);
  EXPECT_EQ(lookup.view().size(), kMaxDomainOctets);
  EXPECT_TRUE(absl::EndsWith(lookup.view(), "xxx.example.com"));
}

}  // namespace
}  // namespace sluice::policy
