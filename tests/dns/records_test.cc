#include "engine/dns/records.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string WireName(absl::string_view name) {
  std::string wire;
  for (absl::string_view label : absl::StrSplit(name, '.', absl::SkipEmpty())) {
    wire.push_back(static_cast<char>(label.size()));
    wire.append(label.data(), label.size());
  }
  wire.push_back('\0');
  return wire;
}

std::string MxRecord(int preference, absl::string_view name) {
  return absl::StrCat(std::string(1, static_cast<char>(preference >> 8)),
                      std::string(1, static_cast<char>(preference)), WireName(name));
}

Response WithRecords(std::vector<std::string> records) {
  Response response;
  response.records = std::move(records);
  return response;
}

std::vector<std::string> Hosts(const MxAnswer& answer) {
  std::vector<std::string> hosts;
  for (const MxHost& host : answer.hosts) {
    hosts.push_back(absl::StrCat(host.preference, " ", host.name));
  }
  return hosts;
}

TEST(QueryNameTest, TakesDomainNames) {
  EXPECT_EQ(QueryName("MX_1.Example.com.").value(), "mx_1.example.com");
  EXPECT_EQ(QueryName("com").value(), "com");
  EXPECT_TRUE(QueryName(std::string(63, 'a')).ok());
}

TEST(QueryNameTest, RefusesWhatIsNone) {
  const std::string too_long = std::string(252, 'a') + ".b";
  for (absl::string_view name :
       {"", ".", "a..b", ".a", "a..", "a b", "bücher.example", "a\\000.b", "[192.0.2.1]"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(QueryName(name).status())) << name;
  }
  EXPECT_FALSE(QueryName(std::string(64, 'a')).ok());
  EXPECT_FALSE(QueryName(too_long).ok());
  EXPECT_FALSE(QueryName(absl::string_view("a\0b", 3)).ok());
}

TEST(ReadMxTest, OrdersByPreference) {
  Random random(1);
  const auto answer = ReadMx("example.com",
                             WithRecords({MxRecord(300, "C.example.com"), MxRecord(10, "a.example"),
                                          MxRecord(20, "b.example")}),
                             random);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(Hosts(*answer), ElementsAre("10 a.example", "20 b.example", "300 c.example.com"));
  EXPECT_FALSE(answer->implicit);
  EXPECT_FALSE(answer->null_mx);
  EXPECT_EQ(answer->security, Security::kInsecure);
}

TEST(ReadMxTest, ShufflesHostsOfOnePreference) {
  Random random(1);
  const Response response =
      WithRecords({MxRecord(10, "a"), MxRecord(10, "b"), MxRecord(10, "c"), MxRecord(5, "first")});
  std::map<std::vector<std::string>, int> orders;
  for (int i = 0; i < 6000; ++i) {
    const auto answer = ReadMx("example.com", response, random);
    EXPECT_EQ(answer->hosts[0].name, "first");
    ++orders[Hosts(*answer)];
  }
  EXPECT_THAT(orders, SizeIs(6));
  for (const auto& [order, times] : orders) EXPECT_GT(times, 800);  // 1000 of 6000 expected
}

TEST(ReadMxTest, NoRecordsMeanTheDomainItself) {
  Random random(1);
  Response response;
  response.secure = true;
  const auto answer = ReadMx("example.com", response, random);
  EXPECT_THAT(Hosts(*answer), ElementsAre("0 example.com"));
  EXPECT_TRUE(answer->implicit);
  EXPECT_EQ(answer->security, Security::kSecure);
}

TEST(ReadMxTest, NullMxStandsAlone) {
  Random random(1);
  const auto null_mx = ReadMx("example.com", WithRecords({MxRecord(0, ".")}), random);
  EXPECT_TRUE(null_mx->null_mx);
  EXPECT_THAT(null_mx->hosts, IsEmpty());
  // Beside others it says nothing (RFC 7505 §3).
  const auto mixed =
      ReadMx("example.com", WithRecords({MxRecord(0, "."), MxRecord(10, "a")}), random);
  EXPECT_FALSE(mixed->null_mx);
  EXPECT_THAT(Hosts(*mixed), ElementsAre("10 a"));
}

TEST(ReadMxTest, ErrorsHaveTheirKind) {
  Random random(1);
  Response missing;
  missing.name_exists = false;
  missing.rcode = 3;
  EXPECT_TRUE(absl::IsNotFound(ReadMx("a.example", missing, random).status()));
  Response failed;
  failed.rcode = 2;
  EXPECT_EQ(ReadMx("a.example", failed, random).status(),
            absl::UnavailableError("no MX records of a.example: SERVFAIL"));
  Response bogus = WithRecords({MxRecord(0, "a")});
  bogus.bogus = "signature expired";
  EXPECT_EQ(ReadMx("a.example", bogus, random).status(),
            absl::UnavailableError(
                "DNSSEC validation of the MX records of a.example failed: signature expired"));
  // Also of what does not exist: that it does not is what was to be validated.
  missing.bogus = "no NSEC";
  EXPECT_TRUE(absl::IsUnavailable(ReadMx("a.example", missing, random).status()));
}

