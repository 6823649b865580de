#include "engine/tlsrpt/report.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/tlsrpt/gunzip.h"

namespace sluice::tlsrpt {
namespace {

using nlohmann::json;

const Submitter kCompany = {"Company-X", "sts-reporting@company-x.example", "company-x.example"};

// That of RFC 8460, Appendix B.
Report Example() {
  Report report;
  report.domain = "company-y.example";
  report.begin = absl::FromCivil(absl::CivilDay(2016, 4, 1), absl::UTCTimeZone());
  report.end = absl::FromCivil(absl::CivilDay(2016, 4, 2), absl::UTCTimeZone());
  report.unique_id = "5065427c23d3";
  const Policy sts = {.type = PolicyType::kSts,
                      .domain = "company-y.example",
                      .strings = {"version: STSv1", "mode: testing", "mx: *.mail.company-y.example",
                                  "max_age: 86400"},
                      .mx_hosts = {"*.mail.company-y.example"}};
  for (int i = 0; i < 5326; ++i) report.tally.Count(sts, nullptr);
  const auto fail = [&](int sessions, const Failure& failure) {
    for (int i = 0; i < sessions; ++i) report.tally.Count(sts, &failure);
  };
  fail(100, {.type = ResultType::kCertificateExpired,
             .sending_ip = "2001:db8:abcd:0012::1",
             .mx_host = "mx1.mail.company-y.example"});
  fail(200, {.type = ResultType::kStarttlsNotSupported,
             .sending_ip = "2001:db8:abcd:0013::1",
             .mx_host = "mx2.mail.company-y.example",
             .receiving_ip = "203.0.113.56"});
  fail(3, {.type = ResultType::kValidationFailure,
           .sending_ip = "198.51.100.62",
           .mx_host = "mx-backup.mail.company-y.example",
           .receiving_ip = "203.0.113.58",
           .reason_code = "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"});
  return report;
}

TEST(ReportTest, IsTheExampleOfTheRfc) {
  const json expected = json::parse(R"({
    "organization-name": "Company-X",
    "date-range": {
      "start-datetime": "2016-04-01T00:00:00Z",
      "end-datetime": "2016-04-01T23:59:59Z"
    },
    "contact-info": "sts-reporting@company-x.example",
    "report-id": "5065427c23d3@company-x.example",
    "policies": [{
      "policy": {
        "policy-type": "sts",
        "policy-string": ["version: STSv1", "mode: testing",
              "mx: *.mail.company-y.example", "max_age: 86400"],
        "policy-domain": "company-y.example",
        "mx-host": ["*.mail.company-y.example"]
      },
      "summary": {
        "total-successful-session-count": 5326,
        "total-failure-session-count": 303
      },
      "failure-details": [{
        "result-type": "certificate-expired",
        "sending-mta-ip": "2001:db8:abcd:0012::1",
        "receiving-mx-hostname": "mx1.mail.company-y.example",
        "failed-session-count": 100
      }, {
        "result-type": "starttls-not-supported",
        "sending-mta-ip": "2001:db8:abcd:0013::1",
        "receiving-mx-hostname": "mx2.mail.company-y.example",
        "receiving-ip": "203.0.113.56",
        "failed-session-count": 200
      }, {
        "result-type": "validation-failure",
        "sending-mta-ip": "198.51.100.62",
        "receiving-ip": "203.0.113.58",
        "receiving-mx-hostname": "mx-backup.mail.company-y.example",
        "failed-session-count": 3,
        "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
      }]
    }]
  })");
  EXPECT_EQ(json::parse(ReportJson(kCompany, Example())), expected);
}

TEST(ReportTest, WhereNothingFailedThereAreNoDetails) {
  Report report = Example();
  report.tally = DomainTally();
  report.tally.Count({.type = PolicyType::kNoPolicyFound}, nullptr);
  const json policy = json::parse(ReportJson(kCompany, report))["policies"].at(0);
  EXPECT_FALSE(policy.contains("failure-details"));
  EXPECT_EQ(policy["policy"],
            json({{"policy-type", "no-policy-found"}, {"policy-domain", "company-y.example"}}));
}

TEST(ReportTest, WhatIsNoUtf8IsReplaced) {
  Report report = Example();
  const Failure failure = {.mx_helo = "mx\xff"};
  report.tally.Count({.domain = "a.example"}, &failure);
  const json read = json::parse(ReportJson(kCompany, report));
  EXPECT_EQ(read["policies"][1]["failure-details"][0]["receiving-mx-helo"], "mx\xef\xbf\xbd");
}

TEST(ReportTest, IsCompressedAsGzip) {
  const std::string text = ReportJson(kCompany, Example());
  const std::string gzip = Gzip(text);
  EXPECT_LT(gzip.size(), text.size());
  EXPECT_EQ(gzip.substr(0, 2), "\x1f\x8b");
  EXPECT_EQ(gzip, Gzip(text));
  EXPECT_EQ(Gunzip(gzip), text);
}

TEST(ReportTest, TheFileIsNamedAsTheRfcSays) {
  EXPECT_EQ(FileName(kCompany, Example()),
            "company-x.example!company-y.example!1459468800!1459555199!5065427c23d3.json.gz");
}

}  // namespace
}  // namespace sluice::tlsrpt
