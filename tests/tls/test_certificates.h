// Certificates made on the spot, for tests: no file with a private key, and nothing that expires in
// the repository.
//
//   const TestAuthority authority("Test Root");
//   const TestCertificate mx = authority.Issue({.dns_names = {"mx.example.com"}});
//   const std::string trust_store = WriteTestFile(directory, "root.pem",
//   authority.certificate_pem()); const CredentialFiles files = WriteTestCredentials(directory,
//   "mx", mx);
#ifndef SLUICE_TESTS_TLS_TEST_CERTIFICATES_H_
#define SLUICE_TESTS_TLS_TEST_CERTIFICATES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tls/context.h"
#include "tls/credentials.h"

namespace sluice::tls {

enum class TestKey { kP256, kP384, kP521, kRsa1024, kRsa2048, kRsa3072 };

struct TestCertificateOptions {
  std::string common_name = "mx.example.com";
  std::vector<std::string> dns_names = {};
  std::string organization = "";
  std::string locality = "";
  std::string country = "";
  TestKey key = TestKey::kP256;
  absl::Time not_before = absl::FromUnixSeconds(1'600'000'000);  // September 2020
  absl::Time not_after = absl::FromUnixSeconds(2'500'000'000);   // March 2049
};

struct TestCertificate {
  std::string certificate_pem;  // the leaf, and what leads from it to the root, without that
  std::string key_pem;
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);  // a root
  // An authority below `above`, which outlives it.
  TestAuthority(const std::string& name, const TestAuthority& above);
  ~TestAuthority();

  TestCertificate Issue(const TestCertificateOptions& options) const;
  const std::string& certificate_pem() const { return certificate_pem_; }

 private:
  struct Pair;
  std::unique_ptr<Pair> pair_;
  std::string certificate_pem_;
  std::string chain_pem_;  // what those it issued for send along
};

TestCertificate SelfSigned(const TestCertificateOptions& options);

// Both return names of files, "DIRECTORY/NAME"; "DIRECTORY/NAME.pem" and "DIRECTORY/NAME.key".
std::string WriteTestFile(const std::string& directory, const std::string& name,
                          absl::string_view content);
CredentialFiles WriteTestCredentials(const std::string& directory, const std::string& name,
                                     const TestCertificate& certificate);

// Loaded, from files under the test's temporary directory.
std::shared_ptr<const Credentials> LoadTestCredentials(
    const std::vector<TestCertificate>& certificates);
std::shared_ptr<const TrustStore> TrustOnly(const TestAuthority& authority);

}  // namespace sluice::tls

#endif  // SLUICE_TESTS_TLS_TEST_CERTIFICATES_H_