TEST(ReadMxTest, RecordsThatNameNoHostAreLeftOut) {
  Random random(1);
  const std::string bad[] = {
      "",
      std::string("\0\0", 2),
      MxRecord(0, "a b"),
      MxRecord(0, "a").substr(0, 4),   // no root label
      MxRecord(0, "a") + "x",          // octets behind it
      std::string("\0\0\xc0\x0c", 4),  // a compression pointer
      std::string("\0\0\x40", 3) + std::string(64, 'a') + std::string(1, '\0'),
      std::string("\0\0\x05"
                  "ab",
                  5),  // a label cut short
      MxRecord(0, std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') +
                      "." + std::string(62, 'a')),  // 254 octets
      MxRecord(0, std::string("a\x00.b", 4)),
  };
  std::vector<std::string> records(std::begin(bad), std::end(bad));
  EXPECT_TRUE(absl::IsUnavailable(ReadMx("example.com", WithRecords(records), random).status()));
  records.push_back(MxRecord(7, "good.example"));
  const auto answer = ReadMx("example.com", WithRecords(records), random);
  EXPECT_THAT(Hosts(*answer), ElementsAre("7 good.example"));
}

TEST(ReadMxTest, KeepsABoundedNumberOfTheBest) {
  Random random(1);
  std::vector<std::string> records;
  for (int i = 0; i < 500; ++i) records.push_back(MxRecord(500 - i, absl::StrCat("h", i)));
  const auto answer = ReadMx("example.com", WithRecords(records), random);
  ASSERT_THAT(answer->hosts, SizeIs(kMaxMxHosts));
  EXPECT_EQ(answer->hosts[0].name, "h499");
}

TEST(ReadAddressesTest, AlternatesTheFamilies) {
  Random random(1);
  const std::string v6(16, '\x20');
  const auto answer = ReadAddresses(
      "mx.example", WithRecords({std::string("\xc0\0\x02\x01", 4), "\x0a\x01\x02\x03"}),
      WithRecords({v6}), random);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_THAT(answer->addresses, SizeIs(3));
  EXPECT_TRUE(answer->addresses[0].is_ipv6());
  std::set<std::string> rest = {answer->addresses[1].ip(), answer->addresses[2].ip()};
  EXPECT_THAT(rest, ElementsAre("10.1.2.3", "192.0.2.1"));
}

TEST(ReadAddressesTest, OneFamilyIsEnough) {
  Random random(1);
  Response secure = WithRecords({std::string("\xc0\0\x02\x01", 4)});
  secure.secure = true;
  Response bogus;
  bogus.bogus = "no signature";
  for (const absl::StatusOr<Response>& other :
       {absl::StatusOr<Response>(bogus), absl::StatusOr<Response>(Response()),
        absl::StatusOr<Response>(absl::UnavailableError("late"))}) {
    const auto answer = ReadAddresses("mx.example", secure, other, random);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_THAT(answer->addresses, SizeIs(1));
    EXPECT_EQ(answer->security, Security::kSecure);
  }
  const auto mixed =
      ReadAddresses("mx.example", secure, WithRecords({std::string(16, '\x20')}), random);
  EXPECT_EQ(mixed->security, Security::kInsecure);
}

TEST(ReadAddressesTest, NoAddressIsSureOnlyWhenBothSaySo) {
  Random random(1);
  Response missing;
  missing.name_exists = false;
  const absl::StatusOr<Response> late = absl::UnavailableError("late");
  EXPECT_EQ(ReadAddresses("h", Response(), Response(), random).status(),
            absl::NotFoundError("h has no address"));
  EXPECT_EQ(ReadAddresses("h", missing, missing, random).status(),
            absl::NotFoundError("the domain h does not exist"));
  EXPECT_EQ(ReadAddresses("h", Response(), late, random).status(), late.status());
  EXPECT_EQ(ReadAddresses("h", late, Response(), random).status(), late.status());
  // Records of another size are no addresses.
  EXPECT_TRUE(absl::IsNotFound(
      ReadAddresses("h", WithRecords({"abc"}), WithRecords({"abcd"}), random).status()));
}

TEST(ReadAddressesTest, KeepsABoundedNumber) {
  Random random(1);
  std::vector<std::string> records;
  for (int i = 0; i < 200; ++i) records.push_back(absl::StrCat(1000 + i));
  const auto answer = ReadAddresses("h", WithRecords(records), Response(), random);
  EXPECT_THAT(answer->addresses, SizeIs(kMaxAddresses));
}

TEST(ReadMxTest, TellsWhatTheNameStandsFor) {
  Random random(1);
  Response response = WithRecords({MxRecord(10, "mx.example.com")});
  EXPECT_EQ(ReadMx("example.com", response, random)->canonical, "example.com");
  response.canonical = "Real.Example.NET.";
  EXPECT_EQ(ReadMx("example.com", response, random)->canonical, "real.example.net");
  response.canonical = "no name";
  EXPECT_EQ(ReadMx("example.com", response, random)->canonical, "example.com");
}

