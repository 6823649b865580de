#include "engine/relay/tls_report_settings.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tls/signing_peer.h"

namespace sluice::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class TlsReportSettingsTest : public ::testing::Test {
 protected:
  std::shared_ptr<const TlsReportSettings> Read() {
    faults_.clear();
    return ReadTlsReportSettings(flags_, faults_);
  }

  tls::SigningPeer peer_;
  TlsReportFlags flags_ = {.organization = "Example", .contact = "tls@Example.COM"};
  std::vector<std::string> faults_;
};

TEST_F(TlsReportSettingsTest, AreOffUnlessAnOrganizationIsNamed) {
  flags_ = {};
  EXPECT_EQ(Read(), nullptr);
  EXPECT_THAT(faults_, IsEmpty());
  flags_.dkim_selector = "x";
  EXPECT_EQ(Read(), nullptr);
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("--tlsrpt_dkim_selector: is of no use without")));
}

TEST_F(TlsReportSettingsTest, WithoutAKeyThereIsNoSignature) {
  const auto settings = Read();
  ASSERT_NE(settings, nullptr);
  EXPECT_EQ(settings->submitter.organization, "Example");
  EXPECT_EQ(settings->submitter.contact, "tls@Example.COM");
  EXPECT_EQ(settings->submitter.domain, "example.com");
  EXPECT_EQ(settings->from, "tls@Example.COM");
  EXPECT_FALSE(settings->dkim.has_value());
}

TEST_F(TlsReportSettingsTest, TheSenderSignsForItsDomainOrAnother) {
  flags_.from = "noreply@mail.example.com";
  flags_.dkim_key = peer_.file();
  flags_.dkim_selector = "Sel.2026";
  auto settings = Read();
  ASSERT_NE(settings, nullptr);
  EXPECT_EQ(settings->from, flags_.from);
  EXPECT_EQ(settings->dkim->domain, "mail.example.com");
  EXPECT_EQ(settings->dkim->selector, "sel.2026");
  EXPECT_EQ(settings->dkim->key->dkim_algorithm(), "ed25519-sha256");
  flags_.dkim_domain = "example.com";
  settings = Read();
  ASSERT_NE(settings, nullptr);
  EXPECT_EQ(settings->dkim->domain, "example.com");
}

TEST_F(TlsReportSettingsTest, EachFaultNamesItsFlag) {
  flags_ = {.organization = "a\nb",
            .contact = "nobody",
            .from = "a@b c",
            .dkim_key = "/nowhere/key.pem",
            .dkim_selector = "a b",
            .dkim_domain = "a..b"};
  EXPECT_EQ(Read(), nullptr);
  EXPECT_THAT(
      faults_,
      ElementsAre(StartsWith("--tlsrpt_organization: "), StartsWith("--tlsrpt_contact: 'nobody'"),
                  StartsWith("--tlsrpt_from: 'a@b c'"), StartsWith("--tlsrpt_dkim_selector: "),
                  StartsWith("--tlsrpt_dkim_domain: "),
                  StartsWith("--tlsrpt_dkim_key: /nowhere/key.pem: ")));
  flags_ = {.organization = "a", .contact = "a@b.example", .dkim_key = peer_.file()};
  EXPECT_EQ(Read(), nullptr);
  EXPECT_THAT(faults_, ElementsAre(StartsWith("--tlsrpt_dkim_selector: is missing")));
}

}  // namespace
}  // namespace sluice::relay
