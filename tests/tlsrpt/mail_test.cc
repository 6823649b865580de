#include "engine/tlsrpt/mail.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "engine/io/chunk.h"
#include "engine/smtp/message_header.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tls/signing_peer.h"

namespace sluice::tlsrpt {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ReportMailTest : public ::testing::Test {
 protected:
  ReportMailTest() {
    report_.domain = "example.net";
    report_.begin = absl::FromUnixSeconds(1'775'001'600);
    report_.end = absl::FromUnixSeconds(1'775'088'000);
    report_.unique_id = "1a2b";
    report_.tally.Count({.domain = "example.net"}, nullptr);
  }
  std::string Make(const std::string& gzip) {
    const tls::SigningPeer peer;
    const DkimSigner signer = {"sender.example", "sel", peer.Load()};
    return ReportMail({"Sender", "tls@sender.example", "sender.example"}, report_,
                      "noreply@sender.example", "rua@example.net", gzip, signer,
                      absl::FromUnixSeconds(1'775'090'000));
  }

  Report report_;
};

TEST_F(ReportMailTest, HasTheHeaderOfTheRfc) {
  const std::string message = Make("x");
  EXPECT_THAT(message, StartsWith("DKIM-Signature: "));
  for (const char* const field :
       {"From: <noreply@sender.example>\r\n", "To: <rua@example.net>\r\n",
        "Date: Thu, 02 Apr 2026 00:33:20 +0000\r\n",
        "Subject: Report Domain: example.net\r\n Submitter: sender.example\r\n Report-ID: "
        "<1a2b@sender.example>\r\n",
        "TLS-Report-Domain: example.net\r\n", "TLS-Report-Submitter: sender.example\r\n",
        "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n\tboundary=\"=_1a2b\"\r\n",
        "Content-Type: application/tlsrpt+gzip\r\n",
        "filename=\"sender.example!example.net!1775001600!1775087999!1a2b.json.gz\"\r\n"}) {
    EXPECT_THAT(message, HasSubstr(field));
  }
  EXPECT_TRUE(smtp::SaysTlsRequiredNo(io::Body::Copy(message)));
}

TEST_F(ReportMailTest, CarriesTheReportInShortLines) {
  const std::string gzip(5000, '\x1f');
  const std::string message = Make(gzip);
  for (const absl::string_view line : absl::StrSplit(message, "\r\n")) {
    EXPECT_LE(line.size(), 78u) << line;
    EXPECT_EQ(line.find_first_of("\r\n"), absl::string_view::npos);
  }
  const size_t begin = message.rfind("\r\n\r\n") + 4;
  const std::string base64 = message.substr(begin, message.rfind("--=_1a2b--") - begin);
  std::string octets;
  ASSERT_TRUE(absl::Base64Unescape(absl::StrReplaceAll(base64, {{"\r\n", ""}}), &octets));
  EXPECT_EQ(octets, gzip);
}

}  // namespace
}  // namespace sluice::tlsrpt