TEST(ReadAddressesTest, TellsWhatTheHostStandsFor) {
  Random random(1);
  Response a = WithRecords({"\x01\x02\x03\x04"});
  a.canonical = "real.example.net";
  const absl::StatusOr<Response> none = absl::UnavailableError("no answer");
  EXPECT_EQ(ReadAddresses("mx.example.com", a, none, random)->canonical, "real.example.net");
}

TEST(ReadTlsaTest, TakesRecordsApart) {
  Response response = WithRecords({std::string("\x03\x01\x01hash", 7), std::string("\0\0\0", 3)});
  absl::StatusOr<TlsaAnswer> answer = ReadTlsa("_25._tcp.mx.example.com", response);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_THAT(answer->records, SizeIs(2));
  EXPECT_EQ(answer->records[0].usage, 3);
  EXPECT_EQ(answer->records[0].selector, 1);
  EXPECT_EQ(answer->records[0].matching_type, 1);
  EXPECT_EQ(answer->records[0].data, "hash");
  EXPECT_EQ(answer->records[1].data, "");
  EXPECT_EQ(answer->security, Security::kInsecure);
  response.secure = true;
  EXPECT_EQ(ReadTlsa("_25._tcp.mx.example.com", response)->security, Security::kSecure);
}

TEST(ReadTlsaTest, ErrorsHaveTheirKind) {
  const std::string name = TlsaName("mx.example.com", 25);
  EXPECT_EQ(name, "_25._tcp.mx.example.com");
  EXPECT_TRUE(absl::IsNotFound(ReadTlsa(name, Response()).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadTlsa(name, WithRecords({"ab"})).status()));
  Response missing;
  missing.name_exists = false;
  EXPECT_TRUE(absl::IsNotFound(ReadTlsa(name, missing).status()));
  Response failed;
  failed.rcode = 2;
  EXPECT_TRUE(absl::IsUnavailable(ReadTlsa(name, failed).status()));
  Response bogus = WithRecords({"\x03\x01\x01hash"});
  bogus.bogus = "signature expired";
  EXPECT_TRUE(absl::IsUnavailable(ReadTlsa(name, bogus).status()));
}

TEST(ReadTlsaTest, KeepsABoundedNumber) {
  const Response many = WithRecords(std::vector<std::string>(1000, "\x03\x01\x01hash"));
  EXPECT_THAT(ReadTlsa("_25._tcp.mx.example.com", many)->records, SizeIs(kMaxTlsaRecords));
}

std::string TextRecord(const std::vector<std::string>& strings) {
  std::string record;
  for (const std::string& string : strings) {
    record.push_back(static_cast<char>(string.size()));
    record += string;
  }
  return record;
}

TEST(ReadAliasTest, IsOfTheAliasAndNotOfWhatItStandsFor) {
  Response response = WithRecords({std::string("\x02mx\0", 4)});
  EXPECT_EQ(*ReadAlias("mx.example.com", response), Security::kInsecure);
  response.secure = true;
  EXPECT_EQ(*ReadAlias("mx.example.com", response), Security::kSecure);
  response.bogus = "no signature";
  EXPECT_TRUE(absl::IsUnavailable(ReadAlias("mx.example.com", response).status()));
  EXPECT_EQ(ReadAlias("mx.example.com", Response()).status(),
            absl::NotFoundError("there are no CNAME records of mx.example.com"));
}

TEST(ReadTxtTest, JoinsTheStringsOfARecord) {
  const std::string long_string(255, 'x');
  Response response = WithRecords({TextRecord({"v=STSv1; ", "id=1;"}), TextRecord({""}),
                                   TextRecord({long_string, long_string, "y"})});
  response.secure = true;
  const auto answer = ReadTxt("example.com", response);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(answer->texts,
              ElementsAre("v=STSv1; id=1;", "", absl::StrCat(long_string, long_string, "y")));
  EXPECT_EQ(answer->security, Security::kSecure);
}

TEST(ReadTxtTest, ARecordThatBreaksOffIsPassedOver) {
  EXPECT_THAT(ReadTxt("example.com", WithRecords({std::string("\x05" "abc"), TextRecord({"good"})}))
                  ->texts,
              ElementsAre("good"));
  EXPECT_EQ(ReadTxt("example.com", WithRecords({std::string("\x05" "abc")})).status(),
            absl::NotFoundError("there are no TXT records of example.com"));
}

TEST(ReadTxtTest, ErrorsAreThoseOfTheResponse) {
  EXPECT_TRUE(absl::IsNotFound(ReadTxt("example.com", Response()).status()));
  Response bogus = WithRecords({TextRecord({"a"})});
  bogus.bogus = "no signature";
  EXPECT_TRUE(absl::IsUnavailable(ReadTxt("example.com", bogus).status()));
}

TEST(ReadTxtTest, KeepsABoundedNumber) {
  const std::vector<std::string> records(200, TextRecord({"a"}));
  EXPECT_THAT(ReadTxt("example.com", WithRecords(records))->texts, SizeIs(kMaxTexts));
}

}  // namespace
}  // namespace sluice::dns
