#include "engine/tlsrpt/record.h"

#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::tlsrpt {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<Endpoint> Read(const std::string& record) {
  const absl::StatusOr<std::vector<Endpoint>> endpoints = ReadEndpoints({record});
  EXPECT_TRUE(endpoints.ok()) << record << ": " << endpoints.status();
  return endpoints.value_or(std::vector<Endpoint>());
}

std::string Address(const Endpoint& endpoint) {
  return std::get<MailEndpoint>(endpoint.where).address;
}

// "host:port target"
std::string Place(const Endpoint& endpoint) {
  const auto& web = std::get<WebEndpoint>(endpoint.where);
  return absl::StrCat(web.host, ":", web.port, " ", web.target);
}

TEST(ReadEndpointsTest, TakesTheExamplesOfTheRfc) {
  const std::vector<Endpoint> mail = Read("v=TLSRPTv1;rua=mailto:reports@example.com");
  ASSERT_THAT(mail, SizeIs(1));
  EXPECT_EQ(mail[0].uri, "mailto:reports@example.com");
  EXPECT_EQ(Address(mail[0]), "reports@example.com");
  const std::vector<Endpoint> web = Read("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt");
  ASSERT_THAT(web, SizeIs(1));
  EXPECT_EQ(Place(web[0]), "reporting.example.com:443 /v1/tlsrpt");
  const std::vector<Endpoint> dotted = Read("v=TLSRPTv1; rua=https://Reports.Example.:8443/");
  EXPECT_EQ(std::get<WebEndpoint>(dotted.at(0).where).host, "reports.example");
}

TEST(ReadEndpointsTest, KeepsTheOrder) {
  const std::vector<Endpoint> endpoints = Read(
      "v=TLSRPTv1 ; rua=mailto:a@example.com , https://b.example:8443?x=1,mailto:c@d.example;\t");
  ASSERT_THAT(endpoints, SizeIs(3));
  EXPECT_EQ(Address(endpoints[0]), "a@example.com");
  EXPECT_EQ(Place(endpoints[1]), "b.example:8443 /?x=1");
  EXPECT_EQ(Address(endpoints[2]), "c@d.example");
}

TEST(ReadEndpointsTest, DecodesAnAddressAndPassesOverItsHeader) {
  EXPECT_EQ(Address(Read("v=TLSRPTv1; rua=MailTo:a%2Bb%21c@example.com?subject=x").at(0)),
            "a+b!c@example.com");
}

TEST(ReadEndpointsTest, PassesOverFieldsThatItDoesNotKnow) {
  EXPECT_THAT(Read("v=TLSRPTv1; x-y.z_1=!@#:/?; rua=mailto:a@example.com"), SizeIs(1));
}

TEST(ReadEndpointsTest, PassesOverPlacesThatCannotBeReached) {
  for (const char* const bad : {"ftp://example.com/",
                                "http://example.com/",
                                "mailto:",
                                "mailto:nobody",
                                "mailto:postmaster",
                                "mailto:a@[192.0.2.1]",
                                "mailto:a@b@example.com",
                                "mailto:a%0d%0aX:y@example.com",
                                "mailto:a%2@example.com",
                                "mailto:%3Ca@example.com%3E",
                                "mailto:a%20b@example.com",
                                "mailto:%c3%a4@example.com",
                                "https:example.com/",
                                "https:///x",
                                "https://192.0.2.1/",
                                "https://[2001:db8::1]/",
                                "https://user@example.com/",
                                "https://example.com:0/",
                                "https://example.com:65536/",
                                "https://example.com:4a/",
                                "https://exam_ple.com/",
                                "https://a..b/",
                                "nonsense"}) {
    const absl::Status alone = ReadEndpoints({absl::StrCat("v=TLSRPTv1; rua=", bad)}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(alone)) << bad;
    EXPECT_THAT(Read(absl::StrCat("v=TLSRPTv1; rua=", bad, ",mailto:a@example.com")), SizeIs(1))
        << bad;
  }
}

TEST(ReadEndpointsTest, TakesNoMoreThanSome) {
  std::string record = "v=TLSRPTv1; rua=mailto:a0@example.com";
  for (int i = 1; i < 50; ++i) absl::StrAppend(&record, ",mailto:a", i, "@example.com");
  const std::vector<Endpoint> endpoints = Read(record);
  ASSERT_THAT(endpoints, SizeIs(kMostEndpoints));
  EXPECT_EQ(Address(endpoints.back()), "a7@example.com");
}

TEST(ReadEndpointsTest, OtherRecordsAreNobodysBusiness) {
  const absl::StatusOr<std::vector<Endpoint>> endpoints = ReadEndpoints(
      {"v=spf1 -all", "v=TLSRPTv1; rua=mailto:a@example.com", "v=TLSRPTv2; rua=x",
       "v=TLSRPTv10; rua=x", " v=TLSRPTv1; rua=x", "V=TLSRPTv1; rua=x", "v=TLSRPTv1"});
  ASSERT_TRUE(endpoints.ok()) << endpoints.status();
  EXPECT_THAT(*endpoints, SizeIs(1));
  EXPECT_TRUE(absl::IsNotFound(ReadEndpoints({"v=spf1 -all", "v=TLSRPTv1"}).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadEndpoints({}).status()));
}

TEST(ReadEndpointsTest, OfSeveralRecordsNoneCounts) {
  const std::string good = "v=TLSRPTv1; rua=mailto:a@example.com";
  for (const char* const second : {"v=TLSRPTv1; rua=mailto:a@example.com", "v=TLSRPTv1; broken"}) {
    const absl::Status status = ReadEndpoints({good, second}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << second;
    EXPECT_THAT(status.message(), HasSubstr("several"));
  }
}

TEST(ReadEndpointsTest, RefusesWhatTheGrammarDoesNotTake) {
  for (const char* const text :
       {"v=TLSRPTv1;", "v=TLSRPTv1; ;", "v=TLSRPTv1; x=1", "v=TLSRPTv1; rua=", "v=TLSRPTv1; rua",
        "v=TLSRPTv1; RUA=mailto:a@example.com", "v=TLSRPTv1; rua =mailto:a@example.com",
        "v=TLSRPTv1; rua=mailto:a@example.com;; ", "v=TLSRPTv1; rua=mailto:a@example.com; -x=1",
        "v=TLSRPTv1; rua=mailto:a@example.com; x=a=b", "v=TLSRPTv1; rua=mailto:a@example.com,",
        "v=TLSRPTv1; rua=mailto:a@example.com mailto:b@example.com",
        "v=TLSRPTv1; rua=mailto:a@example.com; rua=mailto:b@example.com",
        "v=TLSRPTv1; rua=mailto:a@example.com\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadEndpoints({text}).status())) << text;
  }
}

TEST(ReadEndpointsTest, FaultsAreToldInPrintableText) {
  EXPECT_EQ(ReadEndpoints({"v=TLSRPTv1; rua=\x1b[31m"}).status().message(),
            "the TLSRPT record \"v=TLSRPTv1; rua=\\x1b[31m\" has a place that is no URI");
}

}  // namespace
}  // namespace sluice::tlsrpt
