#include "tls/credentials.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tls/test_certificates.h"
#include "tls/context.h"

namespace sluice::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~CredentialsTest() override { std::filesystem::remove_all(directory_); }

  CredentialFiles Write(const std::string& name, const TestCertificate& certificate) {
    return WriteTestCredentials(directory_, name, certificate);
  }
  // Why Load refuses them.
  static std::string Refusal(const std::vector<CredentialFiles>& files) {
    const absl::Status status = Credentials::Load(files).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }

  const std::string directory_ = testing::TempDir() + "sluice-credentials-test";
  const TestAuthority authority_{"Test Root"};
};

TEST_F(CredentialsTest, LoadsBothKinds) {
  const TestAuthority middle("Test Intermediate", authority_);
  const auto loaded =
      Credentials::Load({Write("ecdsa", middle.Issue({})),
                         Write("rsa", authority_.Issue({.key = TestKey::kRsa2048}))});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE((*loaded)->has(Credentials::Kind::kEcdsa));
  EXPECT_TRUE((*loaded)->has(Credentials::Kind::kRsa));
  const auto& served = (*loaded)->served();
  ASSERT_EQ(served.size(), 2u);
  EXPECT_EQ(served[0].file, directory_ + "/ecdsa.pem");
  ASSERT_EQ(served[0].chain.size(), 1u);
  EXPECT_EQ(served[0].chain[0].subject, "CN=Test Intermediate");
  EXPECT_EQ(served[0].details.key, "ECDSA P-256");
  EXPECT_THAT(served[1].chain, IsEmpty());
  EXPECT_EQ(served[1].details.key, "RSA 2048");
}

TEST_F(CredentialsTest, SignsOnTheCoreWithP256Alone) {
  using Kind = Credentials::Kind;
  EXPECT_TRUE(LoadTestCredentials({authority_.Issue({})})->SignsInline(Kind::kEcdsa));
  EXPECT_FALSE(
      LoadTestCredentials({authority_.Issue({.key = TestKey::kP384})})->SignsInline(Kind::kEcdsa));
  EXPECT_FALSE(
      LoadTestCredentials({authority_.Issue({.key = TestKey::kRsa2048})})->SignsInline(Kind::kRsa));
}

TEST_F(CredentialsTest, LeavesTheSignersKeysUnread) {
  using Kind = Credentials::Kind;
  const auto all = Credentials::Load({Write("p256", authority_.Issue({})),
                                      Write("rsa", authority_.Issue({.key = TestKey::kRsa2048}))});
  ASSERT_TRUE(all.ok()) << all.status();
  std::filesystem::remove(directory_ + "/rsa.key");
  const auto without = Credentials::Load({{directory_ + "/p256.pem", directory_ + "/p256.key"},
                                          {directory_ + "/rsa.pem", directory_ + "/rsa.key"}},
                                         Credentials::Keys::kInlineOnly);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ((*without)->key_id(Kind::kRsa), (*all)->key_id(Kind::kRsa));
  EXPECT_NE((*without)->key_id(Kind::kRsa), (*without)->key_id(Kind::kEcdsa));
  EXPECT_NE((*without)->key(Kind::kEcdsa), nullptr);
  EXPECT_DEATH((*without)->key(Kind::kRsa), "check failed");
}

TEST_F(CredentialsTest, TellsWhatACertificateSays) {
  const auto loaded = Credentials::Load(
      {Write("ecdsa", authority_.Issue({.common_name = "mail.example.com",
                                        .dns_names = {"mail.example.com", "*.example.org"},
                                        .organization = "Beispiel \"GmbH\", \xc3\xbc",
                                        .locality = "Berlin",
                                        .country = "DE",
                                        .key = TestKey::kP384,
                                        .not_before = absl::FromUnixSeconds(1'600'000'000),
                                        .not_after = absl::FromUnixSeconds(1'800'000'000)}))});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const CertificateDetails& details = (*loaded)->served()[0].details;
  EXPECT_EQ(details.common_name, "mail.example.com");
  EXPECT_THAT(details.subject_alternative_names,
              ElementsAre("DNS:mail.example.com", "DNS:*.example.org"));
  EXPECT_EQ(details.organization, "Beispiel \\\"GmbH\\\", \\303\\274");
  EXPECT_EQ(details.location, "Berlin, DE");
  EXPECT_THAT(details.serial_number, testing::MatchesRegex("[0-9A-F][0-9A-F](:[0-9A-F][0-9A-F])+"));
  EXPECT_EQ(details.signature_algorithm, "ecdsa-with-SHA256");
  EXPECT_EQ(details.subject,
            "CN=mail.example.com,O=Beispiel \\\"GmbH\\\"\\, \\C3\\BC,L=Berlin,C=DE");
  EXPECT_EQ(details.issuer, "CN=Test Root");
  EXPECT_EQ(details.not_before, absl::FromUnixSeconds(1'600'000'000));
  EXPECT_EQ(details.not_after, absl::FromUnixSeconds(1'800'000'000));
  EXPECT_EQ(details.key, "ECDSA P-384");
  EXPECT_THAT(details.fingerprint_sha256, testing::MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(details.fingerprint_sha256.size(), 64u);
  EXPECT_EQ(details.key_fingerprint_sha256.size(), 64u);
  EXPECT_NE(details.key_fingerprint_sha256, details.fingerprint_sha256);
}

TEST_F(CredentialsTest, RefusesAnotherKey) {
  CredentialFiles files = Write("a", authority_.Issue({}));
  files.private_key = Write("b", authority_.Issue({})).private_key;
  EXPECT_EQ(Refusal({files}), "--tls_private_key: " + directory_ +
                                  "/b.key: is not the key of the first certificate in " +
                                  directory_ + "/a.pem");
}

TEST_F(CredentialsTest, RefusesKeysThatAreNotApproved) {
  EXPECT_THAT(Refusal({Write("weak", authority_.Issue({.key = TestKey::kRsa1024}))}),
              HasSubstr("weak.pem: has an RSA key of 1024 bits; 2048 to 4096 are accepted"));
  EXPECT_THAT(Refusal({Write("p521", authority_.Issue({.key = TestKey::kP521}))}),
              HasSubstr("p521.pem: has neither an ECDSA key on P-256 or P-384 nor an RSA key"));
}

TEST_F(CredentialsTest, RefusesTwoOfAKind) {
  EXPECT_THAT(Refusal({Write("a", authority_.Issue({})), Write("b", authority_.Issue({}))}),
              HasSubstr("b.pem: is the second certificate of its kind"));
}

TEST_F(CredentialsTest, RefusesWhatCannotBeRead) {
  const CredentialFiles good = Write("good", authority_.Issue({}));
  EXPECT_THAT(Refusal({}), HasSubstr("--tls_certificate: no certificate"));
  EXPECT_THAT(Refusal({{directory_ + "/none.pem", good.private_key}}),
              HasSubstr("--tls_certificate: " + directory_ + "/none.pem: cannot be read"));
  EXPECT_THAT(Refusal({{good.certificate, directory_ + "/none.key"}}),
              HasSubstr("--tls_private_key: " + directory_ + "/none.key: cannot be read"));
  EXPECT_THAT(Refusal({{good.private_key, good.private_key}}),
              HasSubstr("holds no certificate in PEM"));
  EXPECT_THAT(Refusal({{good.certificate, good.certificate}}),
              HasSubstr("holds no private key in PEM"));
  const std::string half = authority_.Issue({}).certificate_pem;
  const std::string broken =
      WriteTestFile(directory_, "broken.pem",
                    half + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(Refusal({{broken, good.private_key}}), HasSubstr("behind good ones"));
}

TEST_F(CredentialsTest, TrustStoreIsAFileOrADirectory) {
  const TestAuthority other("Other Root");
  const std::string file = WriteTestFile(directory_, "roots.pem",
                                         authority_.certificate_pem() + other.certificate_pem());
  EXPECT_TRUE(TrustStore::Load(file).ok());
  WriteTestFile(directory_, "README", "no certificate\n");
  std::filesystem::create_symlink(directory_ + "/roots.pem", directory_ + "/link.pem");
  std::filesystem::create_symlink(directory_ + "/nowhere", directory_ + "/dead.pem");
  EXPECT_TRUE(TrustStore::Load(directory_).ok());
}

TEST_F(CredentialsTest, TrustStoreSaysWhatIsWrong) {
  const auto refusal = [](const std::string& path) {
    const absl::Status status = TrustStore::Load(path).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refusal(directory_ + "/none"),
              HasSubstr("--trust_store: " + directory_ + "/none is not there"));
  EXPECT_THAT(refusal(directory_), HasSubstr("holds no certificate in PEM"));
  EXPECT_THAT(refusal(WriteTestFile(directory_, "empty", "")),
              HasSubstr("holds no certificate in PEM"));
  EXPECT_THAT(
      refusal(WriteTestFile(directory_, "bad",
                            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
      HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace sluice::tls
